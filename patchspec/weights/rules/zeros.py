"""zeros: nothing but zeros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchspec.weights.rules._rule import Fresh, Making, Shape

if TYPE_CHECKING:
    import numpy as np


class Zeros(Fresh):
    """Fill the variable with zeros.

    - op: set
      layers: fc1
      weights: {bias: zeros}
    """

    def make(self, shape: Shape, making: Making) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

        return np.zeros(shape)
