"""Keras 2.0 to 2.15, `tf.keras` and `tf-keras`, in a form that Keras 3 writes.

Every entry of Keras 3 says where its class is defined, a call has positional arguments and
keywords, a model begins with input layers, and a nested model has no call 0 of its own making.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.models.dialects.entries import is_model
from patchspec.models.dialects.layers import input_layer, upgraded_layer
from patchspec.models.dialects.masks import with_masks
from patchspec.models.dialects.names import check_sharing, without_slashes
from patchspec.models.dialects.nodes import Names, call_offsets, upgraded_node
from patchspec.models.dialects.notes import Notes, Upgraded
from patchspec.models.dialects.objects import dtype_name, policy
from patchspec.models.dialects.operations import CLASSES, upgraded_operation
from patchspec.problems import refuse

Entry = dict[str, Any]
FUNCTIONAL = ("Functional", "Model", "Container")
_TRIPLE = 3


def upgrade(document: Mapping[str, Any], origin: str) -> Upgraded:
    """The document as Keras 3.15 would write it.

    PS911 names every layer that nothing in Keras 3 equals, PS912 every argument.
    """
    notes = Notes("keras2", origin)
    check_sharing(document, origin)
    document = without_slashes(document, notes)
    notes.step("", "layers got the module, dtype policy and full config that Keras 3 writes")
    model = upgraded_model(document, "", notes)
    if document.get("compile_config") or document.get("training_config"):
        notes.step("", "the compile configuration was left out: compile the model anew")
    if not _is_sequential(document):
        model["build_config"] = {"input_shape": None}
    return notes.result(model)


def _is_sequential(entry: Mapping[str, Any]) -> bool:
    config = entry["config"]
    return isinstance(config, list) or "input_layers" not in config


def upgraded_model(entry: Mapping[str, Any], path: str, notes: Notes) -> Entry:
    """A model with all of its layers; `path` is where it is nested, empty for the whole."""
    return (
        _sequential(entry, path, notes)
        if _is_sequential(entry)
        else _functional(entry, path, notes)
    )


def _name(entry: Mapping[str, Any], default: str) -> str:
    config = entry.get("config")
    own = config.get("name") if isinstance(config, Mapping) else None
    return str(entry.get("name") or own or default)


def _inside(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _entries(value: Any, origin: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or any(
        not isinstance(one, Mapping)
        or "class_name" not in one
        or not isinstance(one.get("config"), (Mapping, list))
        for one in value
    ):
        refuse("PS903", f"`{origin}` lists layers that are no mappings with class and config")
    return list(value)


def _sequential(entry: Mapping[str, Any], path: str, notes: Notes) -> Entry:
    said = entry["config"]
    config: Mapping[str, Any] = said if isinstance(said, Mapping) else {"layers": said}
    if isinstance(said, list):
        notes.step(path, "a Sequential whose config was a list of layers got a config of its own")
    entries = _entries(config["layers"], notes.origin)
    layers: list[Entry] = []
    for number, one in enumerate(entries):
        own = _inside(path, _name(one, f"layer_{number}"))
        if is_model(one):
            layers.append(upgraded_model(one, own, notes))
        elif one["class_name"] in CLASSES:
            notes.no_successor(str(one["class_name"]), own, "which a Sequential cannot hold")
        else:
            layers += upgraded_layer(one, own, notes, upgraded_model)
    shape = _input_shape(entry, config, entries)
    if shape is not None and layers and layers[0]["class_name"] != "InputLayer":
        first = entries[0]["config"]
        dtype = dtype_name(first.get("dtype")) if isinstance(first, Mapping) else "float32"
        said_name = f"{_name(entries[0], 'layer')}_input"
        made = input_layer({"name": said_name, "batch_input_shape": shape, "dtype": dtype})
        layers.insert(0, made)
        notes.step(path, "the input shape of the first layer became an InputLayer")
    full = {
        "name": config.get("name") or entry.get("name") or "sequential",
        "trainable": True,
        "dtype": policy("float32"),
        "layers": layers,
    }
    if layers and layers[0]["class_name"] == "InputLayer":
        full["build_input_shape"] = layers[0]["config"]["batch_shape"]
    kind = str(entry["class_name"])
    plain = kind == "Sequential"
    return {
        "module": "keras" if plain else None,
        "class_name": kind,
        "config": full,
        "registered_name": None if plain else str(entry.get("registered_name") or kind),
    }


def _input_shape(
    entry: Mapping[str, Any], config: Mapping[str, Any], layers: list[Mapping[str, Any]]
) -> Any:
    """The shape that a Sequential takes: that of its first layer, at any depth, or of its build."""
    inner: Any = layers[0] if layers else None
    while isinstance(inner, Mapping) and is_model(inner):
        own = inner["config"]
        listed = own if isinstance(own, list) else own["layers"]
        inner = listed[0] if listed else None
    if isinstance(inner, Mapping) and isinstance(inner.get("config"), Mapping):
        for key in ("batch_input_shape", "batch_shape"):
            if inner["config"].get(key) is not None:
                return inner["config"][key]
    built = entry.get("build_config")
    recorded = config.get("build_input_shape")
    if recorded is None and isinstance(built, Mapping):
        recorded = built.get("input_shape")
    return recorded if isinstance(recorded, list) else None


def _functional(entry: Mapping[str, Any], path: str, notes: Notes) -> Entry:
    config = entry["config"]
    entries = _entries(config["layers"], notes.origin)
    nested = {_name(one, "") for one in entries if is_model(one)}
    names = Names(call_offsets(entries, nested))
    layers: list[Entry] = []
    for one in entries:
        layers += _wired(one, path, names, notes)
    if any(isinstance(one.get("inbound_nodes"), list) for one in entries):
        notes.step(path, "calls were written as arguments and keywords")
    sequential = {_name(one, "") for one in entries if is_model(one) and _is_sequential(one)}
    made = {
        "name": config.get("name") or entry.get("name") or "model",
        "trainable": bool(config.get("trainable", True)),
        "layers": layers,
        "input_layers": _ends(config["input_layers"], names, sequential, nested),
        "output_layers": _ends(config["output_layers"], names, sequential, nested),
    }
    if not notes.problems:
        made = with_masks(made, path, notes)
    kind = str(entry["class_name"])
    own = kind in FUNCTIONAL
    said = str(entry.get("registered_name") or kind)
    return {
        "module": "keras.src.models.functional" if own else None,
        "class_name": "Functional" if own else kind,
        "config": made,
        "registered_name": "Functional" if own else said,
    }


def _wired(one: Mapping[str, Any], path: str, names: Names, notes: Notes) -> list[Entry]:
    """The entries of one layer with its calls; several read each other in a row."""
    name = _name(one, "")
    own = _inside(path, name)
    if one["class_name"] in CLASSES:
        return [upgraded_operation({**one, "name": name}, own, names, notes)]
    if is_model(one):
        made = [upgraded_model(one, own, notes)]
    else:
        made = upgraded_layer(one, own, notes, upgraded_model)
    if not made:
        return []
    nodes = one.get("inbound_nodes") or []
    kind = str(made[0]["class_name"])
    calls = [upgraded_node(kind, own, node, names, notes) for node in nodes]
    wired: list[Entry] = []
    for number, part in enumerate(made):
        last = number == len(made) - 1
        part_name = name if last else str(part["config"]["name"])
        if wired:
            before = str(wired[-1]["name"])
            calls = [_reading(before, call) for call in range(len(nodes))]
        wired.append({**part, "name": part_name, "inbound_nodes": calls})
    return wired


def _reading(name: str, call: int) -> dict[str, Any]:
    tensor = {"shape": [], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {}}


def _ends(value: Any, names: Names, sequential: set[str], nested: set[str]) -> Any:
    """The model's inputs or outputs; a lone one stands alone.

    Keras 3 adds 1 to the call of a nested functional model here, and nothing to that of a
    Sequential.
    """

    def end(triple: Any) -> list[Any]:
        name = str(triple[0])
        call = int(triple[1]) - names.offsets.get(name, 0)
        return [name, call + int(name in nested and name not in sequential), int(triple[2])]

    def each(part: Any) -> Any:
        if isinstance(part, list) and len(part) >= _TRIPLE and isinstance(part[0], str):
            return end(part)
        if isinstance(part, Mapping):
            return {key: each(item) for key, item in part.items()}
        return [each(item) for item in part]

    lone = isinstance(value, list) and len(value) == 1 and isinstance(value[0], list)
    return each(value[0] if lone else value)
