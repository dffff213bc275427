"""The hard sigmoid of Keras 2 in a Keras whose hard sigmoid has another slope.

Keras 1 and 2 compute `clip(0.2 x + 0.5, 0, 1)`, Keras 3 `clip(x / 6 + 0.5, 0, 1)`
(`keras.activations.hard_sigmoid`). The first of x is the second of 1.2 x, so a layer whose
pre-activation is linear in its weights computes what it did when those are scaled by 1.2.
"""

from __future__ import annotations

from typing import Any

from patchspec.layers.table import layer_class
from patchspec.layers.write import full_config
from patchspec.models.dialects.notes import Notes

NAME = "hard_sigmoid"
_GATED = {
    "LSTM": "lstm",
    "LSTMCell": "lstm",
    "ConvLSTM1D": "lstm",
    "ConvLSTM2D": "lstm",
    "ConvLSTM3D": "lstm",
    "GRU": "gru",
    "GRUCell": "gru",
}
_WITH_CELL = {"LSTM", "GRU", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_SCALED = "weights were scaled by 1.2, since the hard sigmoid of Keras 3 is flatter by that factor"


def with_slope(entry: dict[str, Any], path: str, notes: Notes) -> list[dict[str, Any]]:
    """The entry, or what stands for it, with the hard sigmoid that it had in Keras 2."""
    kind, config = entry["class_name"], entry["config"]
    owner = f"{path}/cell" if kind in _WITH_CELL else path
    if config.get("recurrent_activation") == NAME and kind in _GATED:
        notes.convert(owner, f"hard-sigmoid-{_GATED[kind]}")
        notes.step(path, f"the gates' {_SCALED}")
    if config.get("activation") != NAME:
        return [entry]
    if kind == "Activation":
        return _two_layers(entry, path, notes)
    if kind in _GATED:
        notes.no_meaning(kind, path, "activation", NAME)
        return [entry]
    notes.convert(owner, "hard-sigmoid-all")
    notes.step(path, f"its {_SCALED}")
    return [entry]


def as_backward(path: str, notes: Notes) -> None:
    """Read the weights of a backward layer as those of the forward one that it was made from."""
    known = {(c.owner, c.rule) for c in notes.conversions}
    forward, backward = f"{path}/forward_layer", f"{path}/backward_layer"
    for conversion in list(notes.conversions):
        twin = conversion.owner.replace(forward, backward, 1)
        if conversion.owner.startswith(forward) and (twin, conversion.rule) not in known:
            notes.convert(twin, conversion.rule)


def _two_layers(entry: dict[str, Any], path: str, notes: Notes) -> list[dict[str, Any]]:
    config = entry["config"]
    common = {key: config[key] for key in ("trainable", "dtype") if key in config}
    name = config["name"]
    notes.step(
        path, "the hard sigmoid of Keras 2 became `Rescaling` and `ReLU`, which compute the same"
    )
    return [
        _entry("Rescaling", {"name": f"{name}_rescaled", **common}, scale=0.2, offset=0.5),
        _entry("ReLU", {"name": name, **common}, max_value=1.0),
    ]


def _entry(class_name: str, common: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    assert layer_class(class_name) is not None
    full = full_config(class_name, arguments, seed_of=None, data_format=None)
    return {
        "module": "keras.layers",
        "class_name": class_name,
        "config": {**common, **full},
        "registered_name": None,
    }
