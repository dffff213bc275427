"""Masks of Keras 2 written down as the tensors that they are.

Keras 3 infers masks anew when it rebuilds a model, and not as Keras 2 did: it gives none to a
recurrent layer that also reads a state, merges them by `or`, and names the operations that it adds
like layers that may be there already. So each mask is computed by operations of its own, as Keras 2
computed it, and passed by name to whoever uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.layers.table import layer_class
from patchspec.models.dialects.notes import Notes

Entry = dict[str, Any]
Mask = str | None | Literal[False]
"""The operation that makes the mask, none, or `False` where nobody can tell."""
History = tuple[str, int, int]

_PASSES = {
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "GroupNormalization",
    "LayerNormalization",
    "LeakyReLU",
    "MultiHeadAttention",
    "PReLU",
    "ReLU",
    "Softmax",
    "SpatialDropout1D",
    "TimeDistributed",
    "UnitNormalization",
}
_ATTENTION = {"AdditiveAttention", "Attention"}
_MERGES = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"}
_RECURRENT = {"Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN"} | {
    f"ConvLSTM{n}D" for n in (1, 2, 3)
}


def with_masks(model: Entry, path: str, notes: Notes) -> Entry:
    """The config of a functional model with its masks as operations, behind the other layers."""
    layers: list[Entry] = model["layers"]
    graph = Graph(model)
    if not any(_makes_mask(entry) for entry in layers) or graph.loop():
        return model
    masks = _Masks(layers)
    for name, call in graph.order.calls:
        entry = masks.by_name[name]
        if entry["inbound_nodes"]:
            node = entry["inbound_nodes"][call]
            _pass_on(entry, node, masks, "/".join(part for part in (path, name) if part), notes)
            masks.made[name, call] = masks.after(entry, call, node)
    used = _used(layers, masks.added)
    if used:
        notes.step(path, "masks that Keras 2 passed on by itself are computed and passed by name")
    return {**model, "layers": [*layers, *used]}


class _Masks:
    """The mask of every call that was looked at, and the operations that make them."""

    def __init__(self, layers: list[Entry]) -> None:
        self.by_name = {str(entry["name"]): entry for entry in layers}
        self.made: dict[tuple[str, int], Mask] = {}
        self.added: dict[str, Entry] = {}

    def of(self, history: History) -> Mask:
        """The mask that a tensor carries: the states of a recurrent layer carry none."""
        name, call, output = history
        return self.made.get((name, call)) if output == 0 else None

    def after(self, entry: Entry, call: int, node: Mapping[str, Any]) -> Mask:
        """The mask of what a call makes, as Keras 2 computed it."""
        kind, config, name = entry["class_name"], entry["config"], str(entry["name"])
        read = histories(node)
        found = [self.of(one) for one in read]
        if _makes_mask(entry):
            compared = self._compared(name, call, read[0], config.get("mask_value", 0))
            if kind == "Embedding":
                return compared
            return self._add("Any", f"{name}_mask", call, [compared], axis=-1, keepdims=False)
        if all(mask is None for mask in found):
            return None
        if kind in _PASSES | _ATTENTION:
            return found[0]
        if kind in _RECURRENT:
            return found[0] if _sequences(config) else None
        if kind in _MERGES or (kind == "Concatenate" and config.get("axis") == -1):
            return self._all(name, call, found)
        if kind == "Concatenate" and config.get("axis") == 1:
            return self._joined(name, call, found)
        known = layer_class(kind) is not None and entry.get("module") == "keras.layers"
        return None if known and kind != "Concatenate" else False

    def _all(self, name: str, call: int, found: list[Mask]) -> Mask:
        if False in found:
            return False
        given = [mask for mask in found if mask]
        mask: Mask = given[0]
        for number, other in enumerate(given[1:]):
            own = f"{name}_mask" + (f"_and_{number}" if number else "")
            mask = self._add("LogicalAnd", own, call, [mask, other])
        return mask

    def _joined(self, name: str, call: int, found: list[Mask]) -> Mask:
        if not all(found):
            return False
        return self._add("Concatenate", f"{name}_mask", call, [found], axis=1)

    def _compared(self, name: str, call: int, read: History, value: float) -> str:
        tensor = keras_tensor(Tensor(*read), None)
        return self._add("NotEqual", f"{name}_not_equal", call, [tensor, value])

    def _add(self, kind: str, name: str, call: int, arguments: list[Any], **config: Any) -> str:
        own = f"{name}_{call}" if call else name
        while own in self.by_name:
            own += "_"
        made = [_tensors(argument) for argument in arguments]
        self.added[own] = operation(kind, own, config, made)
        return own


def _tensors(argument: Any) -> Any:
    if isinstance(argument, list):
        return [_tensors(one) for one in argument]
    return boolean(argument) if isinstance(argument, str) else argument


def _makes_mask(entry: Entry) -> bool:
    return entry["class_name"] == "Masking" or (
        entry["class_name"] == "Embedding" and bool(entry["config"].get("mask_zero"))
    )


def _sequences(config: Mapping[str, Any]) -> bool:
    inner = config.get("layer")
    own = inner["config"] if isinstance(inner, Mapping) else config
    return bool(own.get("return_sequences"))


def histories(node: Mapping[str, Any]) -> list[History]:
    """The tensors in the first argument of a call."""
    first = node["args"][0] if node["args"] else []
    return [
        tuple(tensor["config"]["keras_history"])
        for tensor in (first if isinstance(first, list) else [first])
        if isinstance(tensor, Mapping) and "config" in tensor
    ]


def _pass_on(entry: Entry, node: Any, masks: _Masks, where: str, notes: Notes) -> None:
    """Give a call the masks that its layer uses."""
    kind, keywords = entry["class_name"], node["kwargs"]
    known = layer_class(kind)
    if known is None or entry.get("module") != "keras.layers":
        return
    if kind == "MultiHeadAttention":
        given = dict(zip(("query", "value", "key"), node["args"], strict=False)) | keywords
        for name in ("query", "value", "key"):
            tensor = given.get(name)
            mask = masks.of(tuple(tensor["config"]["keras_history"])) if tensor else None
            if mask:
                keywords[f"{name}_mask"] = boolean(mask)
        return
    if "mask" not in known.call_arguments or "mask" in keywords:
        return
    found = [masks.of(one) for one in histories(node)]
    if kind in _ATTENTION:
        if any(found) and False not in found:
            keywords["mask"] = [boolean(mask) if mask else None for mask in found]
    elif found and found[0]:
        keywords["mask"] = boolean(found[0])
    elif found and found[0] is False and "initial_state" in keywords:
        notes.no_meaning(kind, where, "mask", "one that Keras 3 would not pass beside a state")


def _used(layers: list[Entry], added: Mapping[str, Entry]) -> list[Entry]:
    """The operations that somebody reads."""
    waiting = [name for entry in layers for name in _read(entry)]
    found: dict[str, Entry] = {}
    while waiting:
        name = waiting.pop()
        if name in added and name not in found:
            found[name] = added[name]
            waiting += _read(added[name])
    return [entry for name, entry in added.items() if name in found]


def _read(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        if "keras_history" in value:
            return [str(value["keras_history"][0])]
        return [name for item in value.values() for name in _read(item)]
    if isinstance(value, list):
        return [name for item in value for name in _read(item)]
    return []


def boolean(name: str) -> Any:
    """The tensor that an operation of a mask makes."""
    tensor = keras_tensor(Tensor(name), None)
    tensor["config"]["dtype"] = "bool"
    return tensor


def operation(
    class_name: str,
    name: str,
    config: Mapping[str, Any],
    arguments: list[Any],
    room: str = "numpy",
) -> Entry:
    """An operation of `keras.ops` with one call, as Keras 3 writes it."""
    return {
        "module": f"keras.src.ops.{room}",
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": class_name,
        "name": name,
        "inbound_nodes": [{"args": arguments, "kwargs": {}}],
    }
