"""The rule by which one array came of another, where one does, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
MOST_TAKEN = 4096
"""So many indices a rule may list."""


def rule_for(before: Array, after: Array) -> Any | None:
    """A weight rule that makes `after` of `before`; none if no rule does.

    Axes count from the end, as channels do in most layers. A rule that fills up with initial values
    is found by what it keeps.
    """
    if before.shape == after.shape and np.array_equal(before, after):
        return "keep"
    return next(_rules(before, after), None)


def _rules(before: Array, after: Array) -> Iterator[Any]:
    if before.ndim != after.ndim:
        return
    axes = [i for i in range(before.ndim) if before.shape[i] != after.shape[i]]
    if not axes:
        for value, name in ((0, "zeros"), (1, "ones")):
            if after.size and np.all(after == value):
                yield name
        return
    if len(axes) > 1 or not before.size:
        return
    [axis] = axes
    said = axis - before.ndim
    wide = before.astype(np.float64)
    if after.shape[axis] == 1:
        for name, made in (("sum", wide.sum(axis)), ("mean", wide.mean(axis))):
            if np.array_equal(np.expand_dims(made, axis).astype(after.dtype), after):
                yield {name: said}
    if after.shape[axis] < before.shape[axis]:
        indices = _taken(np.moveaxis(before, axis, 0), np.moveaxis(after, axis, 0))
        if indices is not None:
            yield {"take": {"axis": said, "indices": indices}}
    else:
        yield from _padded(before, after, axis, said)


def _taken(before: Array, after: Array) -> list[int] | None:
    """Where each slice of `after` stands in `before`; none where one does not."""
    if len(after) > MOST_TAKEN:
        return None
    places: dict[bytes, int] = {}
    for i, one in enumerate(before):
        places.setdefault(one.tobytes(), i)
    found = [places.get(one.tobytes()) for one in after]
    return None if None in found else [i for i in found if i is not None]


def _padded(before: Array, after: Array, axis: int, said: int) -> Iterator[Any]:
    old, new = np.moveaxis(before, axis, 0), np.moveaxis(after, axis, 0)
    kept, rest = new[: len(old)], new[len(old) :]
    if not np.array_equal(old, kept):
        return
    mean = old.astype(np.float64).mean(0).astype(new.dtype)
    repeated = old[np.arange(len(old), len(new)) % len(old)]
    for name, made in (("zeros", 0), ("ones", 1), ("mean", mean), ("repeat", repeated)):
        if np.array_equal(np.broadcast_to(made, rest.shape), rest):
            yield {"pad": {"axis": said, "with": name}}
            return
    yield {"pad": {"axis": said, "with": "init"}}
