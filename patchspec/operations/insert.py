"""insert: put new layers behind a tensor, in front of a layer, or between the two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.references import parse_reference
from patchspec.graph.tensors import Slot, Tensor
from patchspec.operations._new_layers import Growth, Soil, grow, references_in
from patchspec.operations._operation import (
    WHOLE_MODEL,
    Each,
    Given,
    NewLayers,
    Operation,
    Place,
    Target,
    said,
)
from patchspec.operations._wiring import (
    calls_of,
    lone_output,
    redirect,
    select_calls,
    wired_layer,
)
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Event

Position = Annotated[
    int | str,
    said(
        type=["integer", "string"],
        minimum=0,
        description="Which input of the layer: its position, its keyword, or `all`.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert(Operation):
    """Put new layers into the graph: after a tensor, before a layer, or between the two.

    With `after`, everything that reads the tensor, model outputs included, reads the new layers.
    With `before`, what the layer reads passes through them. With both, only where the one reads
    the other. With neither, nothing is redirected and the `inputs` of the new layers say all.

    - op: insert
      after: block1_relu
      new: {class: Dropout, name: block1_drop, config: {rate: 0.2}}
    """

    new: NewLayers
    after: Place | None = None
    before: Place | None = None
    input: Position | None = None
    each: Each = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        if self.input is not None and (self.before is None or self.after is not None):
            refuse("PS216", "`input` goes with `before` alone", at=("input",), on="key")
        if self.after is None and self.before is None:
            return (WHOLE_MODEL,)
        if self.after is None:
            return select_calls(self.before, graph, at=("before",))
        targets = select_calls(self.after, graph, at=("after",))
        if self.before is None:
            return targets
        others = select_calls(self.before, graph, at=("before",))
        _check_all_connected(graph, targets, others)
        return tuple(replace(target, others=others) for target in targets)

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        if self.after is not None:
            yield from self._after(graph, target, given.seed)
        elif self.before is not None:
            yield from self._before(graph, target, given.seed)
        else:
            yield from grow(self.new, Soil(graph, self._place(graph), target, given.seed)).added()

    def _place(self, graph: Graph) -> Graph:
        """The model in which the first tensor lies that the first new layer reads."""
        first = self.new[0] if isinstance(self.new, list) else self.new
        for reference in references_in(first.get("inputs")):
            path = parse_reference(reference).path
            if "/" in path and graph.layer(path, at=("new",)):
                return graph.home(path)
        return graph

    def _after(self, graph: Graph, target: Target, seed: int) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("after",))
        output = lone_output(home, layer, target, at=("after",))
        here = [Tensor(layer.name, call.index, output) for call in calls_of(layer, target)]
        readers = {tensor: home.reading(tensor) for tensor in here}
        if target.others:
            between = _slots(graph, target.others)
            readers = {t: tuple(s for s in r if s in between) for t, r in readers.items()}
            here = [tensor for tensor in here if readers[tensor]]
        growth = grow(self.new, Soil(graph, home, target, seed, tuple(here)))
        for tensor, result in zip(here, growth.results, strict=True):
            yield from (redirect(home, slot, result) for slot in readers[tensor])
        yield from growth.added()

    def _before(self, graph: Graph, target: Target, seed: int) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("before",))
        if layer.is_input:
            refuse("PS405", f"nothing comes before the input layer `{layer.name}`", at=("before",))
        calls = calls_of(layer, target)
        keys = self._positions(layer, calls)
        for copy, key in enumerate(keys):
            slots = [slot for call in calls for slot in call.slots if slot.key == key]
            here = tuple(dict.fromkeys(slot.tensor for slot in slots))
            twins = {s.key for c in calls for s in c.slots if s.in_args and s.tensor in here}
            if copy and any(other in twins for other in keys[:copy]):
                continue
            suffix = f"_{copy}" if copy else ""
            growth = grow(self.new, Soil(graph, home, target, seed, here, suffix=suffix))
            yield from self._through(home, calls, here, growth, set(keys))
            yield from growth.added()

    def _through(
        self,
        home: Graph,
        calls: tuple[Call, ...],
        here: tuple[Tensor, ...],
        growth: Growth,
        keys: set[tuple[str | int, ...]],
    ) -> Iterator[Edit]:
        results = dict(zip(here, growth.results, strict=True))
        for slot in (slot for call in calls for slot in call.slots):
            if slot.key in keys and slot.tensor in results:
                yield redirect(home, slot, results[slot.tensor])

    def _positions(self, layer: Layer, calls: tuple[Call, ...]) -> list[tuple[str | int, ...]]:
        """Which argument places pass through the new layers."""
        placed = list(dict.fromkeys(s.key for c in calls for s in c.slots if s.in_args))
        named = {str(s.key[1]): s.key for c in calls for s in c.slots if not s.in_args}
        if self.input == "all":
            return placed
        if isinstance(self.input, int):
            if self.input >= len(placed):
                refuse(
                    "PS408",
                    f"`{layer.name}` reads {len(placed)} tensors by position",
                    at=("input",),
                    hint="positions count from 0",
                )
            return [placed[self.input]]
        if self.input is not None:
            if self.input not in named:
                refuse(
                    "PS408",
                    f"`{layer.name}` reads nothing by the keyword `{self.input}`",
                    at=("input",),
                    hint=f"its keywords are {some(sorted(named))}" if named else None,
                )
            return [named[self.input]]
        if any(len(call.distinct) > 1 for call in calls) or not placed:
            reads = some(str(tensor) for tensor in calls[0].distinct)
            refuse(
                "PS408",
                f"`{layer.name}` reads several tensors; say which pass through the new layers",
                at=("before",),
                notes=[f"it reads {reads}"],
                hint="`input: 0` is the first, `input: all` means each",
            )
        return placed


def _slots(graph: Graph, targets: tuple[Target, ...]) -> set[Slot]:
    """Every place where one of the targets reads something."""
    layers = [(wired_layer(graph, target, at=("before",))[1], target) for target in targets]
    return {s for layer, target in layers for call in calls_of(layer, target) for s in call.slots}


def _check_all_connected(
    graph: Graph, after: tuple[Target, ...], before: tuple[Target, ...]
) -> None:
    """Refuse an `after` that none of `before` reads, and a `before` that reads none of `after`."""
    made = {
        target: {
            Tensor(layer.name, call.index, output)
            for home, layer in [wired_layer(graph, target, at=("after",))]
            for output in [lone_output(home, layer, target, at=("after",))]
            for call in calls_of(layer, target)
        }
        for target in after
    }
    _check_one_model(graph, after, before)
    every = set().union(*made.values())
    for target in before:
        read = {slot.tensor for slot in _slots(graph, (target,))}
        if not read & every:
            refuse(
                "PS407",
                f"`{target}` reads none of the layers in `after`",
                at=("before",),
                notes=[f"it reads {some(sorted(map(str, read))) or 'nothing'}"],
            )
    read_between = {slot.tensor for slot in _slots(graph, before)}
    for target, tensors in made.items():
        if not tensors & read_between:
            refuse(
                "PS407",
                f"none of the layers in `before` reads `{target}`",
                at=("after",),
                notes=[f"it is read by {_readers(graph.home(target.path), tensors)}"],
            )


def _check_one_model(graph: Graph, after: tuple[Target, ...], before: tuple[Target, ...]) -> None:
    """Refuse layers of two models: no layer of the one reads a layer of the other."""
    [first, *_] = after
    for target in (*after, *before):
        if graph.home(target.path).path != graph.home(first.path).path:
            refuse(
                "PS407",
                f"`{first}` and `{target}` lie in two models, and neither reads the other",
                at=("before",) if target in before else ("after",),
            )


def _readers(home: Graph, tensors: set[Tensor]) -> str:
    names = {
        home.reader(slot).name
        for tensor in tensors
        for slot in home.reading(tensor)
        if not slot.is_output
    }
    return some(sorted(names)) if names else "the model's outputs alone"
