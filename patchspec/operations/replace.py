"""replace: put new layers in the place of layers that are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.selectors import select_runs
from patchspec.graph.tensors import Tensor
from patchspec.layers.check import accepts_argument
from patchspec.operations._made import layer_meant
from patchspec.operations._names import fill
from patchspec.operations._new_layers import Growth, Soil, grow
from patchspec.operations._operation import Each, Given, NewLayers, Operation, Place, Target
from patchspec.operations._wiring import (
    calls_of,
    redirect,
    select_calls,
    wired_layer,
    without_call,
)
from patchspec.problems import Pointer, refuse
from patchspec.weights.lineage import Dropped, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(Operation):
    """Put new layers in the place of each match; its readers read them.

    The first new layer is called as the old one was. A lone new layer without a `name` takes the
    old one's. `layers: {run: [...]}` takes adjacent layers as one match.

    - op: replace
      layers: predictions
      new: {class: Dense, name: flowers, config: {units: 5, activation: softmax}}
    """

    layers: Place
    new: NewLayers
    each: Each = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        if isinstance(self.layers, Mapping) and "run" in self.layers:
            runs = select_runs(self.layers, graph, at=("layers",))
            return tuple(
                Target(match.layer.path, i, run=tuple(layer.path for layer in match.run))
                for i, match in enumerate(runs)
            )
        return select_calls(self.layers, graph, at=("layers",))

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("layers",))
        if layer.is_input:
            refuse(
                "PS405",
                f"`{layer.name}` is an input of the model, which `replace` does not change",
                at=("layers",),
            )
        calls = calls_of(layer, target)
        whole = len(calls) == len(layer.calls)
        soil = self._soil(layer, calls, graph=graph, home=home, target=target, seed=given.seed)
        growth = grow(self.new, soil)
        if target.run:
            yield from self._run(graph, home, target, growth)
        elif whole:
            yield from self._whole(home, layer, growth)
        else:
            yield from self._one_call(home, layer, calls[0], growth)

    def _soil(
        self,
        layer: Layer,
        calls: tuple[Call, ...],
        *,
        graph: Graph,
        home: Graph,
        target: Target,
        seed: int,
    ) -> Soil:
        first, at = _first(self.new)
        class_name = _class_of(first, graph, layer, at)
        taken = tuple(_taken_over(call, class_name, layer, at) for call in calls)
        return Soil(
            graph,
            home,
            target,
            seed,
            here=tuple(call.distinct[0] if len(call.distinct) == 1 else None for call in calls),
            first_calls=taken if "inputs" not in first else (),
            replaces=layer,
            trainable=layer.config.get("trainable", True) is True,
        )

    def _whole(self, home: Graph, layer: Layer, growth: Growth) -> Iterator[Edit | Event]:
        yield from _readers_follow(home, layer, layer.calls, growth)
        yield Dropped(layer.path)
        if len(growth.entries) == 1 and not growth.beside:
            yield edits.replace(layer.pointer, growth.entries[0])
            yield growth.created[0]
            return
        # New calls of other layers first: their places move when the old layer goes.
        yield from growth.beside
        yield edits.remove(layer.pointer)
        yield from replace(growth, beside=()).added()

    def _run(
        self, graph: Graph, home: Graph, target: Target, growth: Growth
    ) -> Iterator[Edit | Event]:
        """The readers of the last layer of the run follow, and all of the run goes."""
        run = [graph.layer(path) for path in target.run]
        yield from _readers_follow(home, run[-1], run[-1].calls, growth)
        yield from growth.beside
        for layer in run:
            yield Dropped(layer.path)
        for layer in sorted(run, key=lambda layer: layer.pointer, reverse=True):
            yield edits.remove(layer.pointer)
        yield from replace(growth, beside=()).added()

    def _one_call(
        self, home: Graph, layer: Layer, call: Call, growth: Growth
    ) -> Iterator[Edit | Event]:
        if growth.entries and growth.entries[-1]["name"] == layer.name:
            refuse(
                "PS306",
                f"`{layer.name}` keeps its other calls, so the new layer needs a name of its own",
                at=("new",),
                hint="give it a `name`",
            )
        yield from _readers_follow(home, layer, (call,), growth)
        yield from without_call(home, layer, call.index)
        yield from growth.added()


def _first(new: Any) -> tuple[Mapping[str, Any], Pointer]:
    return (new[0], ("new", 0)) if isinstance(new, list) else (new, ("new",))


def _class_of(first: Mapping[str, Any], graph: Graph, layer: Layer, at: Pointer) -> str:
    """The class that takes over the calls: as said, or that of the layer that is named."""
    if "class" in first:
        return str(first["class"])
    said = "like" if "like" in first else "layer"
    target = Target(layer.path)
    path = fill(first[said], target, at=(*at, said))
    return layer_meant(path, target, graph, at=(*at, said)).class_names[-1]


def _taken_over(call: Call, class_name: str, layer: Layer, at: Pointer) -> Mapping[str, Any]:
    """The call as the new class can take it; what it cannot and what is not idle is refused."""
    kwargs = dict(call.data.get("kwargs", {}))
    for key in list(kwargs):
        if accepts_argument(class_name, key):
            continue
        if kwargs[key] is None or kwargs[key] is False:
            del kwargs[key]
            continue
        refuse(
            "PS419",
            f"`{layer.name}` is called with `{key}`, which `{class_name}` does not take",
            at=at,
            hint="give the new layer `inputs` of its own",
        )
    return {"args": call.data.get("args", []), "kwargs": kwargs}


def _readers_follow(
    home: Graph, layer: Layer, calls: tuple[Call, ...], growth: Growth
) -> Iterator[Edit]:
    """Every reader reads the new layers; those of further outputs only where one layer stands."""
    for call, result in zip(calls, growth.results, strict=True):
        for tensor in home.read_outputs.get((layer.name, call.index), ()):
            if tensor.output > 0 and len(growth.entries) > 1:
                refuse(
                    "PS404",
                    f"`{tensor}` is read, and several new layers make one tensor in all",
                    at=("new",),
                    hint="rewire what reads the further outputs first",
                )
            if tensor == Tensor(result.layer, result.call, tensor.output):
                # An output of the model names calls of a nested model one higher than of a layer.
                shifted = [slot for slot in home.reading(tensor) if slot.offset]
                yield from (slot.read(tensor, offset=0) for slot in shifted)
                continue
            for slot in home.reading(tensor):
                yield redirect(home, slot, Tensor(result.layer, result.call, tensor.output))
