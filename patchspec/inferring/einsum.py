"""The layer that multiplies by a kernel as an equation says."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchspec.inferring.arguments import activation, constraint, count, regularizer
from patchspec.inferring.initializers import Initializer, initializer
from patchspec.inferring.kinds import PAIR, Config, Kind, Shape, Weight, decline, given, known

_EQUATION = re.compile(
    r"(?P<left>\.\.\.)?(?P<read>[a-zA-Z]+),(?P<kernel>[a-zA-Z]+)->(?(left)\.\.\.)(?P<made>[a-zA-Z]+)"
)
"""The forms that are looked at here: plain, and with axes elided before the others."""


@dataclass(frozen=True, slots=True)
class Product:
    """What an equation makes of an input: shapes, and the axes of the kernel by their role."""

    kernel: tuple[int, ...]
    bias: tuple[int, ...] | None
    output: Shape
    input_axes: tuple[int, ...]
    output_axes: tuple[int, ...]


def equation(value: Any) -> bool:
    """Whether this is an equation of which no part names an axis twice."""
    said = _EQUATION.fullmatch(value) if isinstance(value, str) else None
    parts = said.group("read", "kernel", "made") if said else ()
    return bool(parts) and all(len(set(part)) == len(part) for part in parts)


def product(said: str, bias_axes: str | None, shape: Shape, sizes: Sequence[int | None]) -> Product:
    """What the equation makes of an input of this shape; `sizes` are those of the output.

    The batch is not among `sizes`; where one is none, Keras leaves the axis open.
    """
    found = _EQUATION.fullmatch(said)
    if found is None:
        decline()
    read, kernel, made = found.group("read", "kernel", "made")
    elided = len(shape) - len(read)
    if not 0 <= elided <= PAIR or (elided and not found["left"]):
        # Of three elided axes or more Keras swaps some.
        decline()
    # What is elided begins with the batch, which so stands before the axes that are named.
    output = (shape[0], *(shape[1:elided] if elided else ()), *sizes)
    if len(output) != len(made) + elided:
        decline()
    read_sizes = dict(zip(read, shape[elided:], strict=True))
    made_sizes = dict(zip(made, output[elided:], strict=True))
    for axis, size in read_sizes.items():
        if axis in made_sizes and made_sizes[axis] not in (None, size):
            decline()
    if not set(made) <= {*read, *kernel} or not set(kernel) <= {*read, *made}:
        decline()
    bias = None
    if bias_axes is not None:
        if not set(bias_axes) <= set(made) or not bias_axes:
            decline()
        held = made[min(made.index(axis) for axis in bias_axes) :]
        bias = tuple(known(made_sizes[axis]) if axis in bias_axes else 1 for axis in held)
    return Product(
        tuple(known(made_sizes[a] if a in made_sizes else read_sizes[a]) for a in kernel),
        bias,
        output,
        tuple(i for i, axis in enumerate(kernel) if axis not in made_sizes),
        tuple(i for i, axis in enumerate(kernel) if axis in made_sizes),
    )


def scaled(own: Initializer, made: Product) -> Initializer:
    """The initializer of the kernel, which Keras tells which of its axes are read and made.

    Keras also draws a seed for it where there is none, another one each time; here there is none.
    """
    axes = ("input_axes", "output_axes")
    config = own["config"]
    if "input_axes" not in config or all(config[key] is not None for key in axes):
        return own
    told = {"input_axes": list(made.input_axes), "output_axes": list(made.output_axes)}
    return {**own, "config": {**config, **told}}


def weights_of(
    made: Product, kernel: Initializer, bias: Initializer, **said: Any
) -> tuple[Weight, ...]:
    """The kernel of a product, and its bias where it has one."""
    own = Weight("kernel", made.kernel, scaled(kernel, made))
    added = () if made.bias is None else (Weight("bias", made.bias, bias),)
    return tuple(replace(weight, **said) for weight in (own, *added))


def _product(config: Config, shape: Shape) -> Product:
    sizes = config["output_shape"]
    listed = [sizes] if isinstance(sizes, int) else sizes
    return product(config["equation"], config["bias_axes"], shape, listed)


def _sizes(value: Any) -> bool:
    listed = isinstance(value, list) and all(n is None or count(n) for n in value)
    return count(value) or (listed and len(value) > 0)


def _bias_axes(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value.isalpha())


KINDS: Mapping[str, Kind] = {
    "EinsumDense": Kind(
        {
            "equation": equation,
            "output_shape": _sizes,
            "bias_axes": _bias_axes,
            "activation": activation,
            "kernel_initializer": initializer,
            "bias_initializer": initializer,
            "kernel_regularizer": regularizer,
            "bias_regularizer": regularizer,
            "kernel_constraint": constraint,
            "bias_constraint": constraint,
        },
        lambda config, shape: _product(config, shape).output,
        lambda config, shape: weights_of(
            _product(config, shape),
            given(config, "kernel_initializer"),
            given(config, "bias_initializer"),
        ),
    )
}
