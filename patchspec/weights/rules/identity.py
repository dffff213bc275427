"""identity: a kernel that passes its input on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patchspec.weights.rules._rule import Fresh, Making, Shape, misfit, shown

if TYPE_CHECKING:
    import numpy as np


class Identity(Fresh):
    """Make a kernel that passes its input on, as far as it has room for it.

    A matrix is one on its diagonal. The kernel of a convolution is that matrix at its centre, as
    `padding: same` sees it, and zero around it; a depthwise one passes on every channel.

    - op: insert
      after: fc1
      new: {class: Dense, name: same, config: {units: 8}, weights: {kernel: identity, bias: zeros}}
    """

    def check(self, shape: Shape) -> None:
        if len(shape) < 2:  # noqa: PLR2004 (rows and columns)
            misfit(self, f"is for kernels, not for the shape {shown(shape)}")

    def make(self, shape: Shape, making: Making) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

        *field, rows, columns = shape
        # Of a kernel of even size, `same` pads one more behind than before.
        centre = tuple((size - 1) // 2 for size in field)
        value = np.zeros(shape)
        if "depthwise" in f"{making.class_name}/{making.name}".lower():
            value[centre] = 1.0
            return value
        groups = int(making.config.get("groups") or 1)
        column = np.arange(columns)
        row = column % max(columns // groups, 1)
        fits = row < rows
        matrix = np.zeros((rows, columns))
        matrix[row[fits], column[fits]] = 1.0
        value[centre] = matrix
        return value
