"""extract: make the model exactly what leads to some tensors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.order import Call
from patchspec.graph.selectors import CONDITIONS
from patchspec.graph.tensors import Tensor, triple
from patchspec.operations._leading_out import (
    lead_out,
    leading_targets,
    levels_to,
    renumber_outputs,
)
from patchspec.operations._made import input_entry
from patchspec.operations._new_layers import is_reference
from patchspec.operations._operation import WHOLE_MODEL, Form, Given, Operation, Outputs, Target
from patchspec.operations._outputs import Named, named_outputs, refuse_inputs, said_outputs, written
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Created, Dropped, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract(Operation):
    """Make the model exactly what leads to the outputs named, in that order.

    What they do not need goes, weights included. Without `outputs` the outputs stay, and what
    leads to none of them goes. A tensor named under `inputs` becomes a fresh input.

    - op: extract
      outputs: block2_relu
    """

    outputs: Outputs | None = None
    inputs: Outputs | None = None
    form: Form | None = None

    @property
    def restates_outputs(self) -> bool:
        return self.outputs is not None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        idle = {model.path: None for model in graph.models() if model.parents and model.dead}
        if self.outputs is None:
            return (WHOLE_MODEL, *_outermost_first(idle))
        said = [(one.reference, one.at) for one in said_outputs(self.outputs, graph)]
        leading = tuple(leading_targets(said, graph))
        models = {
            level.model.path: None
            for target in leading
            if target.reference is not None
            for level in levels_to(target.reference, graph, at=("outputs",))
        }
        return (*leading, WHOLE_MODEL, *_outermost_first({**models, **idle}))

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        if target.reference is not None:
            yield from lead_out(graph, target.reference, at=("outputs",))
        elif target.path:
            if target.path not in graph.by_path:
                return
            yield from _trimmed(graph, target)
        else:
            yield from self._whole(graph, given.seed)

    def _whole(self, graph: Graph, seed: int) -> Iterator[Edit | Event]:
        named = None if self.outputs is None else named_outputs(self.outputs, graph)
        refuse_inputs(named or (), graph)
        ends = [slot.tensor for slot in graph.outputs] if named is None else _tensors(named)
        entrances = self._entrances(graph)
        cuts = _cuts(entrances or (), graph)
        _check_ends(ends, cuts, self.outputs)
        needed = needed_calls(graph, ends, set(cuts))
        moved = _renumbered(graph, needed)
        inputs, kept = self._inputs(graph, entrances, needed, cuts)

        yield from _moves(graph, needed, moved, cuts, outputs_too=named is None)
        if named is not None:
            following = [replace(one, tensor=_moved(one.tensor, moved)) for one in named]
            structure, added = self._structure(graph, following, seed)
            yield edits.replace((*graph.pointer, "output_layers"), structure)
            yield from added
        if inputs is not None:
            yield edits.replace((*graph.pointer, "input_layers"), inputs)
        alive = {layer for layer, _ in needed} | kept
        yield from _without(graph, needed, alive)
        for name, entry in _fresh(entrances or (), cuts, alive, graph):
            yield edits.add((*graph.pointer, "layers", "-"), entry)
            yield Created(name)

    def _structure(
        self, graph: Graph, named: list[Named], seed: int
    ) -> tuple[Any, list[Edit | Event]]:
        lone = self.form is None and is_reference(self.outputs) and len(named) == 1
        form = self.form or ("dict" if _gives_names(self.outputs) else "list")
        if lone:
            # Nothing tells a lone output from others, so it needs no name of its own.
            named = [replace(one, given=False) for one in named]
        structure, added = written(graph, named, form, seed)
        return (structure[0] if lone and form == "list" else structure), added

    def _entrances(self, graph: Graph) -> list[Named] | None:
        """The tensors that become the inputs of the model; none where the inputs stay."""
        if self.inputs is None:
            return None
        for one in said_outputs(self.inputs, graph, at=("inputs",)):
            if "/" in one.reference.layer:
                refuse(
                    "PS415",
                    f"`{one.reference}` lies inside a nested model, which is not cut open",
                    at=one.at,
                    hint="`extract` inside it goes by its own input layers",
                )
        return named_outputs(self.inputs, graph, at=("inputs",))

    def _inputs(
        self,
        graph: Graph,
        entrances: list[Named] | None,
        needed: set[Call],
        cuts: Mapping[Tensor, Tensor],
    ) -> tuple[Any, set[str]]:
        """The inputs as Keras spells them (none: as they were), and the layers among them."""
        present = [slot.tensor for slot in graph.inputs]
        layers = {layer for layer, _ in needed}
        if entrances is None:
            kept = {tensor.layer for tensor in present if tensor.layer in layers}
            if len(kept) == len(present):
                return None, kept
            return _filtered(graph.config["input_layers"], kept), kept
        read = {s.tensor for name, i in needed for s in graph.layers[name].calls[i].slots}
        for one in entrances:
            if one.tensor in cuts and one.tensor not in read:
                refuse(
                    "PS421",
                    f"none of the outputs needs `{one.tensor}`, which `inputs` names",
                    at=one.at,
                )
        kept = {one.tensor.layer for one in entrances if one.tensor in present}
        missing = [t for t in present if t.layer in layers and t.layer not in kept]
        if missing:
            refuse(
                "PS421",
                f"the outputs need the input `{missing[0]}`, which `inputs` leaves out",
                at=("inputs",),
                notes=[f"besides {some(str(tensor) for tensor in cuts)}"] if cuts else (),
                hint="a cut takes every tensor that crosses it",
            )
        ends = {one.name: triple(cuts.get(one.tensor, one.tensor)) for one in entrances}
        if isinstance(graph.config["input_layers"], dict):
            return ends, kept
        listed = list(ends.values())
        return (listed[0] if is_reference(self.inputs) else listed), kept


def _cuts(entrances: Iterable[Named], graph: Graph) -> dict[Tensor, Tensor]:
    """The tensors that are no inputs yet, and those of the fresh inputs that stand for them."""
    present = {slot.tensor for slot in graph.inputs}
    return {one.tensor: Tensor(one.name) for one in entrances if one.tensor not in present}


def _check_ends(ends: Iterable[Tensor], cuts: Mapping[Tensor, Tensor], said: Any) -> None:
    for tensor in ends:
        if tensor in cuts:
            refuse(
                "PS406",
                f"`{tensor}` would be an input and an output at once",
                at=("inputs",) if said is None else ("outputs",),
            )


def _fresh(
    entrances: Iterable[Named], cuts: Mapping[Tensor, Tensor], alive: set[str], graph: Graph
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The entry of an input layer for every tensor at which the graph is cut open."""
    for one in entrances:
        if one.tensor not in cuts:
            continue
        if one.name in alive:
            refuse(
                "PS306",
                f"a layer called `{one.name}` stays in the model",
                at=one.at,
                hint="give the input a name of its own: `{name: tensor}`",
            )
        spec = graph.recorded.get(one.tensor) or graph.known_specs[""].get(one.tensor)
        if spec is None:
            refuse(
                "PS410",
                f"the shape of `{one.tensor}` is not known, so it cannot become an input",
                at=one.at,
                hint="plan with shapes",
            )
        batch, *shape = spec.shape
        said = {"shape": shape, "batch_size": batch, "dtype": spec.dtype}
        yield one.name, input_entry(one.name, said)


