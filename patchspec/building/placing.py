"""Giving the variables of a model that was made without values their first ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from patchspec.building.variables import Holder, as_array, holders, is_variable


def place(
    model: Any,
    value: Callable[[Holder, str, Any], Any],
    only: Callable[[str], bool] = lambda _: True,
) -> None:
    """Give every variable its value, and what nobody saves its initial one.

    `value` is asked for the value of what an object saves under a number; `only` says of a layer,
    by path, whether its variables are given any.
    """
    for holder in holders(model):
        if not only(holder.layer):
            continue
        own = holder.own()
        values = {number: value(holder, number, variable) for number, variable in own.items()}
        _load(holder.saveable, own, values)
    _finish(model)


_ALIGNMENT = 64
"""Where memory must begin for TensorFlow and JAX to keep it instead of copying it once more."""


@dataclass(frozen=True, slots=True)
class _Own:
    """An array that a tensor may keep: TensorFlow copies what it knows as an array."""

    value: np.ndarray[Any, Any]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self.value
        return found if dtype is None else found.astype(dtype, copy=bool(copy))


def independent(value: Any) -> np.ndarray[Any, Any]:
    """A copy of the value, which may be a view of a file or of the base, for a tensor to keep."""
    value = np.asarray(value)
    memory = np.empty(value.nbytes + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    content = memory[start : start + value.nbytes]
    # As bytes: numbers that lie in a file at odd places are copied one by one otherwise.
    content[:] = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
    copied: np.ndarray[Any, Any] = content.view(value.dtype).reshape(value.shape)
    return copied


def _give(variable: Any, value: Any) -> None:
    """Give a variable its first value, or another where its layer made it of one."""
    if getattr(variable, "_value", variable) is not None:
        variable.assign(independent(value))
        return
    value = independent(value)
    if keras.backend.backend() == "tensorflow":
        variable._initialize(_Own(value))
    else:
        variable._initialize(variable._convert_to_tensor(value, dtype=variable._dtype))
    variable._initializer = None


def _load(saveable: Any, own: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Give an object its saved values, and let it derive from them what it derives."""
    if not hasattr(saveable, "load_own_variables"):
        return
    placed = [(variable, values[n]) for n, variable in own.items() if is_variable(variable)]
    for variable, value in placed:
        _give(variable, value)
    foreign = not type(saveable).load_own_variables.__module__.startswith("keras.")
    if len(placed) < len(own) or foreign:
        _finish(saveable)
        saveable.load_own_variables({number: as_array(v) for number, v in values.items()})
    elif own and hasattr(saveable, "finalize_state"):
        saveable.finalize_state()


def _finish(layer: Any) -> None:
    """Initialise what nobody saves (seed generators), so that the layer can run."""
    for variable in _all_variables(layer):
        if getattr(variable, "_value", variable) is None:
            variable._deferred_initialize()


def _all_variables(layer: Any) -> Iterator[Any]:
    seen: set[int] = set()
    for variable in layer.variables:
        if id(variable) not in seen:
            seen.add(id(variable))
            yield variable
    generators: list[Any] = getattr(layer, "_flatten_layers", list)()
    for inner in generators:
        for generator in getattr(inner, "_seed_generators", ()):
            if id(generator.state) not in seen:
                seen.add(id(generator.state))
                yield generator.state
