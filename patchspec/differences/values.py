"""The values of two models side by side: equal, or by how much they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patchspec.graph.layer import Layer
from patchspec.models.base import Base, Variable, natural, variable_line
from patchspec.planning.summary import Lineage

if TYPE_CHECKING:
    import numpy as np


def content_key(base: Base, layer: Layer) -> Hashable:
    """What the variables of a layer hold, whatever it is called; none where it has none."""
    inside = variables_inside(base, layer.path)
    if not inside:
        return None
    digest = hashlib.sha256()
    for path, variable in inside.items():
        line = variable_line(variable)
        digest.update(f"{path}{line.removeprefix(variable.path)}".encode())
    return digest.hexdigest()


def variables_inside(base: Base, path: str) -> dict[str, Variable]:
    """The variables of a layer and of those inside it, by their path in there."""
    start = f"{path}/"
    found = {
        name.removeprefix(start): variable
        for name, variable in (base.variables or {}).items()
        if name.startswith(start)
    }
    return dict(sorted(found.items(), key=lambda item: natural(item[0])))


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A variable of two models that is not the same in both.

    Without `before` or `after` the other model has none there.
    """

    layer: str
    """The layer afterwards; the one before where it is gone."""
    variable: str
    """Its path inside the layer: `vars/0`, and its name where known: `kernel`."""
    before: tuple[int, ...] | None
    after: tuple[int, ...] | None
    dtypes: tuple[str, str] | None = None
    """Where they differ."""
    largest: float | None = None
    """The largest distance between two values; none where the shapes or kinds differ."""
    relative: float | None = None
    """The length of the difference over that of what was before; none where that is 0."""


@dataclass(frozen=True, slots=True)
class ValueSummary:
    """How the values of layers that belong together compare."""

    equal: int
    """The number of variables that hold the same, bit by bit."""
    changes: tuple[ValueChange, ...]


def compare_values(before: Base, after: Base, lineage: Lineage) -> ValueSummary | None:
    """The variables of all layers that belong together; none where a model has no weights."""
    if before.variables is None or after.variables is None:
        return None
    equal, changes = 0, []
    for path, layer in lineage.after.by_path.items():
        origin = lineage.origins.get(path)
        if origin is None or layer.inner is not None:
            continue
        for change in _layer_values(before, after, origin, path):
            if change is None:
                equal += 1
            else:
                changes.append(change)
    return ValueSummary(equal, tuple(changes))


def _layer_values(
    before: Base, after: Base, origin: str, path: str
) -> Iterator[ValueChange | None]:
    was = {v.path.removeprefix(f"{origin}/"): v for v in before.by_layer.get(origin, ())}
    now = {v.path.removeprefix(f"{path}/"): v for v in after.by_layer.get(path, ())}
    for inner in sorted({**was, **now}, key=natural):
        yield _compared(path, inner, was.get(inner), now.get(inner))


def _compared(
    layer: str, inner: str, was: Variable | None, now: Variable | None
) -> ValueChange | None:
    name = next((v.name for v in (now, was) if v is not None and v.name), inner)
    if was is None or now is None:
        shapes = (was.shape if was else None, now.shape if now else None)
        return ValueChange(layer, name, *shapes)
    if was.shape != now.shape:
        return ValueChange(layer, name, was.shape, now.shape)
    old, new = was.read(), now.read()
    dtypes = (was.dtype, now.dtype) if was.dtype != now.dtype else None
    if dtypes is None and _same_bits(old, new):
        return None
    largest, relative = _distance(old, new)
    return ValueChange(layer, name, was.shape, now.shape, dtypes, largest, relative)


def _same_bits(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> bool:
    import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

    if old.dtype.newbyteorder("<") == new.dtype.newbyteorder("<"):
        new = new.astype(old.dtype, copy=False)
    a, b = np.ascontiguousarray(old), np.ascontiguousarray(new)
    return a.dtype == b.dtype and bool(
        np.array_equal(a.reshape(-1).view(np.uint8), b.reshape(-1).view(np.uint8))
    )


def _distance(
    old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]
) -> tuple[float | None, float | None]:
    import numpy as np  # noqa: PLC0415

    try:
        a, b = np.asarray(old, dtype=np.float64), np.asarray(new, dtype=np.float64)
    except (TypeError, ValueError):
        return None, None
    with np.errstate(all="ignore"):
        difference = np.abs(b - a)
        largest = float(difference.max()) if difference.size else 0.0
        length = float(np.linalg.norm(a))
        relative = float(np.linalg.norm(difference)) / length if length else None
    return largest, relative
