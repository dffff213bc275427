"""Values of a Keras config as a patch says them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.authoring.gaps import same_value
from patchspec.graph.layer import Layer
from patchspec.layers.check import OBJECT_KINDS
from patchspec.layers.table import layer_class, objects
from patchspec.layers.write import full_config
from patchspec.weights.seeds import derived_seed

NOT_SAID = ("name", "trainable", "dtype")


class UnsayableError(Exception):
    """A value has no form in a patch."""


def said_value(value: Any) -> Any:
    """A value as an author writes it: objects as `{class, config}`, functions and policies by name.

    `UnsayableError` for an object that the language has no word for.
    """
    if isinstance(value, list):
        return [said_value(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {key: said_value(item) for key, item in value.items()}
    name, config = value["class_name"], value.get("config")
    registered = value.get("registered_name")
    if name in ("function", "builtin_function_or_method"):
        if isinstance(config, str):
            return config
        raise UnsayableError
    if name == "DTypePolicy" and isinstance(config, Mapping):
        return config["name"]
    if not isinstance(config, Mapping) or name in ("__tensor__", "__lambda__", "__numpy__"):
        raise UnsayableError
    said = registered if registered and ">" in registered else name
    usual = _defaults(str(name))
    kept = {
        key: said_value(item)
        for key, item in config.items()
        if key not in usual or usual[key] != item
    }
    return {"class": said, "config": kept} if kept else {"class": said}


def _defaults(name: str) -> Mapping[str, Any]:
    """What an initializer, regularizer or constraint has unless told otherwise."""
    for kind in OBJECT_KINDS:
        known = objects(kind)
        if name in known.defaults:
            return known.defaults[name]
    return {}


def new_config(layer: Layer, data_format: str | None, seed: int) -> dict[str, Any]:
    """The constructor arguments that make a layer's config, those left out that it has anyway.

    `seed` is that of the patch, of which a new layer's own seeds come.
    """
    said_class = layer.class_names[-1]
    wanted = {k: v for k, v in layer.config.items() if k not in NOT_SAID}
    known = layer_class(said_class)
    if known is None:
        return {key: said_value(value) for key, value in wanted.items()}
    said: dict[str, Any] = {key: said_value(wanted[key]) for key in known.required if key in wanted}

    def seed_of(parameter: str) -> int:
        return derived_seed(seed, layer.path, parameter)

    for _ in range(len(wanted) + 1):
        full = full_config(said_class, said, seed_of=seed_of, data_format=data_format)
        gap = next(
            (k for k in wanted if k not in said and not same_value(full.get(k), wanted[k])), None
        )
        if gap is None:
            break
        said[gap] = said_argument(said_class, gap, wanted[gap])
    return {key: said[key] for key in wanted if key in said}


def said_argument(class_name: str, key: str, value: Any) -> Any:
    """A constructor argument as an author writes it: one number for a window that is square."""
    return _shortened(class_name, key, said_value(value))


def _shortened(class_name: str, key: str, value: Any) -> Any:
    known = layer_class(class_name)
    spread = known.parameters[key].spread if known and key in known.parameters else None
    square = isinstance(value, list) and len(value) == spread and len(set(map(str, value))) == 1
    return value[0] if square and isinstance(value[0], int) else value


def input_config(layer: Layer) -> dict[str, Any]:
    """What an input layer is made with, as `keras.Input` takes it."""
    batch, *shape = layer.config["batch_shape"]
    said: dict[str, Any] = {"shape": shape}
    if batch is not None:
        said["batch_size"] = batch
    if layer.config.get("dtype", "float32") != "float32":
        said["dtype"] = layer.config["dtype"]
    return said
