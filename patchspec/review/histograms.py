"""How the values of an array are spread, small enough to keep for every array of a model.

A `Histogram` holds counts and numbers and no array, so that whoever computes it from a stream can
fill it as well; `histogram_of` does it for one array, a block at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 60
_BLOCK = 1 << 20
_CONSTANT = 1e-12
"""Values that differ by less than this of their size are drawn as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """The values of one array, counted; what is not a finite number is counted apart."""

    name: str
    what: str = ""
    """What it is, for the title: `float32[3, 3, 64]`."""
    edges: tuple[float, ...] = ()
    """Where the bins begin and end, one more than `counts`; empty where no value is finite."""
    counts: tuple[int, ...] = ()
    size: int
    """How many values there are, whether finite or not."""
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    """Of the finite values; none where there are none."""
    zeros: int = 0
    nans: int = 0
    infinities: int = 0


def histogram_of(name: str, value: np.ndarray[Any, Any], bins: int = BINS) -> Histogram:
    """The histogram of one array; of complex numbers that of their magnitudes.

    Beside the array no more than a block of it is in memory.
    """
    what = f"{value.dtype}[{', '.join(map(str, value.shape))}]"
    zeros = nans = infinities = finite = 0
    low, high = np.inf, -np.inf
    for block in _blocks(value):
        zeros += int(np.count_nonzero(block == 0))
        nans += int(np.count_nonzero(np.isnan(block)))
        infinities += int(np.count_nonzero(np.isinf(block)))
        kept = block[np.isfinite(block)]
        if kept.size:
            finite += kept.size
            low, high = min(low, float(kept.min())), max(high, float(kept.max()))
    told: dict[str, Any] = {"name": name, "what": what, "size": value.size, "zeros": zeros}
    if not finite:
        return Histogram(**told, nans=nans, infinities=infinities)
    # In units of the largest value nothing overflows.
    unit = max(abs(low), abs(high)) or 1.0
    edges = _edges(low / unit, high / unit, bins)
    counts = np.zeros(bins, np.int64)
    total = 0.0
    for block in _blocks(value):
        kept = block[np.isfinite(block)] / unit
        counts += np.histogram(kept, edges)[0]
        total += float(kept.sum())
    mean = total / finite
    squares = sum(
        float(np.square(block[np.isfinite(block)] / unit - mean).sum()) for block in _blocks(value)
    )
    return Histogram(
        **told,
        nans=nans,
        infinities=infinities,
        edges=tuple(float(edge) * unit for edge in edges),
        counts=tuple(int(count) for count in counts),
        minimum=low,
        maximum=high,
        mean=mean * unit,
        std=float(np.sqrt(squares / finite)) * unit,
    )


def _blocks(value: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    flat = value.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        yield (np.abs(block) if block.dtype.kind == "c" else block).astype(np.float64)


def _edges(low: float, high: float, bins: int) -> np.ndarray[Any, Any]:
    if high - low <= _CONSTANT:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)
