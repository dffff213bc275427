"""Writing a new layer's config in full, as Keras's `get_config` would."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from patchspec.layers.check import OBJECT_KINDS, is_registered
from patchspec.layers.table import LayerClass, Parameter, layer_class, objects

SeedOf = Callable[[str], int]


def layer_entry_head(class_name: str) -> tuple[str | None, str, str | None]:
    """Module, class name and registered name of a new layer's entry."""
    if is_registered(class_name):
        return None, class_name.partition(">")[2], class_name
    found = layer_class(class_name)
    return "keras.layers", found.name if found else class_name, None


def common_config(class_name: str, trainable: bool, dtype: Any) -> dict[str, Any]:
    """`trainable` and `dtype`, as far as the class's config holds them."""
    found = layer_class(class_name)
    said = {"trainable": trainable, "dtype": dtype}
    return {key: value for key, value in said.items() if found is None or key in found.common}


def full_config(
    class_name: str,
    config: Mapping[str, Any],
    *,
    seed_of: SeedOf | None,
    data_format: str | None,
) -> dict[str, Any]:
    """The config with the class's defaults under the author's values, objects as Keras writes them.

    `seed_of` gives the seed of a random initializer that has none, and of a layer that would draw
    one; `data_format` stands where the author did not set one. A default that Keras derives from
    what the author gave is left for Keras to derive. Without `name`, `trainable` and `dtype`, which
    the caller adds. The config of a class that is not in the table stays as it is.
    """
    found = layer_class(class_name)
    if found is None:
        return {key: _object_of_any_kind(value) for key, value in config.items()}
    full: dict[str, Any] = {key: None for key in found.required if key in config}
    full.update(found.defaults)
    for key, dependence in found.depends.items():
        given = [name for name in dependence.on if name in config]
        if given and dependence.copies:
            full[key] = config[given[0]]
        elif given:
            del full[key]
    if data_format is not None and "data_format" in full:
        full["data_format"] = data_format
    if seed_of is not None:
        full |= {key: seed_of(key) for key in found.drawn}
    full.update(config)
    return {key: _written(found, key, value, seed_of) for key, value in full.items()}


def _written(layer: LayerClass, key: str, value: Any, seed_of: SeedOf | None) -> Any:
    known = layer.parameters.get(key, Parameter(key))
    if known.kind in OBJECT_KINDS and value is not None:
        return _object(str(known.kind), key, value, seed_of)
    if known.kind == "layer" or (isinstance(value, Mapping) and "class" in value):
        return _inner_layer(value)
    if key in ("cells", "layers") and isinstance(value, list):
        return [_inner_layer(item) for item in value]
    lone = isinstance(value, int) and not isinstance(value, bool)
    if known.spread is not None and lone:
        return [value] * known.spread
    if known.kind == "activation" and isinstance(value, str) and is_registered(value):
        function = {"module": "builtins", "class_name": "function", "registered_name": "function"}
        return {**function, "config": value}
    if known.choices and isinstance(value, str):
        return value.lower()
    return value


def _object(kind: str, key: str, value: Any, seed_of: SeedOf | None) -> Any:
    """An initializer, regularizer or constraint in Keras's serialised form."""
    known = objects(kind)
    if isinstance(value, str):
        name, given = value, {}
    else:
        name = value.get("class", value.get("class_name"))
        given = dict(value.get("config", {}))
    if is_registered(name):
        return {
            "module": None,
            "class_name": name.partition(">")[2],
            "config": given,
            "registered_name": name,
        }
    own = known.aliases.get(name)
    if own is None:
        return value
    config = {**known.defaults[own], **given}
    if "seed" in config and config["seed"] is None and seed_of is not None:
        config["seed"] = seed_of(key)
    return {"module": known.module, "class_name": own, "config": config, "registered_name": None}


def _object_of_any_kind(value: Any) -> Any:
    """`{class, config}` inside the config of a registered class."""
    if not isinstance(value, Mapping) or "class" not in value:
        return value
    for kind in OBJECT_KINDS:
        if value["class"] in objects(kind).aliases:
            return _object(kind, "", value, None)
    return _inner_layer(value)


def _inner_layer(value: Any) -> Any:
    """An inner layer in Keras's serialised form, with a name of its own."""
    if not isinstance(value, Mapping) or "class" not in value:
        return value
    module, class_name, registered = layer_entry_head(value["class"])
    given = dict(value.get("config", {}))
    name = given.pop("name", _snake(class_name))
    trainable = given.pop("trainable", True)
    dtype = given.pop("dtype", "float32")
    policy = (
        dtype
        if not isinstance(dtype, str)
        else {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": dtype},
            "registered_name": None,
        }
    )
    full = full_config(value["class"], given, seed_of=None, data_format=None)
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **common_config(value["class"], trainable, policy), **full},
        "registered_name": registered,
    }


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
