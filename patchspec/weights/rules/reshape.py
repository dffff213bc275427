"""reshape: the same values in another shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import Change, Making, Shape, Wanted, misfit, shown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Reshape(Change):
    """Give the same values, in the same order, another shape.

    - op: set
      layers: fc1
      weights: {bias: [{reshape: [2, -1]}, {reshape: [-1]}]}
    """

    shape: Sequence[int]

    argument: ClassVar[Mapping[str, Any]] = {
        "type": "array",
        "items": {"type": "integer", "minimum": -1},
        "description": "The new shape; one size may be -1, which is whatever is left.",
    }

    def before(self, wanted: Wanted) -> Wanted:
        return None

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        known = prod(size for size in self.shape if size >= 0)
        open_sizes = sum(size < 0 for size in self.shape)
        count = prod(given)
        fits = known > 0 and count % known == 0 if open_sizes == 1 else known == count
        if open_sizes > 1 or not fits:
            misfit(self, f"cannot bring {shown(given)}, {count} values, to {shown(self.shape)}")
        return tuple(count // known if size < 0 else size for size in self.shape)

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        return value.reshape(shape)
