"""The calls of Keras 2 (`[[name, node, tensor, {kwargs}], ...]`) as Keras 3 writes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.layers.table import layer_class
from patchspec.models.dialects.notes import Notes

Node = dict[str, Any]
CONSTANT = "_CONSTANT_VALUE"
_TRIPLE = 3
_WITH_STATES = {"LSTM", "GRU", "SimpleRNN", "RNN", "Bidirectional"} | {
    f"ConvLSTM{n}D" for n in (1, 2, 3)
}


@dataclass(frozen=True, slots=True)
class Names:
    """The layers of one model, and how their calls are counted."""

    offsets: Mapping[str, int]
    """For every layer, what Keras 2 adds to the number of its calls: 1 for nested models."""

    def tensor(self, triple: Any) -> Node:
        """The tensor that an old triple names."""
        name = str(triple[0])
        return keras_tensor(
            Tensor(name, int(triple[1]) - self.offsets.get(name, 0), int(triple[2])), None
        )

    def is_triple(self, value: Any) -> bool:
        """Whether a value names a tensor of this model."""
        return (
            isinstance(value, list)
            and len(value) >= _TRIPLE
            and isinstance(value[0], str)
            and value[0] in self.offsets
            and all(isinstance(n, int) for n in value[1:3])
        )


def call_offsets(layers: list[Mapping[str, Any]], nested: set[str]) -> dict[str, int]:
    """What Keras 2 adds to call numbers: a nested model's own graph is its node 0.

    A model that was first called before it had a graph has no such node; then a reference to node
    0 shows it.
    """
    seen: dict[str, set[int]] = {}
    for entry in layers:
        for name, number in _references(entry.get("inbound_nodes")):
            seen.setdefault(name, set()).add(number)
    offsets = {}
    for entry in layers:
        name = str(entry.get("name") or entry["config"].get("name"))
        offsets[name] = int(name in nested and 0 not in seen.get(name, {1}))
    return offsets


def _references(value: Any) -> list[tuple[str, int]]:
    if isinstance(value, list):
        if len(value) >= _TRIPLE and isinstance(value[0], str) and isinstance(value[1], int):
            own = [(value[0], value[1])]
            return own + [r for item in value[3:] for r in _references(item)]
        return [r for item in value for r in _references(item)]
    if isinstance(value, Mapping):
        return [r for item in value.values() for r in _references(item)]
    return []


def arguments_of(node: Any, names: Names) -> tuple[list[Any], bool, dict[str, Any]]:
    """What a call is given: its first argument as a list, whether that was lone, its keywords."""
    lone = bool(node) and isinstance(node[0], str)
    items = [node] if lone else list(node)
    tensors = [item[2] if item[0] == CONSTANT else names.tensor(item) for item in items]
    keywords: dict[str, Any] = {}
    for item in items:
        if len(item) > _TRIPLE and isinstance(item[3], Mapping):
            keywords |= item[3]
    return tensors, lone, {key: _keyword(value, names) for key, value in keywords.items()}


def _keyword(value: Any, names: Names) -> Any:
    if names.is_triple(value):
        return names.tensor(value)
    if isinstance(value, list) and value[:1] == [CONSTANT] and len(value) >= _TRIPLE:
        return value[2]
    if isinstance(value, list):
        return [_keyword(item, names) for item in value]
    if isinstance(value, Mapping):
        return {key: _keyword(item, names) for key, item in value.items()}
    return value


def upgraded_node(class_name: str, path: str, node: Any, names: Names, notes: Notes) -> Node:
    """One call of a layer in Keras 3's form."""
    if isinstance(node, Mapping):
        return dict(node) if "args" in node else _nest(node, names)
    tensors, lone, keywords = arguments_of(node, names)
    known = layer_class(class_name)
    keywords = _accepted(class_name, path, keywords, notes)
    if class_name in _WITH_STATES and len(tensors) > 1:
        notes.step(path, "states that were listed with the input became `initial_state`")
        return {"args": [tensors[0]], "kwargs": {**keywords, "initial_state": tensors[1:]}}
    if class_name == "MultiHeadAttention":
        given = [*tensors]
        for key in ("value", "key"):
            if key in keywords and len(given) == ("query", "value", "key").index(key):
                given.append(keywords.pop(key))
        return {"args": given, "kwargs": keywords}
    takes_list = known is not None and known.takes_list
    if len(tensors) == 1 and not (takes_list and not lone):
        return {"args": tensors, "kwargs": keywords}
    return {"args": [tensors], "kwargs": keywords}


def _nest(node: Mapping[str, Any], names: Names) -> Node:
    """A call whose first argument is a dict of tensors."""
    keywords: dict[str, Any] = {}

    def tensors(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: tensors(item) for key, item in value.items()}
        if names.is_triple(value):
            keywords.update(value[3] if len(value) > _TRIPLE else {})
            return names.tensor(value)
        return [tensors(item) for item in value]

    return {"args": [tensors(node)], "kwargs": {k: _keyword(v, names) for k, v in keywords.items()}}


def _accepted(
    class_name: str, path: str, keywords: Mapping[str, Any], notes: Notes
) -> dict[str, Any]:
    """The keywords that the class still takes; the rest must say nothing."""
    known = layer_class(class_name)
    found = {}
    for key, value in keywords.items():
        empty = value is None or (isinstance(value, list) and all(v is None for v in value))
        if known is None or key in known.call_arguments:
            if key != "mask" or not empty:
                found[key] = value
        elif not empty and not (key == "training" or value is False):
            notes.no_meaning(class_name, path, key, value)
    return found
