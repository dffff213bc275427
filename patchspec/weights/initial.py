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
from patchspec.weights.cells import FORGET_GATE_BIAS
from patchspec.weights.seeds import value_key

CHUNK = 1 << 18
_STDDEV_OF_TRUNCATED = 0.87962566103423978
"""The standard deviation of a standard normal cut at two: scipy.stats.truncnorm.std(-2, 2)."""
_BELOW_MINUS_TWO = 0.022750131948179195
"""The probability that a standard normal is less than -2."""

Config = Mapping[str, Any]
Shape = tuple[int, ...]
Bits = Callable[[int], NDArray[np.uint64]]
Quantile = Callable[[Floats], Floats]
"""What a probability strictly between 0 and 1 becomes: a distribution, as its inverse."""


def initial_value(
    initializer: Mapping[str, Any], *, seed: int, path: str, shape: Shape, dtype: str
) -> NDArray[Any]:
    """The first value of a variable, of this shape and dtype.

    `initializer` is `{class_name, config}` as Keras writes it; what the config leaves out has
    Keras's default, and a seed in it is one more part of the key. A class outside `PORTABLE` raises
    KeyError; a shape or an option that Keras would refuse, ValueError. Random values are computed
    in float64 and rounded once, to bfloat16 by way of float32, so a bound may be met exactly. Peak
    memory is near the size of the result, but for an orthogonal matrix.
    """
    name, config = initializer["class_name"], initializer.get("config", {})
    kind = numpy_dtype(dtype)
    if name in _FIXED:
        return rounded(np.broadcast_to(_FIXED[name](config, shape), shape), kind)
    quantile = _QUANTILES[name](config, shape)
    bits = np.random.Philox(key=_words(value_key(seed, path, initializer, shape, dtype))).random_raw
    if name == _ORTHOGONAL:
        return rounded(_orthogonal(config, shape, bits, quantile), kind)
    return _drawn(quantile, shape, bits, kind)


