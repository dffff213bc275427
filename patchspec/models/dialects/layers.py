"""One layer of Keras 2 as Keras 3 writes it: its class, its config in full, what is inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patchspec.layers.check import OBJECT_KINDS
from patchspec.layers.table import LayerClass, layer_class, objects
from patchspec.layers.write import common_config, full_config
from patchspec.models.dialects.arguments import taken
from patchspec.models.dialects.hard_sigmoid import as_backward, with_slope
from patchspec.models.dialects.notes import Notes
from patchspec.models.dialects.objects import (
    dtype_name,
    policy,
    upgraded_activation,
    upgraded_object,
)
from patchspec.models.dialects.successors import REMOVED, SUCCESSORS, number, own_name
from patchspec.models.parts import cell_places

Entry = dict[str, Any]
Nested = Callable[[Mapping[str, Any], str, Notes], Entry]
"""Upgrades a nested model; given by the caller, which knows models."""

_SIDES = {
    **{f"ZeroPadding{n}D": "padding" for n in (2, 3)},
    **{f"Cropping{n}D": "cropping" for n in (2, 3)},
}


def upgraded_layer(
    entry: Mapping[str, Any], path: str, notes: Notes, nested: Nested
) -> list[Entry]:
    """The entries that compute what the old one did, in a row; the last one has its name."""
    class_name = own_name(str(entry["class_name"]))
    given = dict(entry["config"])
    given["name"] = str(given.get("name", path.rpartition("/")[2])).replace("/", "_")
    if class_name == "InputLayer":
        return [input_layer(given)]
    if class_name == "Lambda":
        return [_code(given)]
    registered = entry.get("registered_name")
    if registered and ">" in str(registered):
        return [_custom(entry, given)]
    if class_name in SUCCESSORS:
        made = SUCCESSORS[class_name](given, path, notes)
    elif class_name in REMOVED:
        notes.no_successor(class_name, path, "which Keras 3 does not have")
        made = []
    elif layer_class(class_name) is None:
        return [_custom(entry, given)]
    else:
        made = [(class_name, given)]
    outer = path.rpartition("/")[0]
    found: list[Entry] = []
    for kind, config in made:
        name = str(config["name"])
        own = path if len(made) == 1 else (f"{outer}/{name}" if outer else name)
        found += with_slope(_complete(kind, config, own, notes, nested), own, notes)
    return found


def input_layer(config: Mapping[str, Any]) -> Entry:
    """An input layer; Keras 3 writes its dtype as a string."""
    shape = config.get("batch_input_shape", config.get("batch_shape"))
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": {
            "batch_shape": list(shape) if shape is not None else None,
            "dtype": dtype_name(config.get("dtype", config.get("input_dtype"))),
            "sparse": bool(config.get("sparse", False)),
            "ragged": bool(config.get("ragged", False)),
            "name": config["name"],
            "optional": bool(config.get("optional", False)),
        },
        "registered_name": None,
    }


def _code(config: dict[str, Any]) -> Entry:
    """A Lambda stays one, and is refused where Keras would have to run it."""
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": config,
        "registered_name": None,
    }


def _custom(entry: Mapping[str, Any], config: dict[str, Any]) -> Entry:
    """A layer of somebody else's: the user has to give the class, so its config is left to it."""
    said = str(entry.get("registered_name") or entry["class_name"])
    config.pop("batch_input_shape", None)
    return {
        "module": None,
        "class_name": said.rpartition(">")[2],
        "config": {key: _known_object(value) for key, value in config.items()},
        "registered_name": said,
    }


def _known_object(value: Any) -> Any:
    """Keras's own initializers, regularizers and constraints in the config of a custom layer."""
    if not isinstance(value, Mapping) or "class_name" not in value or "module" in value:
        return value
    for kind in OBJECT_KINDS:
        if value["class_name"] in objects(kind).aliases:
            return upgraded_object(kind, value)
    return value


