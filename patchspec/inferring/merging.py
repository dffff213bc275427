"""Layers that read a list of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce

from patchspec.inferring.arguments import is_integer
from patchspec.inferring.kinds import PAIR, Config, Merging, Shape, axis_of, decline


def _size(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return None
    if one != other and 1 not in (one, other):
        decline()
    return max(one, other)


def _broadcast(one: Shape, other: Shape) -> Shape:
    longer, shorter = (one, other) if len(one) >= len(other) else (other, one)
    lead = len(longer) - len(shorter)
    sizes = zip(longer[lead:], shorter, strict=True)
    return (*longer[:lead], *(_size(a, b) for a, b in sizes))


def _elementwise(_config: Config, shapes: Sequence[Shape]) -> Shape:
    if not all(shapes):
        decline()
    batches = {shape[0] for shape in shapes} - {None}
    if len(batches) > 1:
        decline()
    return (next(iter(batches), None), *reduce(_broadcast, [shape[1:] for shape in shapes]))


def _pairwise(config: Config, shapes: Sequence[Shape]) -> Shape:
    return _elementwise(config, shapes) if len(shapes) == PAIR else decline()


def _concatenated(config: Config, shapes: Sequence[Shape]) -> Shape:
    first = shapes[0]
    if len({len(shape) for shape in shapes}) > 1 or not first:
        decline()
    axis = axis_of(config["axis"], first)
    for other, sizes in enumerate(zip(*shapes, strict=True)):
        if other != axis and len(set(sizes) - {None}) > 1:
            decline()
    along = [shape[axis] for shape in shapes]
    made = None if None in along else sum(size for size in along if size is not None)
    return (*first[:axis], made, *first[axis + 1 :])


KINDS: Mapping[str, Merging] = {
    **{
        name: Merging({}, _elementwise)
        for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    },
    "Subtract": Merging({}, _pairwise),
    "Concatenate": Merging({"axis": is_integer}, _concatenated),
}