def _words(key: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(key[:16], dtype=">u8").astype(np.uint64)


def numpy_dtype(name: str) -> np.dtype[Any]:
    if name == "bfloat16":
        import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

        bfloat16: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return np.dtype(name)


def rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The values in a dtype, by a route that no machine or version takes otherwise."""
    if dtype.name == "bfloat16":
        # Versions of ml_dtypes may differ in whether they go from float64 by way of float32.
        values = values.astype(np.float32)
    elif dtype.kind in "iu" and values.dtype.kind == "f":
        # C leaves a negative float made unsigned undefined; integers wrap everywhere.
        values = values.astype(np.int64)
    return values.astype(dtype, order="C")


def _count(shape: Sequence[int]) -> int:
    count = 1
    for n in shape:
        count *= n
    return count


def _drawn(quantile: Quantile, shape: Shape, bits: Bits, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Independent values of one distribution, made a chunk at a time to save memory."""
    count = _count(shape)
    values = np.empty(count, dtype)
    for start in range(0, count, CHUNK):
        part = values[start : start + CHUNK]
        probability = ((bits(len(part)) >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
        part[:] = rounded(quantile(probability), dtype)
    return values.reshape(shape)


def _uniform(low: float, high: float) -> Quantile:
    return lambda p: low + (high - low) * p


def _normal(mean: float, stddev: float) -> Quantile:
    return lambda p: mean + stddev * normal_quantile(p)


def _truncated(mean: float, stddev: float) -> Quantile:
    """A normal cut at two standard deviations; `stddev` is the one before the cut."""
    low, span = _BELOW_MINUS_TWO, 1.0 - 2.0 * _BELOW_MINUS_TWO
    return lambda p: mean + stddev * normal_quantile(low + span * p)


def _fans(config: Config, shape: Shape) -> tuple[float, float]:
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


def _variance_scaling(config: Config, shape: Shape) -> Quantile:
    mode = config.get("mode", "fan_in")
    distribution = config.get("distribution", "truncated_normal").lower()
    fan_in, fan_out = _fans(config, shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}
    if mode not in fan:
        raise ValueError(f"`mode` is one of {', '.join(fan)}, not {mode!r}")
    variance = config.get("scale", 1.0) / max(1.0, fan[mode])
    match distribution:
        case "truncated_normal" | "normal":
            return _truncated(0.0, float(np.sqrt(variance)) / _STDDEV_OF_TRUNCATED)
        case "untruncated_normal":
            return _normal(0.0, float(np.sqrt(variance)))
        case "uniform":
            limit = float(np.sqrt(3.0 * variance))
            return _uniform(-limit, limit)
        case _:
            raise ValueError(f"no `distribution` of Keras's is called {distribution!r}")


def _scaled(scale: float, mode: str, distribution: str) -> Callable[[Config, Shape], Quantile]:
    said = {"scale": scale, "mode": mode, "distribution": distribution}
    return lambda config, shape: _variance_scaling({**config, **said}, shape)


def _orthogonal(config: Config, shape: Shape, bits: Bits, quantile: Quantile) -> Floats:
    """Orthonormal rows or columns, whichever are fewer, of (all axes but the last, the last)."""
    if len(shape) < 2:  # noqa: PLR2004
        raise ValueError(f"an orthogonal matrix needs two axes or more, not the shape {shape}")
    rows, columns = _count(shape[:-1]), shape[-1]
    tall = (max(rows, columns), min(rows, columns))
    q = orthonormal_columns(_drawn(quantile, tall, bits, np.dtype(np.float64)))
    oriented = q if rows >= columns else q.T
    return (oriented * float(config.get("gain", 1.0))).reshape(shape)


def _identity(config: Config, shape: Shape) -> Floats:
    if len(shape) != 2:  # noqa: PLR2004
        raise ValueError(f"an identity matrix has two axes, not the shape {shape}")
    return np.asarray(np.eye(*shape) * float(config.get("gain", 1.0)))


def _constant(config: Config, _: Shape) -> NDArray[Any]:
    """The scalar or nested list, integers as they are: float64 holds them to 2**53 alone."""
    value = config.get("value", 0.0)
    return np.asarray(value["config"]["value"] if isinstance(value, Mapping) else value)


def _forget_gate_bias(_: Config, shape: Shape) -> Floats:
    """Zeros, but ones for the second of the four gates: what an LSTM of Keras begins with."""
    units = shape[0] // 4
    value = np.zeros(shape)
    value[units : 2 * units] = 1.0
    return value


_FIXED: Mapping[str, Callable[[Config, Shape], NDArray[Any]]] = {
    "Zeros": lambda _config, _shape: np.zeros(()),
    "Ones": lambda _config, _shape: np.ones(()),
    "Constant": _constant,
    "Identity": _identity,
    FORGET_GATE_BIAS: _forget_gate_bias,
}
_ORTHOGONAL = "Orthogonal"
_QUANTILES: Mapping[str, Callable[[Config, Shape], Quantile]] = {
    "RandomUniform": lambda c, _: _uniform(c.get("minval", -0.05), c.get("maxval", 0.05)),
    "RandomNormal": lambda c, _: _normal(c.get("mean", 0.0), c.get("stddev", 0.05)),
    "TruncatedNormal": lambda c, _: _truncated(c.get("mean", 0.0), c.get("stddev", 0.05)),
    "VarianceScaling": _variance_scaling,
    "GlorotUniform": _scaled(1.0, "fan_avg", "uniform"),
    "GlorotNormal": _scaled(1.0, "fan_avg", "truncated_normal"),
    "HeUniform": _scaled(2.0, "fan_in", "uniform"),
    "HeNormal": _scaled(2.0, "fan_in", "truncated_normal"),
    "LecunUniform": _scaled(1.0, "fan_in", "uniform"),
    "LecunNormal": _scaled(1.0, "fan_in", "truncated_normal"),
    _ORTHOGONAL: lambda _config, _shape: _normal(0.0, 1.0),
}
PORTABLE: frozenset[str] = frozenset(_FIXED) - {FORGET_GATE_BIAS} | frozenset(_QUANTILES)
"""The initializers whose values are the same everywhere."""
