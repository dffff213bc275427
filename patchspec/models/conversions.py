"""Weights of an old layout in the layout of Keras 3, one rule for each difference.

A rule takes the variables of one part by name and gives those of its successor. Nothing is read
before somebody asks for a value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patchspec.models.base import Variable
from patchspec.problems import refuse

Array = NDArray[Any]
Leaves = dict[str, Variable]
Rule = Callable[[Leaves], Leaves]
SLOPE = 1.2
"""The slope of Keras 2's hard sigmoid (1/5) by that of Keras 3's (1/6)."""


def derived(
    sources: Sequence[Variable], shape: Sequence[int], compute: Callable[[list[Array]], Array]
) -> Variable:
    """A variable whose value is computed from others when it is read; their dtype is kept."""
    dtype = sources[0].dtype

    def read() -> Array:
        return np.asarray(compute([v.read() for v in sources]), dtype=sources[0].read().dtype)

    return Variable("", tuple(shape), dtype, read)


def _transposed(variable: Variable, axes: Sequence[int]) -> Variable:
    shape = [variable.shape[axis] for axis in axes]
    return derived([variable], shape, lambda values: np.transpose(values[0], axes))


def _joined(variables: Sequence[Variable]) -> Variable:
    first = variables[0].shape
    shape = (*first[:-1], sum(v.shape[-1] for v in variables))
    return derived(variables, shape, lambda values: np.concatenate(values, axis=-1))


def rotated(variable: Variable) -> Variable:
    """A kernel turned by 180 degrees: Theano convolves where the others correlate.

    The last two axes are those of the channels and stay.
    """
    turn = (slice(None, None, -1),) * (len(variable.shape) - 2)
    return derived([variable], variable.shape, lambda values: values[0][turn])


def _gates(scaled: Sequence[int], count: int) -> Rule:
    """Scale some of the gates that lie side by side on the last axis."""

    def factors(size: int) -> Array:
        found = np.ones(size)
        for gate in scaled:
            found[gate * (size // count) : (gate + 1) * (size // count)] = SLOPE
        return found

    def rule(leaves: Leaves) -> Leaves:
        return {
            name: derived([v], v.shape, lambda values: values[0] * factors(values[0].shape[-1]))
            for name, v in leaves.items()
        }

    return rule


def _all_scaled(leaves: Leaves) -> Leaves:
    """Scale what the pre-activation is linear in: of a separable kernel, one of the two."""
    kept = {"depthwise_kernel"} if "pointwise_kernel" in leaves else set()
    return {
        name: v if name in kept else derived([v], v.shape, lambda values: values[0] * SLOPE)
        for name, v in leaves.items()
    }


def _merged(gates: str) -> Rule:
    """One matrix for each gate becomes one for all, in the order of the letters given."""

    def rule(leaves: Leaves) -> Leaves:
        if f"W_{gates[0]}" not in leaves:
            return leaves
        return {
            name: _joined([leaves[f"{letter}_{gate}"] for gate in gates])
            for letter, name in (("W", "kernel"), ("U", "recurrent_kernel"), ("b", "bias"))
        }

    return rule


def _kernels(axes_of: Callable[[tuple[int, ...]], Sequence[int]]) -> Rule:
    def rule(leaves: Leaves) -> Leaves:
        names = [name for name in leaves if name.endswith("kernel")]
        return leaves | {n: _transposed(leaves[n], axes_of(leaves[n].shape)) for n in names}

    return rule


def _filters_last(shape: tuple[int, ...]) -> Sequence[int]:
    """(filters, channels, space...) as (space..., channels, filters)."""
    return (*range(2, len(shape)), 1, 0)


def _filters_first_of_two(shape: tuple[int, ...]) -> Sequence[int]:
    """(filters, channels, space...) as (space..., filters, channels), of a transposed kernel."""
    return (*range(2, len(shape)), 0, 1)


def _last_two_swapped(shape: tuple[int, ...]) -> Sequence[int]:
    return (*range(len(shape) - 2), len(shape) - 1, len(shape) - 2)


def _conv1d(leaves: Leaves) -> Leaves:
    """A kernel with an axis of one: (length, 1, channels, filters), or filters first."""
    kernel = leaves["kernel"]
    if kernel.shape[1] != 1:
        kernel = _transposed(kernel, (2, 3, 1, 0))
    shape = (kernel.shape[0], *kernel.shape[2:])
    return leaves | {"kernel": derived([kernel], shape, lambda values: values[0][:, 0])}


def _maxout(leaves: Leaves) -> Leaves:
    """(maps, inputs, units) side by side as (inputs, maps * units)."""
    kernel = leaves["kernel"]
    maps, width, units = kernel.shape
    found = leaves | {
        "kernel": derived(
            [kernel],
            (width, maps * units),
            lambda values: values[0].transpose(1, 0, 2).reshape(width, maps * units),
        )
    }
    if "bias" in leaves:
        found["bias"] = derived(
            [leaves["bias"]], (maps * units,), lambda values: values[0].reshape(maps * units)
        )
    return found


def _cudnn(gates: int, bias_of: Callable[[Variable], Variable]) -> Rule:
    """cuDNN reads a kernel of (inputs, units) as one of (units, inputs), gate by gate."""

    def kernel(values: list[Array]) -> Array:
        parts = np.split(values[0], gates, axis=1)
        return np.hstack([part.reshape(part.shape[::-1]).T for part in parts])

    def recurrent(values: list[Array]) -> Array:
        return np.hstack([part.T for part in np.split(values[0], gates, axis=1)])

    def rule(leaves: Leaves) -> Leaves:
        if leaves["bias"].shape != (2 * gates * leaves["recurrent_kernel"].shape[0],):
            return leaves
        own, state = leaves["kernel"], leaves["recurrent_kernel"]
        return {
            "kernel": derived([own], own.shape, kernel),
            "recurrent_kernel": derived([state], state.shape, recurrent),
            "bias": bias_of(leaves["bias"]),
        }

    return rule


def _summed(bias: Variable) -> Variable:
    half = bias.shape[0] // 2
    return derived([bias], (half,), lambda values: values[0][:half] + values[0][half:])


def _two_rows(bias: Variable) -> Variable:
    half = bias.shape[0] // 2
    return derived([bias], (2, half), lambda values: values[0].reshape(2, half))


def _variance(leaves: Leaves, epsilon: float) -> Leaves:
    """A deviation to which epsilon is added, as the variance whose root with epsilon is the same.

    (x - mean) / (deviation + e) is (x - mean) / sqrt(variance + e) for (deviation + e)^2 - e.
    """
    old = leaves["moving_variance"]
    variance = derived([old], old.shape, lambda values: (values[0] + epsilon) ** 2 - epsilon)
    return leaves | {"moving_variance": variance}


def _either(_leaves: Leaves) -> Leaves:
    refuse(
        "PS913",
        "the moving statistics are a deviation or a variance, as the version of Keras 1 that wrote "
        "them had it, and the file names none",
        hint="add `keras_version` to the architecture, or save it anew with a later Keras",
    )


NUMBERED: Mapping[str, Callable[[Leaves, float], Leaves]] = {"keras0-deviation": _variance}
RULES: Mapping[str, Rule] = {
    "cudnn-gru": _cudnn(3, _two_rows),
    "cudnn-lstm": _cudnn(4, _summed),
    "hard-sigmoid-all": _all_scaled,
    "hard-sigmoid-gru": _gates((0, 1), 3),
    "hard-sigmoid-lstm": _gates((0, 1, 3), 4),
    "keras1-conv-first": _kernels(_filters_last),
    "keras1-conv1d": _conv1d,
    "keras1-deconv-first": _kernels(_filters_first_of_two),
    "keras1-deconv-last": _kernels(_last_two_swapped),
    "keras1-deviation-or-variance": _either,
    "keras1-gru": _merged("zrh"),
    "keras1-lstm": _merged("ifco"),
    "keras1-separable-first": _kernels(_filters_last),
    "maxout": _maxout,
}
