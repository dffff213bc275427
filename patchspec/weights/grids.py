"""Interpolation along one axis, in float64 and in a fixed order: the same bits everywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchspec.weights.arithmetic import Floats

_SHARPNESS = -0.5
"""The parameter of Keys's cubic kernel (Keys, IEEE Trans. ASSP 29, 1981), as TensorFlow has it."""


def resized(value: NDArray[Any], axis: int, size: int, method: str) -> NDArray[Any]:
    """The values at `size` points spread evenly over the grid of an axis.

    Points are the middles of cells of equal size. `nearest` keeps the dtype, others give float64.
    """
    count = value.shape[axis]
    if size == count:
        return value
    at = (np.arange(size) + 0.5) * (count / size) - 0.5
    if method == "nearest":
        near = np.floor((np.arange(size) + 0.5) * (count / size)).astype(np.int64)
        taken: NDArray[Any] = np.take(value, np.minimum(near, count - 1), axis)
        return taken
    reach = {"bilinear": 1, "bicubic": 2}[method]
    first = np.floor(at).astype(np.int64) - (reach - 1)
    taps = [first + k for k in range(2 * reach)]
    weights = [(_linear if reach == 1 else _cubic)(np.abs(at - tap)) for tap in taps]
    if method == "bicubic":
        # What lies beyond the border counts for nothing, and the rest is scaled up to one.
        weights = [w * ((t >= 0) & (t < count)) for w, t in zip(weights, taps, strict=True)]
    weight_sum = np.zeros(size)
    for w in weights:
        weight_sum = weight_sum + w
    spread = [-1 if i == axis else 1 for i in range(value.ndim)]
    result: Floats = np.zeros((*value.shape[:axis], size, *value.shape[axis + 1 :]))
    for tap, w in zip(taps, weights, strict=True):
        part = value.take(np.clip(tap, 0, count - 1), axis).astype(np.float64)
        result = result + part * (w / weight_sum).reshape(spread)
    return result


def _linear(distance: Floats) -> Floats:
    return np.maximum(1.0 - distance, 0.0)


def _cubic(distance: Floats) -> Floats:
    a, d = _SHARPNESS, distance
    near = ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    far = ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    return np.where(d <= 1.0, near, np.where(d < 2.0, far, 0.0))  # noqa: PLR2004
