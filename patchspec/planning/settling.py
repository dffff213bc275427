"""What a step leaves in disorder: calls that cannot run as listed, operations that serve masks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit, plain
from patchspec.graph.graph import Graph
from patchspec.graph.order import Call


def unordered_calls(graph: Graph) -> list[Edit]:
    """Edits that sort the calls of the first shared layer whose calls cannot run in order.

    Keras makes the calls of one layer strictly in the order listed.
    """
    for layer in graph.layers.values():
        count = len(layer.calls)
        if count < 2 or not _depends_forward(graph, layer.name, count):  # noqa: PLR2004
            continue
        place = {call: i for i, call in enumerate(graph.order.calls)}
        alive = [c for c in range(count) if (layer.name, c) in place]
        wanted = sorted(alive, key=lambda c: place[(layer.name, c)])
        wanted += [c for c in range(count) if c not in alive]
        number = {old: new for new, old in enumerate(wanted)}
        nodes = [layer.calls[old].data for old in wanted]
        moved = [
            slot.read(replace(tensor, call=number[tensor.call]))
            for tensor, slots in graph.readers.items()
            if tensor.layer == layer.name and number[tensor.call] != tensor.call
            for slot in slots
        ]
        renumbered = _renumber(nodes, layer.name, number)
        return [*moved, edits.replace((*layer.pointer, "inbound_nodes"), renumbered)]
    return []


def _renumber(nodes: list[Any], name: str, number: Mapping[int, int]) -> Any:
    """Copies of the nodes in which references to calls of the layer itself are renumbered too."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                layer, call, output = value["config"]["keras_history"]
                if layer == name:
                    history = [layer, number[call], output]
                    return {**value, "config": {**value["config"], "keras_history": history}}
                return value
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return [walk(plain(node)) for node in nodes]


def _depends_forward(graph: Graph, name: str, count: int) -> bool:
    """Whether some call of the layer depends on a later call of it, itself or through others."""
    for index in range(count):
        later = {(name, i) for i in range(index + 1, count)}
        seen: set[Call] = set()
        waiting = [(name, index)]
        while waiting:
            call = waiting.pop()
            if call in later:
                return True
            if call not in seen:
                seen.add(call)
                waiting += graph.call_reads[call]
    return False


def mask_operations(graph: Graph) -> frozenset[str]:
    """The bare operations whose results are read as masks alone, or to make such masks."""
    found: set[str] = set()
    for name, _ in reversed(graph.order.calls):
        layer = graph.layers[name]
        if not layer.is_operation:
            continue
        slots = [slot for tensor in graph.made_by(layer) for slot in graph.reading(tensor)]
        reads_masks = all(
            not slot.is_output and ("mask" in slot.key or graph.reader(slot).name in found)
            for slot in slots
        )
        if slots and reads_masks:
            found.add(name)
    return frozenset(found)
