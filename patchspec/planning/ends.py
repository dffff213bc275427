"""Which output of the base each output of the variant is, through every step that moves them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Slot, Tensor

Came = tuple[int | None, ...]
"""For every output, in the order in which the config spells them, that of the base; none if new."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The outputs of a model as they are at one time: the document under a graph is edited."""

    slots: tuple[Slot, ...]
    nesting: Any
    layers: AbstractSet[str]


def ends_of(graph: Graph) -> Ends:
    """The outputs as they are now."""
    return Ends(graph.outputs, structure(graph.config["output_layers"]), graph.layers.keys())


def followed(came: Came, before: Ends, after: Graph, *, restated: bool) -> Came:
    """What the outputs are after a step, from what they were before it.

    An output is what it was while it names the same tensor. One that a step passed through new
    layers, or moved to what is left of a layer, keeps its place; unless the step is one that says
    all outputs anew (`restated`), for which only the tensor counts.
    """
    if before.slots == after.outputs:
        return came
    was = [slot.tensor for slot in before.slots]
    now = [_behind_its_name(slot.tensor, before, after) for slot in after.outputs]
    found: list[int | None] = [None] * len(now)
    _pair(was, now, found, lambda tensor: tensor)
    # A call that went renumbers the others.
    _pair(was, now, found, lambda tensor: (tensor.layer, tensor.output))
    if not restated:
        _by_place(before, ends_of(after), found)
    return tuple(None if index is None else came[index] for index in found)


def structure(value: Any) -> Any:
    """How outputs are nested, with nothing in their places."""
    if isinstance(value, dict):
        return {key: structure(item) for key, item in value.items()}
    if value and isinstance(value[0], str):
        return None
    return [structure(item) for item in value]


def _behind_its_name(tensor: Tensor, before: Ends, after: Graph) -> Tensor:
    """What a new Identity layer reads that does nothing but give an output its name."""
    layer = after.layers[tensor.layer]
    if layer.class_name == "Identity" and tensor.layer not in before.layers:
        return next(slot.tensor for slot in layer.calls[0].slots if slot.in_args)
    return tensor


def _pair(
    was: Sequence[Tensor],
    now: Sequence[Tensor],
    found: list[int | None],
    same: Callable[[Tensor], Hashable],
) -> None:
    """Pair those that have no partner yet and are the same, one with one."""
    free = [index for index in range(len(was)) if index not in found]
    for place, tensor in enumerate(now):
        if found[place] is None:
            alike = [index for index in free if same(was[index]) == same(tensor)]
            if alike:
                found[place] = alike[0]
                free.remove(alike[0])


def _by_place(before: Ends, after: Ends, found: list[int | None]) -> None:
    """Pair those without a partner that stand in the same place."""
    if before.nesting == after.nesting:
        for place, partner in enumerate(found):
            if partner is None and place not in found:
                found[place] = place
        return
    keys = {slot.key: index for index, slot in enumerate(before.slots)}
    for place, slot in enumerate(after.slots):
        partner = keys.get(slot.key)
        if found[place] is None and partner is not None and partner not in found:
            found[place] = partner
