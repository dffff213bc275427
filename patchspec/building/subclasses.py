"""Functional models behind classes of their own, opened through their graph.

A backbone of KerasHub, say, is a functional model that saves the arguments of its constructor, not
its layers. Its class makes it anew; what is patched then is the plain functional model over the
same tensors.
"""

from __future__ import annotations

import inspect
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from patchspec.building.door import check_keras, known_custom_objects, make, said_by
from patchspec.building.scope import fresh_names, without_values
from patchspec.building.variables import is_model
from patchspec.graph.edits import Edit, apply_in_place, plain
from patchspec.graph.edits import replace as replaced
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.inferring.closed import reached_inside
from patchspec.language.patch import Patch
from patchspec.models.archive import read_archive, read_config, stored_names
from patchspec.models.base import Base, Opened
from patchspec.models.layout import layer_groups, named_path
from patchspec.models.safety import check_safe
from patchspec.problems import refuse


def functional_form(model: Any) -> Any | None:
    """A plain functional model over the tensors of a functional subclass, which shares its layers.

    None where the model is plain already, or is no functional model at all.
    """
    if is_model(model) or not _is_functional(model):
        return None
    return keras.Model(model.input, model.output, name=model.name)


def _is_functional(model: Any) -> bool:
    return isinstance(model, keras.Model) and model._obj_type() == "Functional"


def open_subclass(path: str | Path, custom_objects: Mapping[str, Any]) -> Base:
    """The base in a `.keras` file whose config is the arguments of a functional subclass.

    Its class, which the user gave, is what makes the graph. PS918 where the class makes no
    functional model, PS906 where it was not given, PS917 where the config is in another file.
    """
    name = str(path)
    if not zipfile.is_zipfile(path):
        refuse(
            "PS917",
            f"`{name}` is of a class whose config does not list layers, and is no `.keras` file",
            hint="only a `.keras` file is opened through its class: save the model as one, or zip "
            "what lies in the folder",
        )
    stored = read_config(Path(path))
    form = _form(stored, custom_objects, name)
    compiled = {"compile_config": stored.get("compile_config") or {}}
    document = document_of(form) | compiled
    document = _named_as_stored(document, stored_names(Path(path)))
    base = read_archive(Path(path), document=document)
    return replace(base, opened=(Opened("", str(stored["class_name"]), classes_of(form)),))


