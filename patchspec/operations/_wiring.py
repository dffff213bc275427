"""Redirecting readers, and the calls of a layer that is meant whole or in one call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchspec.graph.edits import Edit, remove
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.references import Reference, find_tensor, parse_reference
from patchspec.graph.selectors import select
from patchspec.graph.tensors import Slot, Tensor
from patchspec.operations._new_layers import is_reference
from patchspec.operations._operation import Target, targets_of
from patchspec.problems import Pointer, refuse, some


def redirect(graph: Graph, slot: Slot, tensor: Tensor) -> Edit:
    """The edit that makes `slot` read `tensor`, by the convention of the place it stands in."""
    layer = graph.layers.get(tensor.layer)
    offset = layer.offset if layer is not None and slot.is_output else 0
    return slot.read(tensor, offset)


def select_calls(said: Any, graph: Graph, *, at: Pointer) -> tuple[Target, ...]:
    """Targets for a selector, or the one target of a reference such as `x@1` or `x:1`."""
    if is_reference(said):
        reference = parse_reference(said, at=at)
        if reference.layer.startswith("$") or not reference.is_bare:
            return (_target_of(reference, graph, at),)
    return targets_of(select(said, graph, at=at))


def _target_of(reference: Reference, graph: Graph, at: Pointer) -> Target:
    if reference.layer in ("$input", "$output"):
        tensor = find_tensor(str(reference), graph, at=at)
        return Target(tensor.layer, call=tensor.call, output=tensor.output)
    layer = graph.layer(reference.layer, at=at)
    call = None if reference.call in (None, "*") else int(reference.call)
    if call is not None and call >= len(layer.calls):
        refuse("PS305", f"`{reference}`: `{layer.name}` has {len(layer.calls)} calls", at=at)
    output = None if reference.output is None else int(reference.output)
    return Target(layer.path, call=call, output=output)


def wired_layer(graph: Graph, target: Target, *, at: Pointer) -> tuple[Graph, Layer]:
    """The model that the target lies in, and its layer.

    Refused inside a wrapper, where no layer has calls of its own that could be wired otherwise.
    """
    home = graph.home(target.path)
    if "/" in home.within(target.path):
        wrapper = target.path.rpartition("/")[0]
        refuse(
            "PS415",
            f"`{target.path}` lies inside the wrapper `{wrapper}`, where nothing can be wired",
            at=at,
            hint="`replace` the wrapper; `set`, `freeze` and `unfreeze` reach inside it",
        )
    return home, home.layers[target.name]


def calls_of(layer: Layer, target: Target) -> tuple[Call, ...]:
    """The calls that are meant: all of them, or the one that the target names."""
    return layer.calls if target.call is None else (layer.calls[target.call],)


def lone_output(home: Graph, layer: Layer, target: Target, *, at: Pointer) -> int:
    """Which output is meant; refused where the layer makes several and none is named."""
    if target.output is not None:
        return target.output
    if home.is_multi_output(layer):
        refuse(
            "PS304",
            f"`{layer.name}` makes several tensors; say which",
            at=at,
            hint=f"`{layer.path}:0` is the first",
        )
    return 0


def bypassed(home: Graph, layer: Layer, call: Call, kept: Tensor, *, at: Pointer) -> Iterator[Edit]:
    """Make every reader of `call` read `kept` instead; refused for readers of a second output."""
    for tensor in home.read_outputs.get((layer.name, call.index), ()):
        if tensor.output > 0:
            readers = some(sorted({reader_name(slot, home) for slot in home.reading(tensor)}))
            refuse(
                "PS404",
                f"`{tensor}` is read by {readers}, so `{layer.name}` cannot be bypassed",
                at=at,
                hint="rewire what reads the further outputs first",
            )
        for slot in home.reading(tensor):
            yield redirect(home, slot, kept)


def reader_name(slot: Slot, home: Graph) -> str:
    """What reads through the slot, for a message."""
    return "the model's outputs" if slot.is_output else home.reader(slot).name


def without_call(home: Graph, layer: Layer, index: int) -> Iterator[Edit]:
    """Take one call of a layer away and renumber every reference to the later ones."""
    for call in layer.calls[index + 1 :]:
        for tensor in home.read_outputs.get((layer.name, call.index), ()):
            for slot in home.reading(tensor):
                moved = Tensor(tensor.layer, tensor.call - 1, tensor.output)
                yield redirect(home, slot, moved)
    yield remove((*layer.pointer, "inbound_nodes", index))
