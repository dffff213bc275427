"""How values are spread, counted as they pass and small enough to keep for every array of a model.

Where a stream begins and ends is known only afterwards, so the bins grow with it: they are cells as
wide as a power of two, each beginning at a multiple of its width. Where too many are needed, pairs
of neighbours become one, and what they held is the count of the wider cell to the last value. So
one pass is enough, nothing is estimated, and the same values give the same counts in whatever parts
and order they come.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from patchspec.probing.moments import SLICE, Moments

Array = np.ndarray[Any, Any]

MOST = 96
"""How many cells there are at most; of values that differ there are about half as many or more."""
_FEW = 8
"""How many bins few values may have; more of them have three times the root of their number."""
_DIGITS = 40
"""A cell is no narrower than the largest value over two to the power of this."""
_LEAST = -1022
_LARGEST = sys.float_info.max
_CONSTANT = 1e-12
"""Values that differ by less than this of their size are drawn as one."""
_AROUND = 61
"""How many bins one value is drawn in: it stands in the middle."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """How many finite values lie in each of the cells `first`, `first + 1`, ...

    Cell `i` holds what is at least `i` and less than `i + 1` times the width, 2 ** `exponent`.
    """

    exponent: int
    first: int
    counts: Array

    @classmethod
    def of(cls, values: Array) -> Cells:
        """Those of finite float64 values, of which there is at least one: the narrowest that do."""
        low, high = float(values.min()), float(values.max())
        largest = max(abs(low), abs(high))
        # Zeros fit any width: what they are merged with says how wide cells are.
        least = max(math.frexp(largest)[1] - _DIGITS, _LEAST) if largest else _LEAST
        # Exact, as any product with a power of two: what goes under is far inside of a cell.
        ends = [math.floor(_cell(end, least)) for end in (low, high)]
        exponent = least + _doublings(*ends)
        cells = _cell(values, exponent)
        first = math.floor(_cell(low, exponent))
        return cls(exponent, first, np.bincount((cells - first).astype(np.int64)))

    def merged(self, other: Cells) -> Cells:
        """Those of both together."""
        exponent = max(self.exponent, other.exponent)
        one, two = self._coarser(exponent), other._coarser(exponent)
        first = min(one.first, two.first)
        stop = max(one.first + len(one.counts), two.first + len(two.counts))
        further = _doublings(first, stop - 1)
        return one._coarser(exponent + further)._joined(two._coarser(exponent + further))

    def fewer(self, most: int) -> Cells:
        """The same values in no more than so many cells."""
        last = self.first + len(self.counts) - 1
        return self._coarser(self.exponent + _doublings(self.first, last, most))

    def _joined(self, other: Cells) -> Cells:
        first = min(self.first, other.first)
        stop = max(self.first + len(self.counts), other.first + len(other.counts))
        counts = np.zeros(stop - first, np.int64)
        for one in (self, other):
            counts[one.first - first : one.first - first + len(one.counts)] += one.counts
        return Cells(self.exponent, first, counts)

    def _coarser(self, exponent: int) -> Cells:
        """The same values in wider cells."""
        times = exponent - self.exponent
        first = self.first >> times
        counts = np.zeros(((self.first + len(self.counts) - 1) >> times) - first + 1, np.int64)
        places = [((self.first + i) >> times) - first for i in range(len(self.counts))]
        np.add.at(counts, places, self.counts)
        return Cells(exponent, first, counts)


def _cell(value: Any, exponent: int) -> Any:
    """The number of the cell of a value, or of each, still as floats."""
    cell = np.floor(value * 2.0**-exponent)
    # Less than zero is never cell 0, however little is left of it.
    return cell - ((cell == 0) & (value < 0))


def _doublings(first: int, last: int, most: int = MOST) -> int:
    """How often the width is doubled until the cells from `first` to `last` are not too many."""
    times = max((last - first).bit_length() - most.bit_length(), 0)
    while (last >> times) - (first >> times) >= most:
        times += 1
    return times


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """What is counted of the values of one array, or of some of them."""

    moments: Moments
    """Of all values as of one channel."""
    cells: Cells | None
    """None where no value is finite."""

    @classmethod
    def of(cls, values: Array) -> Spread:
        """That of an array, of complex numbers that of their magnitudes.

        Beside the array no more than a slice of it is in memory.
        """
        flat = values.reshape(-1)
        starts = range(0, flat.size, SLICE) if flat.size else (0,)
        return reduce(cls.merged, (_of_slice(flat[i : i + SLICE]) for i in starts))

    def merged(self, other: Spread) -> Spread:
        """That of both together."""
        cells = self.cells or other.cells
        if self.cells is not None and other.cells is not None:
            cells = self.cells.merged(other.cells)
        return Spread(self.moments.merged(other.moments), cells)

    def histogram(self, name: str, what: str) -> Histogram:
        """What was counted."""
        one = self.moments
        counted: dict[str, Any] = {
            "name": name,
            "what": what,
            "size": one.count,
            "zeros": int(one.zeros[0]),
            "nans": int(one.nans[0]),
            "infinities": int(one.infs[0]),
        }
        if self.cells is None:
            return Histogram(**counted)
        low, high = float(one.low[0]), float(one.high[0])
        # Each of a few values in a bin of its own would show no shape.
        most = min(max(3 * math.isqrt(int(one.finite[0])), _FEW), MOST)
        edges, counts = _bins(self.cells.fewer(most), low, high)
        return Histogram(
            **counted,
            edges=tuple(edges),
            counts=tuple(counts),
            minimum=low,
            maximum=high,
            mean=float(one.mean[0]),
            std=float(one.std[0]),
        )


def histogram_of(name: str, value: Array) -> Histogram:
    """The histogram of one array."""
    return Spread.of(value).histogram(name, form_of(value.dtype.name, value.shape))


def form_of(dtype: str, shape: tuple[int, ...]) -> str:
    """Dtype and shape, as the title of a histogram has them."""
    return f"{dtype}[{', '.join(map(str, shape))}]"


def _of_slice(values: Array) -> Spread:
    exact = (np.abs(values) if values.dtype.kind == "c" else values).astype(np.float64)
    moments = Moments.of(exact)
    finite = exact if moments.finite[0] == exact.size else exact[np.isfinite(exact)]
    return Spread(moments, Cells.of(finite) if finite.size else None)


def _bins(cells: Cells, low: float, high: float) -> tuple[list[float], list[int]]:
    """Edges and counts; one value alone stands in the middle of a few bins."""
    unit = max(abs(low), abs(high)) or 1.0
    counts = cells.counts.tolist()
    if high / unit - low / unit <= _CONSTANT:
        beside = [0] * (_AROUND // 2)
        counts = [*beside, sum(counts), *beside]
        edges = [(low / unit - 0.5 + i / _AROUND) * unit for i in range(_AROUND + 1)]
    else:
        width = 2.0**cells.exponent
        if (cells.first + len(counts) - 1) * width == high:
            # The largest value alone begins a cell: as in NumPy, the last bin has both its edges.
            counts[-2:] = [sum(counts[-2:])]
        edges = [(cells.first + i) * width for i in range(len(counts) + 1)]
    # About the largest numbers there is no room.
    return [min(max(edge, -_LARGEST), _LARGEST) for edge in edges], counts
