"""init: the initial value, from the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchspec.weights.rules._rule import Fresh, Making, Shape

if TYPE_CHECKING:
    import numpy as np


class Init(Fresh):
    """Start anew: the layer's own initializer, from the patch's seed.

    - op: set
      layers: fc1
      weights: init
    """

    @property
    def draws(self) -> bool:
        return True

    def make(self, shape: Shape, making: Making) -> np.ndarray[Any, Any]:
        return making.initial(shape)