def _complete(
    class_name: str, config: Mapping[str, Any], path: str, notes: Notes, nested: Nested
) -> Entry:
    known = layer_class(class_name)
    if known is None:
        raise TypeError(f"`{class_name}` is no class of Keras 3")
    name, trainable = config["name"], bool(config.get("trainable", True))
    dtype = policy(dtype_name(config.get("dtype")))
    arguments = taken(known, config, path, notes)
    for key in {"layer", "cell"} & set(known.required):
        if not isinstance(arguments.get(key), Mapping):
            raise TypeError(f"`{path}` wraps no layer")
    if "cells" in known.required and not isinstance(arguments.get("cells"), list):
        raise TypeError(f"`{path}` stacks no cells")
    arguments = {
        key: _value((known, key), value, path, notes, nested) for key, value in arguments.items()
    }
    if known.name == "Bidirectional" and "backward_layer" not in arguments:
        as_backward(path, notes)
    arguments = _fitted(known.name, arguments)
    full = full_config(known.name, arguments, seed_of=None, data_format=None)
    return {
        "module": "keras.layers",
        "class_name": known.name,
        "config": {"name": name, **common_config(known.name, trainable, dtype), **full},
        "registered_name": None,
    }


def _value(
    argument: tuple[LayerClass, str], value: Any, path: str, notes: Notes, nested: Nested
) -> Any:
    known, key = argument
    parameter = known.parameters.get(key)
    kind = parameter.kind if parameter is not None else None
    if kind in OBJECT_KINDS:
        return upgraded_object(str(kind), value)
    if kind == "activation":
        if isinstance(value, Mapping) and layer_class(str(value.get("class_name"))) is not None:
            return _inside(value, f"{path}/{key}", notes, nested)
        return upgraded_activation(value)
    if kind == "number":
        return number(value)
    if key in ("layer", "cell") and isinstance(value, Mapping):
        inner = "forward_layer" if known.name == "Bidirectional" else key
        return _inside(value, f"{path}/{inner}", notes, nested)
    if key == "backward_layer" and isinstance(value, Mapping):
        return _inside(value, f"{path}/backward_layer", notes, nested)
    if key == "cells" and isinstance(value, list):
        places = cell_places(value)
        return [_inside(cell, f"{path}/cells/{place}", notes, nested) for place, cell in places]
    return value


def _inside(value: Mapping[str, Any], path: str, notes: Notes, nested: Nested) -> Entry:
    """A layer inside a layer: one entry, since a wrapper wraps one."""
    config = value.get("config")
    if isinstance(config, list) or (isinstance(config, Mapping) and "layers" in config):
        return nested(value, path, notes)
    named = {**value, "config": {"name": path.rpartition("/")[2], **(config or {})}}
    made = upgraded_layer(named, path, notes, nested)
    if len(made) != 1:
        notes.no_successor(
            str(value["class_name"]), path, "which inside a wrapper has no successor in Keras 3"
        )
        return dict(value)
    return made[0]


def _fitted(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """What Keras 3 spells or defaults otherwise."""
    if class_name == "BatchNormalization":
        axis = config.get("axis", -1)
        if isinstance(axis, list) and len(axis) == 1:
            config["axis"] = axis[0]
        if not config.get("renorm"):
            config = {k: v for k, v in config.items() if not k.startswith("renorm_")}
    elif class_name in _SIDES:
        key = _SIDES[class_name]
        config[key] = _both_sides(config.get(key))
    elif class_name == "GRU" and "reset_after" not in config:
        config["reset_after"] = False
    elif class_name == "Bidirectional":
        config = _both_ways(config)
    return config


def _both_sides(value: Any) -> Any:
    """Padding or cropping as pairs for each axis, as Keras 3 writes it."""
    if isinstance(value, list) and all(isinstance(n, int) for n in value):
        return [[n, n] for n in value]
    return value


def _both_ways(config: dict[str, Any]) -> dict[str, Any]:
    """Both directions written out, named and flagged as Keras 3 does."""
    forward = config.get("layer")
    if not isinstance(forward, Mapping):
        return config
    backward = config.get("backward_layer") or {
        **forward,
        "config": {
            **forward["config"],
            "go_backwards": not forward["config"].get("go_backwards", False),
        },
    }
    return {
        **config,
        "layer": _direction("forward", forward),
        "backward_layer": _direction("backward", backward),
    }


def _direction(word: str, entry: Mapping[str, Any]) -> Entry:
    inner = dict(entry["config"])
    inner["name"] = f"{word}_{str(inner['name']).removeprefix(f'{word}_')}"
    if "zero_output_for_mask" in inner:
        inner["zero_output_for_mask"] = bool(inner.get("return_sequences"))
    return {**entry, "config": inner}