def _gives_names(said: Any) -> bool:
    return isinstance(said, Mapping) and not is_reference(said) and not set(said) <= set(CONDITIONS)


def _tensors(named: Iterable[Named]) -> list[Tensor]:
    return [one.tensor for one in named]


def _outermost_first(paths: Iterable[str]) -> Iterator[Target]:
    """What a model no longer gives out decides what those inside it must."""
    yield from map(Target, sorted(paths, key=lambda path: path.count("/")))


def needed_calls(
    graph: Graph, ends: Iterable[Tensor], cuts: Collection[Tensor] = frozenset()
) -> set[Call]:
    """Every call that one of the tensors depends on, up to the cuts."""
    needed: set[Call] = set()
    waiting = [(tensor.layer, tensor.call) for tensor in ends]
    while waiting:
        call = waiting.pop()
        if call not in needed:
            needed.add(call)
            slots = graph.layers[call[0]].calls[call[1]].slots
            waiting += [(s.tensor.layer, s.tensor.call) for s in slots if s.tensor not in cuts]
    return needed


def _renumbered(graph: Graph, needed: set[Call]) -> dict[Call, int]:
    """The new number of every call that stays."""
    numbers: dict[Call, int] = {}
    for layer in graph.layers.values():
        stay = [call.index for call in layer.calls if (layer.name, call.index) in needed]
        numbers.update({(layer.name, old): new for new, old in enumerate(stay)})
    return numbers


