"""Arithmetic that gives the same bits everywhere: elementwise float64 `+ - * /` and square roots.

IEEE 754 fixes the result of each of these. It does not fix those of a libm logarithm, of a BLAS
product or of a sum whose order a library chooses, so these are written out here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SQRT_HALF = 0.7071067811865476
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
"""ln 2 in two parts, the first with 32 low bits zero (fdlibm, e_log.c)."""

# Wichura, Algorithm AS 241, Applied Statistics 37 (1988): PPND16, relative error about 1e-16.
_CENTRAL = (
    (
        2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4,
        4.5921953931549871457e4, 1.3731693765509461125e4, 1.9715909503065514427e3,
        1.3314166789178437745e2, 3.3871328727963666080e0,
    ),
    (
        5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4,
        2.1213794301586595867e4, 5.3941960214247511077e3, 6.8718700749205790830e2,
        4.2313330701600911252e1, 1.0,
    ),
)  # fmt: skip
_MIDDLE = (
    (
        7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
        1.27045825245236838258e0, 3.64784832476320460504e0, 5.76949722146069140550e0,
        4.63033784615654529590e0, 1.42343711074968357734e0,
    ),
    (
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
        1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0,
        2.05319162663775882187e0, 1.0,
    ),
)  # fmt: skip
_TAIL = (
    (
        2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
        2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580e0,
        5.46378491116411436990e0, 6.65790464350110377720e0,
    ),
    (
        2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
        7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
        5.99832206555887937690e-1, 1.0,
    ),
)  # fmt: skip


def logarithm(x: Floats) -> Floats:
    """The natural logarithm of positive numbers, within 2 ulp.

    2 artanh(s) with s = (m - 1) / (m + 1) for the mantissa m between 0.7 and 1.4, as a series.
    """
    mantissa, exponent = np.frexp(x)
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, mantissa * 2.0, mantissa)
    power = exponent.astype(np.float64) - small
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = _polynomial(square, tuple(1.0 / n for n in range(23, 0, -2)))
    return power * _LN2_HIGH + (2.0 * s * series + power * _LN2_LOW)


def normal_quantile(p: Floats) -> Floats:
    """The value below which a standard normal falls with probability `p`, 0 < p < 1."""
    q = p - 0.5
    central = np.abs(q) <= 0.425  # noqa: PLR2004 (the bounds are the algorithm's)
    result = q * _ratio(0.180625 - q * q, _CENTRAL)
    outer = ~central
    if not outer.any():
        return result
    side = q[outer]
    r = np.sqrt(-logarithm(np.where(side < 0, p[outer], 1.0 - p[outer])))
    near = r <= 5.0  # noqa: PLR2004
    value = np.where(near, _ratio(r - 1.6, _MIDDLE), _ratio(r - 5.0, _TAIL))
    result[outer] = np.where(side < 0, -value, value)
    return result


def _ratio(x: Floats, coefficients: tuple[tuple[float, ...], tuple[float, ...]]) -> Floats:
    above, below = coefficients
    return _polynomial(x, above) / _polynomial(x, below)


def _polynomial(x: Floats, coefficients: tuple[float, ...]) -> Floats:
    """Horner's rule, highest power first."""
    result = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * x + coefficient
    return result


def column_sums(x: Floats) -> Floats:
    """The sums of the columns of an (n, m), n > 0, in a fixed order: halves added to halves."""
    while len(x) > 1:
        half = len(x) // 2
        folded = x[:half] + x[half : 2 * half]
        if len(x) % 2:
            folded[0] += x[-1]
        x = folded
    total: Floats = x[0]
    return total


def orthonormal_columns(a: Floats) -> Floats:
    """The Q of a = QR, R with a positive diagonal, by Householder reflections in column order.

    `a` is tall or square, shape (n, m); so is the result. Where `a` has not full rank, the columns
    of the result are orthonormal still. It takes about 4 n m**2 operations.
    """
    rest = a.copy()
    n, m = a.shape
    mirrors = []
    signs = np.ones(m)
    for k in range(m):
        mirror, signs[k] = _mirror(rest[k:, k])
        mirrors.append(mirror)
        _reflect(rest[k:, k + 1 :], *mirror)
    q = np.zeros((n, m))
    q[np.arange(m), np.arange(m)] = 1.0
    for k in reversed(range(m)):
        # Rows from k on of columns before k are still zero: only the block behind them moves.
        _reflect(q[k:, k:], *mirrors[k])
    return q * signs


def _mirror(column: Floats) -> tuple[tuple[Floats, float], float]:
    """The reflection (v, 2 / v.v) of a column onto its first axis, and the sign that mends it."""
    v = column.copy()
    length = np.sqrt(_squared_length(v))
    negative = v[0] < 0
    # Away from zero: the first entry must not cancel.
    v[0] = v[0] - length if negative else v[0] + length
    size = _squared_length(v)
    return (v, 2.0 / size if size > 0.0 else 0.0), 1.0 if negative else -1.0


def _squared_length(v: Floats) -> float:
    return float(column_sums((v * v)[:, None])[0])


def _reflect(x: Floats, v: Floats, scale: float) -> None:
    """Replace the columns of `x` by their mirror images."""
    column = v[:, None]
    x -= column * (scale * column_sums(column * x))
