"""scale: every value times a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import Change, Making, Shape

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Scale(Change):
    """Multiply every value with a number.

    - op: set
      layers: fc1
      weights: {kernel: {scale: 0.5}}
    """

    factor: float

    argument: ClassVar[Mapping[str, Any]] = {"type": "number", "description": "The factor."}

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        return value.astype("float64") * float(self.factor)
