"""Masks that Keras 2 handed on by itself and Keras 3 wants written down.

A recurrent layer that is also given its initial state gets no mask from Keras 3, since it then
reads several tensors. So the mask is computed by the operations that Keras 3 itself would write,
and passed to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.models.dialects.notes import Notes

Entry = dict[str, Any]

_PASSES = {
    "Activation",
    "AlphaDropout",
    "BatchNormalization",
    "Dense",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "LayerNormalization",
    "LeakyReLU",
    "PReLU",
    "ReLU",
    "Rescaling",
    "Softmax",
    "SpatialDropout1D",
    "TimeDistributed",
}
_MERGES = {"Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"}
_RECURRENT = {"Bidirectional", "GRU", "LSTM", "RNN", "SimpleRNN"}


def with_masks(layers: list[Entry], path: str, notes: Notes) -> list[Entry]:
    """The layers, and behind them the operations of the masks that calls with a state need."""
    by_name = {str(entry["name"]): entry for entry in layers}
    added: dict[str, Entry] = {}
    for entry in layers:
        for node in entry["inbound_nodes"]:
            if "initial_state" not in node["kwargs"] or "mask" in node["kwargs"]:
                continue
            source = node["args"][0]["config"]["keras_history"]
            mask = _mask_of(tuple(source), by_name, added)
            where = "/".join(part for part in (path, str(entry["name"])) if part)
            if mask == "unclear":
                notes.no_meaning(entry["class_name"], where, "mask", "of several merged masks")
            elif mask is not None:
                node["kwargs"]["mask"] = mask
                notes.step(where, "the mask that Keras 2 passed on by itself is passed by name")
    return [*layers, *added.values()]


def _mask_of(
    source: tuple[str, int, int], by_name: Mapping[str, Entry], added: dict[str, Entry]
) -> Any:
    """The tensor of the mask that a tensor carries, none, or `unclear`."""
    name, call, _ = source
    entry = by_name[name]
    kind, config = entry["class_name"], entry["config"]
    nodes = entry["inbound_nodes"]
    if call >= len(nodes):
        return None
    read = _histories(nodes[call])
    if kind == "Embedding" and config.get("mask_zero"):
        return _compared(name, call, read[0], 0, added)
    if kind == "Masking":
        compared = _compared(name, call, read[0], config.get("mask_value", 0.0), added)
        return _any(name, call, compared, added)
    if kind in _PASSES or (kind in _RECURRENT and _sequences(config)):
        return _mask_of(read[0], by_name, added)
    if kind in _MERGES:
        found = [_mask_of(one, by_name, added) for one in read]
        return None if all(mask is None for mask in found) else "unclear"
    return None


def _sequences(config: Mapping[str, Any]) -> bool:
    inner = config.get("layer")
    own = inner["config"] if isinstance(inner, Mapping) else config
    return bool(own.get("return_sequences"))


def _histories(node: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    first = node["args"][0]
    tensors = first if isinstance(first, list) else [first]
    return [tuple(tensor["config"]["keras_history"]) for tensor in tensors]


def _compared(
    name: str, call: int, source: tuple[str, int, int], value: float, added: dict[str, Entry]
) -> Any:
    own = f"{name}_not_equal" + (f"_{call}" if call else "")
    tensor = keras_tensor(Tensor(*source), None)
    added[own] = operation("NotEqual", own, {}, [tensor, value])
    return _boolean(own)


def _any(name: str, call: int, compared: Any, added: dict[str, Entry]) -> Any:
    own = f"{name}_any" + (f"_{call}" if call else "")
    added[own] = operation("Any", own, {"axis": -1, "keepdims": False}, [compared])
    return _boolean(own)


def _boolean(name: str) -> Any:
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
