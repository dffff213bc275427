"""Sums and means along an axis, with the same bits everywhere, and what their rules share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import AXIS, Change, Shape, Wanted, axis_of, unsized, with_size

if TYPE_CHECKING:
    import numpy as np


def total(value: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """The sum along an axis, which stays, of size 1."""
    import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

    from patchspec.weights.arithmetic import column_sums  # noqa: PLC0415

    first = np.moveaxis(value, axis, 0).astype(np.float64)
    sums = column_sums(first.reshape(len(first), -1))
    return np.expand_dims(sums.reshape(first.shape[1:]), axis)


def mean(value: np.ndarray[Any, Any], axis: int) -> np.ndarray[Any, Any]:
    """The mean along an axis, which stays, of size 1."""
    averaged: np.ndarray[Any, Any] = total(value, axis) / value.shape[axis]
    return averaged


@dataclass(frozen=True, slots=True)
class Reduction(Change):
    """A rule that makes one entry of all those of an axis.

    The axis stays, of size 1, unless the variable has one axis less.
    """

    axis: int

    argument: ClassVar[Mapping[str, Any]] = AXIS

    def before(self, wanted: Wanted) -> Wanted:
        return unsized(wanted, [self.axis])

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        axis = axis_of(self, self.axis, given)
        if wanted is not None and len(wanted) == len(given) - 1:
            return (*given[:axis], *given[axis + 1 :])
        return with_size(given, axis, 1)
