"""extract: make the model exactly what leads to some tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.order import Call
from patchspec.graph.selectors import CONDITIONS
from patchspec.graph.tensors import Tensor, triple
from patchspec.operations._leading_out import (
    lead_out,
    leading_targets,
    levels_to,
    renumber_outputs,
)
from patchspec.operations._new_layers import is_reference
from patchspec.operations._operation import WHOLE_MODEL, Operation, Outputs, Target
from patchspec.operations._outputs import Named, named_outputs, refuse_inputs, said_outputs, written
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Dropped, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract(Operation):
    """Make the model exactly what leads to the outputs named, in that order.

    What they do not need goes, weights included. Without `outputs` the outputs stay, and what
    leads to none of them goes.

    - op: extract
      outputs: block5_pool
    """

    outputs: Outputs | None = None
    inputs: Outputs | None = None
    form: Literal["list", "dict"] | None = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        if self.outputs is None:
            return (WHOLE_MODEL,)
        said = [(one.reference, one.at) for one in said_outputs(self.outputs, graph)]
        leading = tuple(leading_targets(said, graph))
        # Outermost first: what a model no longer gives out decides what those inside it must.
        models = {
            level.model.path: None
            for target in leading
            if target.reference is not None
            for level in levels_to(target.reference, graph, at=("outputs",))
        }
        trimmed = [Target(path) for path in sorted(models, key=lambda path: path.count("/"))]
        return (*leading, WHOLE_MODEL, *trimmed)

    def lower(self, graph: Graph, target: Target, seed: int) -> Iterator[Edit | Event]:
        if target.reference is not None:
            yield from lead_out(graph, target.reference, at=("outputs",))
        elif target.path:
            yield from _trimmed(graph, target)
        else:
            yield from self._whole(graph, seed)

    def _whole(self, graph: Graph, seed: int) -> Iterator[Edit | Event]:
        named = None if self.outputs is None else named_outputs(self.outputs, graph)
        refuse_inputs(named or (), graph)
        ends = [slot.tensor for slot in graph.outputs] if named is None else _tensors(named)
        needed = needed_calls(graph, ends)
        moved = _renumbered(graph, needed)
        inputs, kept = self._inputs(graph, {layer for layer, _ in needed})

        yield from _moves(graph, needed, moved, outputs_too=named is None)
        if named is not None:
            following = [replace(one, tensor=_moved(one.tensor, moved)) for one in named]
            structure, added = self._structure(graph, following, seed)
            yield edits.replace((*graph.pointer, "output_layers"), structure)
            yield from added
        if inputs is not None:
            yield edits.replace((*graph.pointer, "input_layers"), inputs)
        alive = {layer for layer, _ in needed} | kept
        yield from _without(graph, needed, alive)

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

    def _inputs(self, graph: Graph, needed: set[str]) -> tuple[Any, set[str]]:
        """The inputs as Keras spells them (none: as they were), and the layers among them."""
        present = [slot.tensor for slot in graph.inputs]
        if self.inputs is None:
            kept = {tensor.layer for tensor in present if tensor.layer in needed}
            if len(kept) == len(present):
                return None, kept
            return _filtered(graph.config["input_layers"], kept), kept
        named = named_outputs(self.inputs, graph, at=("inputs",))
        for one in named:
            if one.tensor not in present:
                refuse(
                    "PS405",
                    f"`{one.tensor}` is not an input of the model",
                    at=one.at,
                    notes=[f"its inputs are {some(map(str, present))}"],
                    hint="this version of patchspec does not cut a graph open at its inputs",
                )
        kept = {one.tensor.layer for one in named}
        missing = [t for t in present if t.layer in needed and t.layer not in kept]
        if missing:
            refuse(
                "PS421",
                f"the outputs need the input `{missing[0]}`, which `inputs` leaves out",
                at=("inputs",),
            )
        ends = {one.name: triple(one.tensor) for one in named}
        if isinstance(graph.config["input_layers"], dict):
            return ends, kept
        listed = list(ends.values())
        return (listed[0] if is_reference(self.inputs) else listed), kept


def _gives_names(said: Any) -> bool:
    return isinstance(said, Mapping) and not is_reference(said) and not set(said) <= set(CONDITIONS)


def _tensors(named: Iterable[Named]) -> list[Tensor]:
    return [one.tensor for one in named]


def needed_calls(graph: Graph, ends: Iterable[Tensor]) -> set[Call]:
    """Every call that one of the tensors depends on."""
    needed: set[Call] = set()
    waiting = [(tensor.layer, tensor.call) for tensor in ends]
    while waiting:
        call = waiting.pop()
        if call not in needed:
            needed.add(call)
            waiting += graph.call_reads[call]
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
    graph: Graph, needed: set[Call], numbers: Mapping[Call, int], *, outputs_too: bool
) -> Iterator[Edit]:
    slots = [
        slot for name, index in sorted(needed) for slot in graph.layers[name].calls[index].slots
    ]
    for slot in [*slots, *(graph.outputs if outputs_too else ())]:
        if _moved(slot.tensor, numbers) != slot.tensor:
            yield slot.read(_moved(slot.tensor, numbers))


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
    if len(read) == len(inner.outputs):
        return
    ends = [inner.outputs[number].tensor for number in read]
    needed = needed_calls(inner, ends)
    moved = _renumbered(inner, needed)
    yield from _moves(inner, needed, moved, outputs_too=False)
    triples = [triple(_moved(t, moved), inner.layers[t.layer].offset) for t in ends]
    structure: Any = triples[0] if len(triples) == 1 else triples
    if isinstance(inner.config["output_layers"], Mapping):
        keys = [str(inner.outputs[number].key[-1]) for number in read]
        structure = dict(zip(keys, triples, strict=True))
    yield edits.replace((*inner.pointer, "output_layers"), structure)
    yield from renumber_outputs(around, model, {old: new for new, old in enumerate(read)})
    entrances = {slot.tensor.layer for slot in inner.inputs}
    yield from _without(inner, needed, {layer for layer, _ in needed} | entrances)


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