def _moved(tensor: Tensor, numbers: Mapping[Call, int]) -> Tensor:
    return replace(tensor, call=numbers[(tensor.layer, tensor.call)])


def _moves(
    graph: Graph,
    needed: set[Call],
    numbers: Mapping[Call, int],
    cuts: Mapping[Tensor, Tensor],
    *,
    outputs_too: bool,
) -> Iterator[Edit]:
    slots = [
        slot for name, index in sorted(needed) for slot in graph.layers[name].calls[index].slots
    ]
    for slot in [*slots, *(graph.outputs if outputs_too else ())]:
        fresh = cuts.get(slot.tensor)
        following = fresh if fresh is not None else _moved(slot.tensor, numbers)
        if following != slot.tensor:
            yield slot.read(following)


def _without(graph: Graph, needed: set[Call], alive: set[str]) -> Iterator[Edit | Event]:
    """Take away, from the back, the layers and calls that nobody needs."""
    for layer in sorted(graph.layers.values(), key=lambda layer: layer.pointer, reverse=True):
        if layer.name not in alive:
            yield edits.remove(layer.pointer)
            yield Dropped(layer.path)
        elif not layer.is_input:
            for call in reversed(layer.calls):
                if (layer.name, call.index) not in needed:
                    yield edits.remove((*layer.pointer, "inbound_nodes", call.index))


def _trimmed(graph: Graph, target: Target) -> Iterator[Edit | Event]:
    """Take out of a nested model what leads to none of the outputs that are still read."""
    model, around = graph.layer(target.path), graph.home(target.path)
    inner = model.inner
    assert inner is not None
    read = sorted(
        {
            tensor.output
            for call in model.calls
            for tensor in around.read_outputs.get((model.name, call.index), ())
        }
    )
    whole = len(read) == len(inner.outputs)
    if whole and not inner.dead:
        return
    ends = [inner.outputs[number].tensor for number in read]
    needed = needed_calls(inner, ends)
    moved = _renumbered(inner, needed)
    yield from _moves(inner, needed, moved, {}, outputs_too=whole)
    if not whole:
        yield from _fewer_outputs(around, model, inner, read, moved)
    entrances = {slot.tensor.layer for slot in inner.inputs}
    yield from _without(inner, needed, {layer for layer, _ in needed} | entrances)


def _fewer_outputs(
    around: Graph, model: Layer, inner: Graph, read: list[int], moved: dict[Call, int]
) -> Iterator[Edit]:
    """The outputs of a nested model that are still read, and references to them renumbered."""
    ends = [inner.outputs[number].tensor for number in read]
    triples = [triple(_moved(t, moved), inner.layers[t.layer].offset) for t in ends]
    structure: Any = triples[0] if len(triples) == 1 else triples
    if isinstance(inner.config["output_layers"], Mapping):
        keys = [str(inner.outputs[number].key[-1]) for number in read]
        structure = dict(zip(keys, triples, strict=True))
    yield edits.replace((*inner.pointer, "output_layers"), structure)
    yield from renumber_outputs(around, model, {old: new for new, old in enumerate(read)})


def _filtered(structure: Any, kept: set[str]) -> Any:
    """The structure of the inputs without those that go; a lone input cannot go."""
    if isinstance(structure, dict):
        return {k: _filtered(v, kept) for k, v in structure.items() if _holds(v, kept)}
    if isinstance(structure[0], str):
        return structure
    return [_filtered(item, kept) for item in structure if _holds(item, kept)]


def _holds(structure: Any, kept: set[str]) -> bool:
    if isinstance(structure, dict):
        return any(_holds(value, kept) for value in structure.values())
    if structure and isinstance(structure[0], str):
        return structure[0] in kept
    return any(_holds(item, kept) for item in structure)
