"""pad: more entries along an axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

from patchspec.weights.rules._reduce import mean
from patchspec.weights.rules._rule import (
    AXIS,
    Change,
    Making,
    Shape,
    Wanted,
    axis_of,
    misfit,
    shown,
    size_wanted,
    unsized,
    with_size,
)

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Pad(Change):
    """Append entries to an axis until it has the size that the variable needs.

    They are `zeros` or `ones`, the `mean` of those that are there, what they would be at the start
    (`init`), or those that are there once more (`repeat`).

    - op: set
      layers: fc1
      config: {units: 12}
      weights: {kernel: {pad: {axis: -1, with: mean}}, bias: {pad: {axis: 0, with: zeros}}}
    """

    axis: int
    filler: str

    argument: ClassVar[Mapping[str, Any]] = {
        "type": "object",
        "properties": {
            "axis": AXIS,
            "with": {
                "enum": ["zeros", "ones", "mean", "init", "repeat"],
                "description": "What the new entries are.",
            },
        },
        "required": ["axis", "with"],
        "additionalProperties": False,
    }

    @property
    def draws(self) -> bool:
        return self.filler == "init"

    @classmethod
    def read(cls, said: Any) -> Self:
        return cls(said["axis"], said["with"])

    def before(self, wanted: Wanted) -> Wanted:
        return unsized(wanted, [self.axis])

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        axis = axis_of(self, self.axis, given)
        size = size_wanted(self, given, wanted, axis)
        if size < given[axis]:
            misfit(
                self,
                f"appends, but axis {self.axis} of {shown(given)} should shrink to {size}",
                f"`take: {{axis: {self.axis}, indices: [...]}}` says which entries stay",
            )
        return with_size(given, axis, size)

    def apply(
        self, value: np.ndarray[Any, Any], shape: Shape, making: Making
    ) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

        axis = self.axis % value.ndim
        size, more = value.shape[axis], shape[axis] - value.shape[axis]
        if not more:
            return value
        rest = with_size(shape, axis, more)
        match self.filler:
            case "mean":
                filling = np.broadcast_to(mean(value, axis), rest)
            case "init":
                filling = making.initial(shape).take(range(size, size + more), axis)
            case "repeat":
                filling = value.take([i % size for i in range(size, size + more)], axis)
            case filler:
                filling = np.full(rest, {"zeros": 0, "ones": 1}[filler], value.dtype)
        return np.concatenate([value, filling], axis)
