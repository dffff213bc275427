"""What is counted of the values of a tensor, channel by channel, as they pass.

Everything is a value that can be merged with another of the same tensor, in float64, after Chan,
Golub and LeVeque: no batch has to be kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    # Weights alone are counted without Keras.
    from patchspec.probing.calls import Call, Tensor

Array = np.ndarray[Any, Any]
SLICE = 1 << 17
"""How many values are looked at together: what stands in memory as float64."""


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Counts and moments by channel; mean, deviation and extremes are those of finite values."""

    count: int
    """How many values each channel has."""
    finite: Array
    mean: Array
    squares: Array
    """The sum of squared distances from the mean."""
    low: Array
    high: Array
    zeros: Array
    nans: Array
    infs: Array

    @classmethod
    def of(cls, values: Array, axis: int = -1) -> Moments:
        """Those of an array; without axes beside that of the samples it is one channel."""
        moved = np.moveaxis(values, axis, -1) if values.ndim > 1 else values.reshape(-1, 1)
        rows = moved.reshape(-1, moved.shape[-1])
        step = max(SLICE // max(rows.shape[1], 1), 1)
        starts = range(0, len(rows), step) if len(rows) else (0,)
        return reduce(cls.merged, (_of_rows(rows[i : i + step]) for i in starts))

    def merged(self, other: Moments) -> Moments:
        """Those of both together."""
        finite = self.finite + other.finite
        share = other.finite / np.maximum(finite, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            apart = other.mean - self.mean
            mean = self.mean + apart * share
            squares = self.squares + other.squares + apart**2 * self.finite * share
        return Moments(
            self.count + other.count,
            finite,
            mean,
            squares,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
            self.zeros + other.zeros,
            self.nans + other.nans,
            self.infs + other.infs,
        )

    def overall(self) -> Moments:
        """Those of all channels together, as one."""
        total = int(self.finite.sum())
        mean = float((self.mean * self.finite).sum()) / max(total, 1)
        squares = self.squares.sum() + (self.finite * (self.mean - mean) ** 2).sum()
        lone = [self.low.min(initial=np.inf), self.high.max(initial=-np.inf)]
        counts = [self.zeros.sum(), self.nans.sum(), self.infs.sum()]
        fields = [np.array([one]) for one in (total, mean, squares, *lone, *counts)]
        return Moments(self.count * len(self.mean), *fields)

    @property
    def std(self) -> Array:
        """The deviation, of all values and not of a sample of them."""
        return np.sqrt(self.squares / np.maximum(self.finite, 1))

    @property
    def norm(self) -> float:
        """The square root of the sum of the squares of all values."""
        return float(np.sqrt((self.squares + self.finite * self.mean**2).sum()))

    @property
    def dead(self) -> int:
        """How many channels hold nothing but zeros; one value alone says nothing."""
        return int((self.zeros == self.count).sum()) if self.count > 1 else 0


def _of_rows(rows: Array) -> Moments:
    exact = rows.astype(np.float64)
    # What overflows as it is squared is finite all the same, and said to deviate without end.
    with np.errstate(over="ignore", invalid="ignore"):
        if len(rows) and np.isfinite(exact.sum()):
            return _of_finite(exact)
        known = np.isfinite(exact)
        finite = known.sum(axis=0)
        # Divided first, since the sum of the largest numbers overflows.
        mean = (exact / np.maximum(finite, 1)).sum(axis=0, where=known)
        squares = ((exact - mean) ** 2).sum(axis=0, where=known)
    nans = np.isnan(exact).sum(axis=0)
    return Moments(
        len(rows),
        finite,
        mean,
        squares,
        exact.min(axis=0, where=known, initial=np.inf),
        exact.max(axis=0, where=known, initial=-np.inf),
        (exact == 0).sum(axis=0),
        nans,
        len(rows) - finite - nans,
    )


def _of_finite(exact: Array) -> Moments:
    """The same where every value is a finite number, which takes a third of the time."""
    count, none = len(exact), np.zeros(exact.shape[1], np.int64)
    mean = exact.mean(axis=0)
    apart = exact - mean
    return Moments(
        count,
        none + count,
        mean,
        np.einsum("ij,ij->j", apart, apart),
        exact.min(axis=0),
        exact.max(axis=0),
        count - np.count_nonzero(exact, axis=0),
        none,
        none,
    )


def is_number(array: Array) -> bool:
    """Whether the values are real numbers, of NumPy's dtypes or of ml_dtypes' narrow floats."""
    return array.dtype.kind in "fiub" or (array.dtype.kind == "V" and array.dtype.names is None)


def channel_axes(wanted: Iterable[Tensor], calls: Iterable[Call]) -> dict[str, int]:
    """The axis of the channels of each tensor, by key.

    That of its layer where it has a format, else that of the other layers: 1 where any of them has
    its channels first, otherwise the last.
    """
    first = any(_is_first(call) for call in calls)
    found = {}
    for tensor in wanted:
        own = getattr(tensor.call.layer, "data_format", None)
        symbol = tensor.symbol
        rank = len(tensor.call.node.outputs[0].shape if symbol is None else symbol.shape)
        channels_first = first if own is None else own == "channels_first"
        found[tensor.key] = 1 if channels_first and rank > 2 else -1  # noqa: PLR2004 (no positions)
    return found


def _is_first(call: Call) -> bool:
    return getattr(call.layer, "data_format", None) == "channels_first"