def _named_as_stored(document: dict[str, Any], stored: Mapping[str, str]) -> dict[str, Any]:
    """The document with the names that its layers had when they were saved.

    Keras makes up a name where a class gives none, and another one in each process.
    """
    names = {
        layer.name: stored[group]
        for layer, group in layer_groups(Graph.of(document))
        if not layer.parents and stored.get(group, layer.name) != layer.name
    }

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            if [type(part) for part in value] == [str, int, int]:
                return [names.get(value[0], value[0]), *value[1:]]
            return [walk(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {key: walk(item) for key, item in value.items()}

    def entry(said: dict[str, Any]) -> dict[str, Any]:
        name = names.get(said["name"], said["name"])
        nodes = walk(said["inbound_nodes"])
        config = {**said["config"], "name": name} if name != said["name"] else said["config"]
        return {**said, "name": name, "config": config, "inbound_nodes": nodes}

    config = document["config"]
    ends = {key: walk(config[key]) for key in ("input_layers", "output_layers")}
    layers = [entry(said) for said in config["layers"]]
    return {**document, "config": {**config, "layers": layers, **ends}}


def _form(entry: Mapping[str, Any], custom_objects: Mapping[str, Any], origin: str) -> Any:
    """The plain functional model over the graph that the class of the entry makes."""
    check_keras()
    check_safe(entry, known_custom_objects(custom_objects), origin)
    alone = {k: v for k, v in entry.items() if k not in ("inbound_nodes", "compile_config")}
    try:
        with fresh_names():
            made = without_values(lambda: make(alone, custom_objects))
    except Exception as error:  # noqa: BLE001 (whatever a constructor raises is the answer)
        refuse("PS918", f"`{entry['class_name']}` of `{origin}` cannot be made: {said_by(error)}")
    form = functional_form(made)
    if form is None:
        refuse(
            "PS918",
            f"`{origin}` is a `{entry['class_name']}`, which is no functional model: what it does "
            "is code, and code is not patched",
            hint="rebuild it from the functional API, or patch a functional model that it holds",
        )
    return form


def classes_of(model: Any) -> dict[str, Any]:
    """The classes, other than Keras's own, that a live model and its layers are of, by name."""
    layers = (model, *model._flatten_layers())
    return {
        type(layer).__name__: type(layer)
        for layer in layers
        if not type(layer).__module__.startswith("keras.")
    }


def document_of(model: Any) -> dict[str, Any]:
    """What `to_json` says of a functional model, as its own layers can be made again from it.

    Some layers (of KerasHub's ViT, say) save what their constructor derives and does not take. Such
    keys are left out where the layer that is made without them says the same of itself.
    """
    document: dict[str, Any] = json.loads(model.to_json())
    live = {layer.name: layer for layer in model.layers}
    entries = [
        _remade(entry, live.get(entry.get("name"))) for entry in document["config"]["layers"]
    ]
    return {**document, "config": {**document["config"], "layers": entries}}


def _remade(entry: dict[str, Any], layer: Any) -> dict[str, Any]:
    if layer is None or type(layer).__module__.startswith("keras."):
        return entry
    derived = set(entry["config"]) - _parameters(type(layer))
    if not derived or "from_config" in type(layer).__dict__:
        return entry
    kept = {key: value for key, value in entry["config"].items() if key not in derived}
    alone = {key: entry[key] for key in ("module", "class_name", "registered_name")}
    classes = {type(layer).__name__: type(layer)}
    try:
        again = without_values(lambda: make({**alone, "config": kept}, classes))
    except Exception:  # noqa: BLE001 (then the keys mean something: the config stays as it is)
        return entry
    said = json.loads(json.dumps(keras.saving.serialize_keras_object(again)["config"]))
    return {**entry, "config": kept} if said == entry["config"] else entry


def _parameters(cls: type) -> set[str]:
    """Every name that may reach the constructor of a class, along its bases."""
    found: set[str] = set()
    for base in cls.__mro__:
        if "__init__" in base.__dict__:
            own = inspect.signature(base.__dict__["__init__"]).parameters.values()
            found.update(p.name for p in own)
            if not any(p.kind is p.VAR_KEYWORD for p in own) or base is keras.Layer:
                break
    return found


def opened_inside(base: Base, patches: Sequence[Patch], custom_objects: Mapping[str, Any]) -> Base:
    """The base with those of its nested subclasses opened that a patch reaches into.

    The others stay what they are: their classes come back with the variant.
    """
    for path in reached_inside(base, patches):
        base = _opened_at(base, base.graph.by_path[path], custom_objects)
    return base


def _opened_at(base: Base, layer: Layer, custom_objects: Mapping[str, Any]) -> Base:
    form = _form(layer.entry, custom_objects, layer.path)
    entry = document_of(form)
    kept = {key: layer.entry[key] for key in ("name", "inbound_nodes") if key in layer.entry}
    entry["config"]["name"] = layer.config.get("name", layer.name)
    document = apply_in_place(plain(base.document), [_put(layer, {**entry, **kept})])
    inner = Graph.of(document).by_path[layer.path].inner
    assert inner is not None
    groups = {group: one.path for one, group in layer_groups(inner, f"{layer.path}/")}
    variables = None
    if base.variables is not None:
        renamed = ((named_path(groups, path) or path, v) for path, v in base.variables.items())
        variables = {path: replace(variable, path=path) for path, variable in renamed}
    return replace(
        base,
        document=document,
        variables=variables,
        opened=(*base.opened, Opened(layer.path, layer.class_name, classes_of(form))),
        stored=base.stored or base,
    )


def _put(layer: Layer, entry: Mapping[str, Any]) -> Edit:
    return replaced(layer.pointer, entry)
