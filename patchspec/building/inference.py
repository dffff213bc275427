"""Shapes, dtypes and variables of layers, asked of Keras without allocating a variable."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from patchspec.building.door import check_keras, known_custom_objects, make, said_by
from patchspec.building.scope import without_values
from patchspec.building.variables import holders as model_holders
from patchspec.building.variables import initializer_of, is_model, is_variable, layer_holders
from patchspec.graph.edits import plain
from patchspec.graph.tensors import Spec
from patchspec.models.safety import check_safe
from patchspec.planning.shapes import VariableSpec
from patchspec.problems import refuse


@dataclass(frozen=True)
class KerasInferrer:
    """Makes layers symbolically, each alone, in safe mode and with no variable allocated."""

    custom_objects: Mapping[str, Any] = field(default_factory=dict)

    def layer(self, entry: Mapping[str, Any]) -> KerasLayer:
        """The layer of an entry; PS412 with Keras's own words where its arguments do not fit."""
        check_keras()
        name = str(entry.get("name") or entry["config"].get("name"))
        check_safe(entry, known_custom_objects(self.custom_objects), name)
        alone = {k: v for k, v in entry.items() if k not in ("inbound_nodes", "build_config")}

        def again() -> Any:
            return make(_stateless(_unbuilt(alone)), self.custom_objects)

        try:
            made = without_values(again)
        except Exception as error:  # noqa: BLE001 (whatever a constructor raises is the answer)
            refuse(
                "PS412",
                f"Keras cannot make the {alone['class_name']} `{name}`: {_reason(error)}",
            )
        return KerasLayer(made, str(entry.get("name")), again)

    def check_compile(self, config: Mapping[str, Any]) -> None:
        """Refuse (PS429) a compile configuration of which something cannot be made."""
        check_safe(config, known_custom_objects(self.custom_objects), "compile")
        for key, (kind, get) in _COMPILED.items():
            for value in _leaves(config.get(key)):
                try:
                    with keras.saving.CustomObjectScope(dict(self.custom_objects)):
                        if isinstance(value, Mapping):
                            _check_kind(make(value, self.custom_objects), kind, value)
                        elif value not in ("accuracy", "acc", "crossentropy", "ce"):
                            get(value)
                except Exception as error:  # noqa: BLE001 (whatever Keras raises is the answer)
                    message = f"Keras cannot make the {key} {_named(value)}: {said_by(error)}"
                    refuse("PS429", message, at=("compile", key))


_METRIC = (keras.metrics.Metric, keras.metrics.get)
_COMPILED: Mapping[str, tuple[type[Any], Callable[[Any], Any]]] = {
    "optimizer": (keras.optimizers.Optimizer, keras.optimizers.get),
    "loss": (keras.losses.Loss, keras.losses.get),
    "metrics": _METRIC,
    "weighted_metrics": _METRIC,
}
"""What stands under each key of a compile configuration, and how Keras finds it by name."""


def _check_kind(made: Any, kind: type[Any], said: Mapping[str, Any]) -> None:
    """Raise TypeError for an object of another kind; a model may have functions of its own."""
    if not isinstance(made, kind) and said["class_name"] != "function":
        raise TypeError(f"it is no {kind.__name__}")


def _named(value: Any) -> str:
    return f"`{value.get('class_name') if isinstance(value, Mapping) else value}`"


def _leaves(value: Any) -> Iterator[Any]:
    """The objects and names in a part of a compile configuration."""
    if isinstance(value, Mapping) and "class_name" not in value:
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


@dataclass
class KerasLayer:
    """One layer, built symbolically."""

    made: Any
    name: str
    again: Callable[[], Any]
    """Makes the layer once more, with nothing built."""

    @property
    def carries_masks(self) -> bool:
        """Whether a mask on the input is passed on."""
        return bool(getattr(self.made, "supports_masking", True))

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The specs of the outputs; PS411 with Keras's own words where the inputs do not fit."""
        try:
            with warnings.catch_warnings():
                # What Keras warns of is said again by the model that is built, to whom it concerns.
                warnings.simplefilter("ignore")
                outputs = without_values(
                    lambda: self.made(*_tensors(args), **_tensors(kwargs)),
                    lambda: self._remade()(*_tensors(args), **_tensors(kwargs)),
                )
        except Exception as error:  # noqa: BLE001 (whatever a layer's call raises is the answer)
            refuse("PS411", f"`{self.name}` does not take its inputs: {_reason(error)}")
        flat = keras.tree.flatten(outputs)
        return tuple(Spec(tuple(t.shape), keras.backend.standardize_dtype(t.dtype)) for t in flat)

    def _remade(self) -> Any:
        """The layer anew: the call that failed left it half built."""
        self.made = self.again()
        return self.made

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables that Keras would save, in its order of saving."""
        if not isinstance(self.made, keras.Layer):
            return ()
        nested = is_model(self.made)
        found = model_holders(self.made) if nested else layer_holders(self.made, "")
        return tuple(
            _variable(holder.variable_path(number).lstrip("/"), value, holder.saveable)
            for holder in found
            for number, value in holder.own().items()
        )

    def entry(self) -> Mapping[str, Any]:
        """The layer as Keras serialises it."""
        entry: Mapping[str, Any] = plain(keras.saving.serialize_keras_object(self.made))
        return entry


def _variable(path: str, value: Any, saveable: Any) -> VariableSpec:
    if not is_variable(value):
        shape = tuple(int(n) for n in value.shape)
        dtype = keras.backend.standardize_dtype(value.dtype)
        return VariableSpec(path, path.rpartition("/")[2], shape, dtype, True, None)
    return VariableSpec(
        path,
        value.name,
        tuple(int(n) for n in value.shape),
        keras.backend.standardize_dtype(value._dtype),
        bool(value.trainable),
        initializer_of(value, saveable),
    )


def _tensors(value: Any) -> Any:
    """The arguments with symbolic tensors for specs and Keras's own values for its constants."""
    if isinstance(value, Spec):
        return keras.KerasTensor(value.shape, value.dtype)
    if isinstance(value, Mapping):
        if "class_name" in value and "config" in value:
            return make(value, {})
        return {key: _tensors(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    return value


def _unbuilt(value: Any) -> Any:
    """The entry without what Keras derived for another input, at any depth."""
    if isinstance(value, Mapping):
        kept = {k: v for k, v in value.items() if k not in ("build_config", "compile_config")}
        return {key: _unbuilt(item) for key, item in kept.items()}
    return [_unbuilt(item) for item in value] if isinstance(value, list) else value


def _stateless(value: Any) -> Any:
    """Stateful recurrent layers as stateless ones: they would allocate states of a batch size."""
    if isinstance(value, Mapping):
        return {k: False if k == "stateful" else _stateless(v) for k, v in value.items()}
    return [_stateless(item) for item in value] if isinstance(value, list) else value


def _reason(error: Exception) -> str:
    """Keras wraps what a constructor raises, more than once; what is innermost says it."""
    cause = error.__cause__ or error.__context__
    for wrapper in (cause, error):
        _, marker, inner = str(wrapper or "").rpartition("Exception encountered: ")
        if marker:
            return said_by(ValueError(inner))
    wrapped = cause is not None and "could not be deserialized" in str(error)
    return said_by(cause if wrapped and cause is not None else error)
