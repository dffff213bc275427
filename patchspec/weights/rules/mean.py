"""mean: one entry of all those of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchspec.weights.rules._reduce import Reduction, mean
from patchspec.weights.rules._rule import Making, Shape

if TYPE_CHECKING:
    import numpy as np


class Mean(Reduction):
    """Average the entries of an axis; it stays, of size 1, unless the variable has one axis less.

    - op: set
      layers: fc1
      config: {units: 1}
      weights: {"*": {mean: -1}}
    """

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        return mean(value, self.axis % value.ndim).reshape(shape)
