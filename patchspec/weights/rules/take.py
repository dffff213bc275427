"""take: some of the entries along an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import (
    AXIS,
    Change,
    Making,
    Shape,
    Wanted,
    axis_of,
    misfit,
    shown,
    unsized,
    with_size,
)

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Take(Change):
    """Keep some entries of an axis, in the order in which they are listed.

    With `every: n` the axis consists of runs of n, and the indices count within each of them.

    - op: set
      layers: fc1
      config: {units: 2}
      weights: {"*": {take: {axis: -1, indices: [0, 3]}}}
    """

    axis: int
    indices: Sequence[int]
    every: int | None = None

    argument: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "axis": AXIS,
            "indices": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "integer", "minimum": 0},
                "description": "Which entries, counted from 0; one may come twice.",
            },
            "every": {
                "type": "integer",
                "minimum": 1,
                "description": "The length of the runs in which the indices count.",
            },
        },
        "required": ["axis", "indices"],
        "additionalProperties": False,
    }

    def before(self, wanted: Wanted) -> Wanted:
        return unsized(wanted, [self.axis])

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        axis = axis_of(self, self.axis, given)
        size = given[axis]
        run = self.every or size
        if size % run:
            misfit(self, f"cannot cut the {size} entries of axis {self.axis} into runs of {run}")
        beyond = [index for index in self.indices if index >= run]
        if beyond:
            within = f"a run of {run}" if self.every else f"axis {self.axis} of {shown(given)}"
            misfit(self, f"finds no entry {beyond[0]} in {within}", "indices count from 0")
        return with_size(given, axis, size // run * len(self.indices))

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        axis = self.axis % value.ndim
        run = self.every or value.shape[axis]
        starts = range(0, value.shape[axis], run)
        return value.take([start + index for start in starts for index in self.indices], axis)
