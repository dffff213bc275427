"""transpose: the axes in another order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import Change, Making, Shape, Wanted, misfit, shown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Transpose(Change):
    """Put the axes into another order.

    - op: set
      layers: fc1
      weights: {kernel: [{transpose: [1, 0]}, {transpose: [1, 0]}]}
    """

    axes: Sequence[int]

    argument: ClassVar[Mapping[str, Any]] = {
        "type": "array",
        "minItems": 1,
        "items": {"type": "integer", "minimum": 0},
        "description": "For each axis of the result, the axis that it was.",
    }

    def before(self, wanted: Wanted) -> Wanted:
        if wanted is None or sorted(self.axes) != list(range(len(wanted))):
            return None
        return tuple(wanted[self.axes.index(axis)] for axis in range(len(wanted)))

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        if sorted(self.axes) != list(range(len(given))):
            misfit(self, f"{list(self.axes)} is no order of the axes of {shown(given)}")
        return tuple(given[axis] for axis in self.axes)

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        return value.transpose(self.axes)
