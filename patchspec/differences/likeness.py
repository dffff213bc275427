"""What makes two layers alike, whatever they are called."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.tensors import TENSOR

_SKIPPED = ("name", "trainable", "build_config", "shared_object_id", "registered_name")


def config_key(layer: Layer) -> str:
    """How a layer is made: its config without names and flags, a nested model's wiring aside."""
    config = layer.config
    if layer.is_model:
        config = {k: v for k, v in config.items() if k not in ("layers", "input_layers")}
        config.pop("output_layers", None)
    return json.dumps(_nameless(config), sort_keys=True)


def _nameless(value: Any) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            return TENSOR
        return {k: _nameless(v) for k, v in value.items() if k not in _SKIPPED}
    return [_nameless(item) for item in value] if isinstance(value, list) else value


def position_key(graph: Graph) -> Hashable:
    """The whole model with every layer named by its place in the order."""
    names = [layer.name for layer in (*graph.in_order, *(graph.layers[n] for n in graph.dead))]
    place = {name: str(i) for i, name in enumerate(names)}
    said = [
        (
            layer.class_names,
            config_key(layer),
            tuple(_call_key(call, place) for call in layer.calls),
            position_key(layer.inner) if layer.inner is not None else None,
        )
        for layer in (graph.layers[name] for name in names)
    ]
    ends = [
        tuple((place.get(s.tensor.layer), s.tensor.call, s.tensor.output) for s in slots)
        for slots in (graph.inputs, graph.outputs)
    ]
    return (tuple(said), *ends)


def _call_key(call: Call, names: Mapping[str, str]) -> Hashable:
    """The arguments of a call, its tensors under the names that layers are given here."""

    def said(value: Any) -> Any:
        if isinstance(value, Mapping):
            if value.get("class_name") == TENSOR:
                name, index, output = value["config"]["keras_history"]
                return {TENSOR: [names.get(name), index, output]}
            return {k: said(v) for k, v in value.items()}
        return [said(item) for item in value] if isinstance(value, list) else value

    return json.dumps([said(call.data.get(part)) for part in ("args", "kwargs")], sort_keys=True)


def read_key(graph: Graph, layer: Layer, names: Mapping[str, str]) -> Hashable | None:
    """What a layer reads and who reads it, by the names given; none where no neighbour has one.

    An input stands where it stands among the inputs; an output is read as the output that it is.
    """
    home = graph.home(layer.path) if layer.home else graph
    inside = {name: names.get(each.path) for name, each in home.layers.items()}
    if layer.is_input:
        place = [slot.tensor.layer for slot in home.inputs]
        return ("input", place.index(layer.name) if layer.name in place else None)
    reads = tuple(
        tuple(
            (slot.key, inside[slot.tensor.layer], slot.tensor.call, slot.tensor.output)
            for slot in call.slots
        )
        for call in layer.calls
    )
    readers = []
    for tensor in home.made_by(layer):
        for slot in home.reading(tensor):
            if slot.is_output:
                who: Any = ("output", str(slot.key))
            else:
                who = inside[home.reader(slot).name]
            readers.append((tensor.call, tensor.output, str(who)))
    known = [name for call in reads for _, name, _, _ in call]
    named = [who for _, _, who in readers if who != "None"]
    if not any(known) and not named:
        return None
    return (reads, tuple(sorted(readers)))
