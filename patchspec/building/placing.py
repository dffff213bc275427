"""Giving the variables of a model that was made without values their first ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np

from patchspec.building.variables import Holder, as_array, holders, is_variable


def place(model: Any, value: Callable[[Holder, str, Any], Any]) -> None:
    """Give every variable its value, and what nobody saves its initial one.

    `value` is asked for the value of what an object saves under a number.
    """
    for holder in holders(model):
        own = holder.own()
        values = {number: value(holder, number, variable) for number, variable in own.items()}
        _load(holder.saveable, own, values)
    _finish(model)


def independent(value: Any) -> Any:
    """The value, of which nothing that a backend makes is a view.

    TensorFlow copies what it is given; others keep it, and it may be a view of a file.
    """
    return value if keras.backend.backend() == "tensorflow" else np.array(value)


def _give(variable: Any, value: Any) -> None:
    """Give a variable its first value, or another where its layer made it of one."""
    if getattr(variable, "_value", variable) is not None:
        variable.assign(independent(value))
        return
    if keras.backend.backend() != "tensorflow":
        value = variable._convert_to_tensor(independent(value), dtype=variable._dtype)
    variable._initialize(value)
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
