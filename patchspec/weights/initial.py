"""Initial values of new variables: the same bits on every machine, process and backend.

A value is a function of (seed, variable path, initializer, shape, dtype) alone. Bits come from the
raw stream of Philox, which NumPy guarantees, keyed by SHA-256 of those; what is made of them uses
only arithmetic that IEEE 754 fixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchspec.weights.arithmetic import Floats, normal_quantile, orthonormal_columns
from patchspec.weights.seeds import value_key

CHUNK = 1 << 18
_STDDEV_OF_TRUNCATED = 0.87962566103423978
"""The standard deviation of a standard normal cut at two: scipy.stats.truncnorm.std(-2, 2)."""
_BELOW_MINUS_TWO = 0.022750131948179195
"""The probability that a standard normal is less than -2."""

Config = Mapping[str, Any]
Bits = Callable[[int], NDArray[np.uint64]]


def initial_value(
    initializer: Mapping[str, Any], *, seed: int, path: str, shape: tuple[int, ...], dtype: str
) -> NDArray[Any]:
    """The first value of a variable, of this shape and dtype.

    `initializer` is `{class_name, config}` as Keras writes it; a class outside `PORTABLE` raises
    KeyError. Values are computed in float64 and rounded once.
    """
    make = _MAKERS[initializer["class_name"]]
    stream = np.random.Philox(key=_words(value_key(seed, path, initializer, shape, dtype)))
    values = make(initializer.get("config", {}), shape, stream.random_raw)
    return values.reshape(shape).astype(_numpy_dtype(dtype))


def _words(key: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(key[:16], dtype=">u8").astype(np.uint64)


def _numpy_dtype(name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

        return ml_dtypes.bfloat16
    return np.dtype(name)


def _count(shape: Sequence[int]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _in_chunks(shape: Sequence[int], bits: Bits, make: Callable[[Floats], Floats]) -> Floats:
    """`make` of uniform numbers strictly between 0 and 1, a chunk at a time to save memory."""
    count = _count(shape)
    values = np.empty(count)
    for start in range(0, count, CHUNK):
        part = values[start : start + CHUNK]
        uniform = ((bits(len(part)) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        part[:] = make(uniform)
    return values


def _uniform(low: float, high: float, shape: Sequence[int], bits: Bits) -> Floats:
    return _in_chunks(shape, bits, lambda u: low + (high - low) * u)


def _normal(mean: float, stddev: float, shape: Sequence[int], bits: Bits) -> Floats:
    return _in_chunks(shape, bits, lambda u: mean + stddev * normal_quantile(u))


def _truncated(mean: float, stddev: float, shape: Sequence[int], bits: Bits) -> Floats:
    low, span = _BELOW_MINUS_TWO, 1.0 - 2.0 * _BELOW_MINUS_TWO
    return _in_chunks(shape, bits, lambda u: mean + stddev * normal_quantile(low + span * u))


def _fans(config: Config, shape: tuple[int, ...]) -> tuple[float, float]:
    """Fan in and fan out as Keras counts them: the last two axes, times the receptive field."""
    if config.get("input_axes") is not None and config.get("output_axes") is not None:
        inputs = [shape[axis] for axis in config["input_axes"]]
        outputs = [shape[axis] for axis in config["output_axes"]]
        return float(_count(inputs)), float(_count(outputs))
    if len(shape) < 1:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = _count(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


def _scaled(
    scale: float, mode: str, distribution: str
) -> Callable[[Config, tuple[int, ...], Bits], Floats]:
    return lambda config, shape, bits: _variance_scaling(
        {**config, "scale": scale, "mode": mode, "distribution": distribution}, shape, bits
    )


def _variance_scaling(config: Config, shape: tuple[int, ...], bits: Bits) -> Floats:
    fan_in, fan_out = _fans(config, shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}
    variance = config["scale"] / max(1.0, fan[config["mode"]])
    if config["distribution"] == "truncated_normal":
        return _truncated(0.0, float(np.sqrt(variance)) / _STDDEV_OF_TRUNCATED, shape, bits)
    if config["distribution"] == "untruncated_normal":
        return _normal(0.0, float(np.sqrt(variance)), shape, bits)
    limit = float(np.sqrt(3.0 * variance))
    return _uniform(-limit, limit, shape, bits)


def _orthogonal(config: Config, shape: tuple[int, ...], bits: Bits) -> Floats:
    rows, columns = _count(shape[:-1]), shape[-1]
    tall = (max(rows, columns), min(rows, columns))
    q = orthonormal_columns(_normal(0.0, 1.0, tall, bits).reshape(tall))
    oriented = q if rows >= columns else q.T
    return np.ascontiguousarray(oriented) * float(config.get("gain", 1.0))


def _identity(config: Config, shape: tuple[int, ...], _: Bits) -> Floats:
    rows, columns = shape
    return np.asarray(np.eye(rows, columns) * float(config.get("gain", 1.0)))


def _constant(config: Config, shape: tuple[int, ...], _: Bits) -> Floats:
    value = config.get("value", 0.0)
    plain = value["config"]["value"] if isinstance(value, Mapping) else value
    return np.broadcast_to(np.asarray(plain, dtype=np.float64), shape).copy()


_MAKERS: Mapping[str, Callable[[Config, tuple[int, ...], Bits], Floats]] = {
    "Zeros": lambda _config, shape, _bits: np.zeros(shape),
    "Ones": lambda _config, shape, _bits: np.ones(shape),
    "Constant": _constant,
    "Identity": _identity,
    "RandomUniform": lambda c, shape, bits: _uniform(c["minval"], c["maxval"], shape, bits),
    "RandomNormal": lambda c, shape, bits: _normal(c["mean"], c["stddev"], shape, bits),
    "TruncatedNormal": lambda c, shape, bits: _truncated(c["mean"], c["stddev"], shape, bits),
    "VarianceScaling": _variance_scaling,
    "GlorotUniform": _scaled(1.0, "fan_avg", "uniform"),
    "GlorotNormal": _scaled(1.0, "fan_avg", "truncated_normal"),
    "HeUniform": _scaled(2.0, "fan_in", "uniform"),
    "HeNormal": _scaled(2.0, "fan_in", "truncated_normal"),
    "LecunUniform": _scaled(1.0, "fan_in", "uniform"),
    "LecunNormal": _scaled(1.0, "fan_in", "truncated_normal"),
    "Orthogonal": _orthogonal,
}
PORTABLE = frozenset(_MAKERS)
"""The initializers whose values are the same everywhere."""
