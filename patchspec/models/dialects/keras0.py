"""Keras 0: flat dicts whose `name` is the class, and `Graph` with its nodes, in Keras 1's form.

The files of its weights have no names at all (`layer_3/param_0`), so the place of each layer in
the old list is kept as where its weights come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.models.dialects.notes import Notes, Upgraded

Config = dict[str, Any]
_READ_NOTHING = ("cache_enabled", "create_output")
_MODES = {"concat", "sum", "mul", "ave", "dot", "cos"}


def is_keras0(document: Mapping[str, Any]) -> bool:
    """Whether the document is a model of Keras 0."""
    if "class_name" in document:
        return False
    name = document.get("name")
    return (name == "Sequential" and isinstance(document.get("layers"), list)) or (
        name == "Graph" and isinstance(document.get("nodes"), Mapping)
    )


def upgrade(document: Mapping[str, Any], origin: str) -> Upgraded:
    """The document in Keras 1's form."""
    notes = Notes("keras0", origin)
    made = _graph(document, notes) if document["name"] == "Graph" else _sequential(document, notes)
    if document.get("loss") or document.get("optimizer"):
        notes.step("", "the loss and the optimizer were left out: compile the model anew")
    return notes.result(made)


def _sequential(document: Mapping[str, Any], notes: Notes) -> Config:
    layers = []
    taken: set[str] = set()
    for number, flat in enumerate(document["layers"]):
        layer = _layer(flat, None, taken)
        notes.sources.append((str(layer["config"]["name"]), f"layer_{number}"))
        layers.append(layer)
    notes.step("", "a flat list of layers became a Sequential with classes and configs")
    return {"class_name": "Sequential", "config": layers}


def _layer(flat: Mapping[str, Any], name: str | None, taken: set[str]) -> Config:
    """`{name: Dense, custom_name: d, ...}` as `{class_name: Dense, config: {name: d, ...}}`."""
    kind = str(flat.get("name"))
    own = str(name or flat.get("custom_name") or kind.lower())
    unique, n = own, 1
    while unique in taken:
        n += 1
        unique = f"{own}_{n}"
    taken.add(unique)
    skipped = ("name", "custom_name", *_READ_NOTHING)
    config: Config = {k: v for k, v in flat.items() if k not in skipped and not _unset(k, v)}
    config["name"] = unique
    shape = config.pop("input_shape", None) or _shape_of(kind, config)
    if shape is not None:
        config["batch_input_shape"] = [None, *shape]
    return {"class_name": kind, "config": config}


def _unset(key: str, value: Any) -> bool:
    return value is None and key.endswith(
        ("_learning_rate_multiplier", "input_dim", "input_length")
    )


def _shape_of(kind: str, config: Mapping[str, Any]) -> list[Any] | None:
    """The input shape that `input_dim` and `input_length` stand for."""
    width, length = config.get("input_dim"), config.get("input_length")
    if kind == "Embedding":
        return [length] if length is not None else None
    if width is None:
        return None
    if kind in ("LSTM", "GRU", "SimpleRNN", "TimeDistributedDense", "Convolution1D"):
        return [length, width]
    return [width]


def _graph(document: Mapping[str, Any], notes: Notes) -> Config:
    """A graph of named nodes as a functional model; an output is what its node gives."""
    layers: list[Config] = []
    taken: set[str] = set()
    inputs = []
    for said in document["input_config"]:
        name = str(said["name"])
        taken.add(name)
        entrance = {
            "name": name,
            "batch_input_shape": [None, *said["input_shape"]],
            "input_dtype": said.get("dtype", "float32"),
        }
        layers.append(
            {"class_name": "InputLayer", "name": name, "config": entrance, "inbound_nodes": []}
        )
        inputs.append([name, 0, 0])
    outputs = []
    for number, said in enumerate(document["node_config"]):
        name = str(said["name"])
        source = _source(said, name, layers, taken, notes)
        layer = _layer(document["nodes"][name], name, taken)
        layers.append({**layer, "name": name, "inbound_nodes": [[[source, 0, 0]]]})
        notes.sources.append((name, f"node_{number}"))
        if said.get("create_output"):
            outputs.append([name, 0, 0])
    for said in document.get("output_config", ()):
        name = str(said["name"])
        outputs.append([_source(said, name, layers, taken, notes), 0, 0])
    notes.step("", "a graph of named nodes became a functional model")
    alive = _alive(layers, outputs)
    for layer in layers:
        if layer["name"] not in alive:
            notes.step(layer["name"], "led to no output and was left out")
    kept = [layer for layer in layers if layer["name"] in alive]
    return {
        "class_name": "Model",
        "config": {
            "name": "graph",
            "layers": kept,
            "input_layers": [one for one in inputs if one[0] in alive],
            "output_layers": outputs,
        },
    }


def _source(
    said: Mapping[str, Any], name: str, layers: list[Config], taken: set[str], notes: Notes
) -> str:
    """The layer that a node reads; several are merged by a layer of their own."""
    several = [str(one) for one in said.get("inputs") or ()]
    if not several:
        return str(said["input"])
    mode = said.get("merge_mode", "concat")
    if mode not in _MODES:
        notes.no_successor("Graph", name, f"whose inputs are joined by `{mode}`")
    own = f"{name}_merge"
    taken.add(own)
    config = {
        "name": own,
        "mode": mode,
        "concat_axis": said.get("concat_axis", -1),
        "dot_axes": said.get("dot_axes", -1),
    }
    layers.append(
        {
            "class_name": "Merge",
            "name": own,
            "config": config,
            "inbound_nodes": [[[one, 0, 0] for one in several]],
        }
    )
    return own


def _alive(layers: list[Config], outputs: list[list[Any]]) -> set[str]:
    reads = {
        one["name"]: [item[0] for node in one["inbound_nodes"] for item in node] for one in layers
    }
    alive: set[str] = set()
    waiting = [str(output[0]) for output in outputs]
    while waiting:
        name = waiting.pop()
        if name not in alive:
            alive.add(name)
            waiting += reads.get(name, [])
    return alive
