"""resize: axes that are a grid, interpolated to another size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from patchspec.weights.rules._rule import (
    Change,
    Making,
    Shape,
    Wanted,
    axis_of,
    misfit,
    size_wanted,
    unsized,
    with_size,
)

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Resize(Change):
    """Interpolate along axes that are a grid, position embeddings say, as images are resized.

    The sizes are those that the variable needs; `size` gives them where a later rule hides them.
    As `keras.ops.image.resize` without antialiasing.

    - op: set
      layers: fc1
      config: {units: 12}
      weights: {"*": {resize: {axes: [-1], method: bilinear}}}
    """

    axes: Sequence[int]
    method: str
    size: Sequence[int] | None = None

    argument: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "axes": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "integer"},
                "description": "The axes of the grid; -1 is the last.",
            },
            "method": {
                "enum": ["nearest", "bilinear", "bicubic"],
                "description": "What lies between the points of the grid.",
            },
            "size": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "integer", "minimum": 1},
                "description": "The size of each axis, where a later rule hides it.",
            },
        },
        "required": ["axes", "method"],
        "additionalProperties": False,
    }

    def before(self, wanted: Wanted) -> Wanted:
        return unsized(wanted, self.axes)

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        if self.size is not None and len(self.size) != len(self.axes):
            misfit(self, f"has {len(self.size)} sizes for {len(self.axes)} axes")
        shape = given
        for i, said in enumerate(self.axes):
            axis = axis_of(self, said, given)
            size = self.size[i] if self.size else size_wanted(self, given, wanted, axis)
            shape = with_size(shape, axis, size)
        return shape

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        from patchspec.weights.grids import resized  # noqa: PLC0415 (the core imports no NumPy)

        for axis in (axis % value.ndim for axis in self.axes):
            value = resized(value, axis, shape[axis], self.method)
        return value
