"""The config document: reading JSON strictly, and the forms of it that a base can have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from patchspec.graph.entries import entry_name
from patchspec.graph.graph import Graph
from patchspec.graph.sequential import is_sequential_config
from patchspec.graph.tensors import slots_in_arguments
from patchspec.problems import refuse, some

MAX_DEPTH = 200


def read_json(content: bytes, what: str) -> Any:
    """JSON without duplicate keys, NaN or endless nesting; PS903 otherwise."""

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            keys = [key for key, _ in items]
            twice = next(key for key in keys if keys.count(key) > 1)
            refuse("PS702", f"{what} has the key `{twice}` twice in one object")
        return found

    def constant(name: str) -> Any:
        refuse("PS903", f"{what} holds `{name}`, which is not JSON")

    try:
        return json.loads(content, object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        refuse("PS903", f"{what} is not JSON: {reason}", hint="it may be truncated")


def checked_document(document: Any, name: str) -> dict[str, Any]:
    """The document, if it is a functional model or a Sequential as Keras 3 writes it, and whole."""
    checked_graph(document, name)
    return document  # type: ignore[no-any-return]


def checked_graph(document: Any, name: str) -> Graph:
    """The lens over a document that `checked_document` takes."""
    if not isinstance(document, dict) or not isinstance(document.get("config"), Mapping):
        refuse(
            "PS903",
            f"`{name}` does not hold the config of a Keras model",
            hint="it needs `class_name` and `config`, as `model.to_json()` writes them",
        )
    config = document["config"]
    kind = document.get("registered_name") or document.get("class_name")
    if not isinstance(document.get("class_name"), str):
        refuse("PS903", f"`{name}` does not say what class of model it is")
    if not isinstance(document.get("compile_config") or {}, Mapping):
        refuse("PS903", f"the compile configuration in `{name}` is no mapping")
    if not isinstance(config.get("layers"), list):
        _refuse_form(document, name, str(kind))
    try:
        _check_dialect(config, name)
        graph = Graph.of(document)
        if graph.is_sequential:
            _check_built(graph, name)
        for model in graph.models():
            _check_whole(model, name)
            _ = model.recorded
        _check_sharing(config, name)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        # Checking walks over all that anything later looks at: what it trips over is no config.
        reason = f"{type(error).__name__}: {error}"
        refuse("PS903", f"the config in `{name}` is not written as Keras writes one ({reason})")
    return graph


def _refuse_form(document: Mapping[str, Any], name: str, kind: str) -> None:
    if kind in ("Functional", "Sequential", "Model"):
        refuse("PS903", f"`{name}` is a {kind} that lists no layers", hint="it may be truncated")
    # Keras writes this of functional models alone, those behind classes of their own included.
    if document.get("build_config") != {"input_shape": None}:
        refuse(
            "PS918",
            f"`{name}` is a subclassed model, a `{kind}`: what it computes is code, which no "
            "config holds",
            hint="rebuild it from the functional API, or patch a functional model that it holds",
        )
    package = kind.partition(">")[0] if ">" in kind else "package.module"
    refuse(
        "PS917",
        f"`{name}` is of the class `{kind}`, whose config does not list layers and their calls",
        hint=f"with its package it is opened through its graph: `--custom-objects {package}`",
    )


def _check_built(graph: Graph, name: str) -> None:
    """A Sequential that was never built has no input, so nothing can be said of its shapes."""
    if not graph.inputs:
        refuse(
            "PS426",
            f"`{name}` is a Sequential that was never built: it does not say what it takes",
            hint="make `keras.Input(shape=...)` its first layer, or call `model.build(...)`, and "
            "save it again",
        )


def _check_dialect(config: Mapping[str, Any], name: str) -> None:
    layers, sequential = config["layers"], is_sequential_config(config)
    if any(not isinstance(entry, dict) for entry in layers):
        refuse("PS903", f"`{name}` lists layers that are no mappings")
    for entry in layers:
        nodes = [] if sequential else entry.get("inbound_nodes")
        old = not isinstance(nodes, list) or any(not isinstance(node, dict) for node in nodes)
        named = "config" in entry and (sequential or "name" in entry)
        if named and isinstance(entry["config"].get("layers"), list):
            _check_dialect(entry["config"], name)
        if not old and named:
            _check_nodes(nodes or [], entry, name)
        if old or "module" not in entry or not named:
            refuse(
                "PS909",
                f"`{name}` is written in the dialect of an older Keras",
                notes=[f"`{entry.get('name')}` is not written as Keras 3 writes layers"],
                hint="load it with the Keras that wrote it and save it as `.keras` with Keras 3.15",
            )


def _check_nodes(nodes: list[Any], entry: Mapping[str, Any], name: str) -> None:
    """Every call has its arguments, and every tensor among them names layer, call and output."""
    for node in nodes:
        whole = isinstance(node.get("args"), list) and isinstance(node.get("kwargs"), Mapping)
        found = [config["keras_history"] for _, config in slots_in_arguments(node)] if whole else []
        if not whole or any([type(part) for part in h] != [str, int, int] for h in found):
            refuse("PS903", f"a call of `{entry_name(entry)}` in `{name}` is not written whole")


def _check_whole(graph: Graph, name: str) -> None:
    """The graph must be sound before anything is said about a change to it."""
    if graph.is_sequential and not graph.inputs:
        # A nested one that Keras built from what reads it; it is read, and not wired otherwise.
        return
    if graph.duplicates:
        refuse("PS425", f"`{name}` has two layers called `{graph.duplicates[0]}`")
    for layer in graph.layers.values():
        within = layer.config.get("name", layer.name)
        if within != layer.name:
            refuse("PS425", f"`{layer.name}` in `{name}` is called `{within}` in its own config")
        for call in layer.calls:
            for slot in call.slots:
                source = graph.layers.get(slot.tensor.layer)
                if source is None or not 0 <= slot.tensor.call < len(source.calls):
                    refuse("PS425", f"`{layer.name}` in `{name}` reads `{slot.tensor}`, a ghost")
    for slot in (*graph.outputs, *graph.inputs):
        source = graph.layers.get(slot.tensor.layer)
        if source is None or not 0 <= slot.tensor.call < len(source.calls):
            refuse("PS425", f"an input or output of `{name}` is `{slot.tensor}`, a ghost")
    loop = graph.loop()
    if loop:
        refuse("PS425", f"the graph of `{name}` has a loop: {' -> '.join(loop)}")
    if graph.dead:
        refuse("PS425", f"layers of `{name}` lead to no output: {some(graph.dead)}")


def _check_sharing(config: Mapping[str, Any], name: str) -> None:
    """Refuse a layer that is used at two levels of nesting: Keras cannot reload it itself.

    In one level a shared layer has one entry with several calls; an entry that carries a sharing
    id stands for an object that Keras met at another level too.
    """
    for entry in config.get("layers", []):
        if "shared_object_id" in entry:
            refuse(
                "PS505",
                f"`{entry.get('name')}` in `{name}` is shared between levels of nesting",
                hint="Keras saves its weights once and cannot load such a file itself; use the "
                "layer at one level only",
            )
        inner = entry.get("config")
        if isinstance(inner, Mapping) and isinstance(inner.get("layers"), list):
            _check_sharing(inner, name)
