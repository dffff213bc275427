"""The variables of a live model by path: layer names, then Keras's saving path inside the layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.src.models.functional import Functional, functional_like_constructor
from keras.src.saving import saving_lib
from keras.src.saving.keras_saveable import KerasSaveable
from keras.src.utils import naming

from patchspec.problems import refuse
from patchspec.weights.cells import FORGET_GATE_BIAS


@dataclass(frozen=True, slots=True)
class Holder:
    """An object that saves variables of its own: a layer, a cell, a part of a composite layer."""

    path: str
    """The path of its variables, which end in `vars/<n>`; the layer's path alone for its own."""
    layer: str
    """The path of the layer that it belongs to."""
    saveable: Any

    def own(self) -> dict[str, Any]:
        """What it saves, by number: variables, or values that it computes when it saves."""
        store: dict[str, Any] = {}
        if hasattr(self.saveable, "save_own_variables"):
            self.saveable.save_own_variables(store)
        return store

    def variable_path(self, number: str) -> str:
        """The path of one of its variables."""
        return f"{self.path}/vars/{number}"


def holders(model: Any, prefix: str = "") -> Iterator[Holder]:
    """Every object of a functional or Sequential model that saves variables.

    Refuses (PS505) a layer that stands at two levels of nesting: Keras itself saves its variables
    once and cannot load them again.
    """
    yield from _layers(model, prefix, {})


def _layers(model: Any, prefix: str, seen: dict[int, str]) -> Iterator[Holder]:
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        level = seen.setdefault(id(layer), prefix)
        if level != prefix:
            refuse(
                "PS505",
                f"`{path}` is shared between levels of nesting",
                hint="use the layer at one level only",
            )
        if is_model(layer):
            yield from _layers(layer, f"{path}/", seen)
        else:
            yield from layer_holders(layer, path)


def is_model(layer: Any) -> bool:
    """Whether a layer is a model whose config lists its layers, which so have paths of their own.

    A subclass that saves the arguments of its constructor instead is like any other layer.
    """
    if isinstance(layer, keras.Sequential):
        return True
    functional = isinstance(layer, keras.Model) and layer._obj_type() == "Functional"
    return functional and _saves_layers(type(layer))


def _saves_layers(cls: Any) -> bool:
    bases = cls.__mro__[: cls.__mro__.index(Functional)]
    return functional_like_constructor(cls) and not any("get_config" in c.__dict__ for c in bases)


def layer_holders(layer: Any, path: str) -> Iterator[Holder]:
    """The layer, and whatever inside it saves variables, in Keras's own order of saving."""
    yield from _walk(layer, path, path, set())


def _walk(saveable: Any, path: str, layer: str, seen: set[int]) -> Iterator[Holder]:
    if id(saveable) in seen:
        return
    seen.add(id(saveable))
    yield Holder(path, layer, saveable)
    if _is_plain(saveable):
        return
    for name, child in saving_lib._walk_saveable(saveable):
        yield from _child(child, f"{path}/{name}", layer, seen)


def _child(child: Any, path: str, layer: str, seen: set[int]) -> Iterator[Holder]:
    if isinstance(child, KerasSaveable):
        yield from _walk(child, path, layer, seen)
    elif isinstance(child, (list, dict, tuple)):
        used: dict[str, int] = {}
        for item in list(child.values()) if isinstance(child, dict) else child:
            holds = isinstance(item, KerasSaveable)
            if not holds and not isinstance(item, (list, dict, tuple)):
                continue
            name = naming.to_snake_case(type(item).__name__) if holds else "container"
            count = used.get(name, 0)
            used[name] = count + 1
            yield from _child(
                item, f"{path}/{name}_{count}" if count else f"{path}/{name}", layer, seen
            )


def _is_plain(saveable: Any) -> bool:
    """Whether one of Keras's own layers holds no other layers, which spares a walk of `dir`."""
    own = type(saveable).__module__.startswith("keras.src.layers.")
    return own and not getattr(saveable, "_layers", None)


def is_variable(value: Any) -> bool:
    """Whether what a holder saves is a variable, not a value that it computes."""
    return isinstance(value, keras.Variable)


def as_array(value: Any) -> np.ndarray[Any, Any]:
    """The value of a variable or tensor; a copy where the backend gives no view."""
    return np.asarray(keras.ops.convert_to_numpy(value))


def as_view(value: Any) -> np.ndarray[Any, Any]:
    """The value of a variable to be read at once; where the backend can, without a copy of it."""
    try:
        held = value.value
        return np.asarray(memoryview(held.value() if hasattr(held, "value") else held))
    except (AttributeError, TypeError, ValueError, BufferError, RuntimeError):
        return as_array(value)


def shape_of(value: Any) -> tuple[int, ...]:
    """The shape as numbers; TensorFlow makes an object of its own of it at each look."""
    shape = getattr(value, "_shape", None)
    return tuple(int(n) for n in (value.shape if shape is None else shape))


def initializer_of(variable: Any, saveable: Any) -> Mapping[str, Any] | None:
    """The initializer of a variable that has no value yet; none where it is code of its own.

    `saveable` is what saves it: the bias of an LSTM cell with ones for its forget gate is made by
    code of the cell, and has a name of ours.
    """
    made = variable._initializer
    if not isinstance(made, keras.Initializer):
        zeros = isinstance(getattr(saveable, "bias_initializer", None), keras.initializers.Zeros)
        forgets = getattr(saveable, "unit_forget_bias", False) and variable.name == "bias"
        return {"class_name": FORGET_GATE_BIAS, "config": {}} if forgets and zeros else None
    return {"class_name": type(made).__name__, "config": made.get_config()}
