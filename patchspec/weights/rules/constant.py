"""constant: numbers that the patch gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import Fresh, Making, Shape, misfit, shown

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Constant(Fresh):
    """Fill the variable with a number, or with nested lists of numbers that spread to its shape.

    - op: set
      layers: fc1
      weights: {bias: {constant: 0.5}}
    """

    value: Any

    argument: ClassVar[Mapping[str, Any]] = {
        "type": ["number", "array"],
        "minItems": 1,
        "items": {"type": ["number", "array"]},
        "description": "A number, or lists of numbers, nested as the axes are.",
    }

    def check(self, shape: Shape) -> None:
        own = self._shape(self.value)
        tail = shape[len(shape) - len(own) :] if len(own) <= len(shape) else None
        if tail is None or any(n not in (1, m) for n, m in zip(own, tail, strict=True)):
            misfit(self, f"has the shape {shown(own)}, wanted is {shown(shape)}")

    def _shape(self, value: Any) -> Shape:
        if not isinstance(value, list):
            return ()
        inner = {self._shape(item) for item in value}
        if len(inner) != 1:
            misfit(self, "is a list whose entries differ in shape")
        return (len(value), *inner.pop())

    def make(self, shape: Shape, making: Making) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

        return np.broadcast_to(np.asarray(self.value), shape)
