"""The arguments that Keras 3 takes of an old layer, and those that it can do without.

An argument that Keras 3 no longer has is left out only where that changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patchspec.layers.table import LayerClass
from patchspec.models.dialects.notes import Notes

RECURRENT = {"LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_RENAMED_ARGUMENTS = {"LeakyReLU": {"alpha": "negative_slope"}}

_ANYWHERE: Mapping[str, Callable[[Any], bool]] = {
    "batch_input_shape": lambda _: True,
    "input_shape": lambda _: True,
    "input_dtype": lambda _: True,
    "autocast": lambda _: True,
    "rng_type": lambda _: True,
    "force_generator": lambda _: True,
    "experimental_autocast": lambda _: True,
    "stateful": lambda v: not v,
    "ragged": lambda v: not v,
    "dynamic": lambda v: not v,
    "batch_size": lambda v: v is None,
    "noise_shape": lambda v: v is None,
    "groups": lambda v: v in (1, None),
    "activity_regularizer": lambda v: v is None,
}
"""Arguments that every layer could have, and when leaving them out changes nothing."""

_SAID_ELSEWHERE = {"batch_input_shape", "input_shape", "activity_regularizer"}

_OF_RECURRENT: Mapping[str, Callable[[Any], bool]] = {
    "implementation": lambda _: True,
    "time_major": lambda v: not v,
    "input_dim": lambda _: True,
    "input_length": lambda _: True,
    "num_constants": lambda v: not v,
    "return_runtime": lambda v: not v,
    "return_average_loss": lambda v: not v,
    "use_cudnn": lambda _: True,
    "seed": lambda _: True,
}
_UNUSED_KERNEL: Mapping[str, Callable[[Any], bool]] = {
    "kernel_initializer": lambda _: True,
    "kernel_regularizer": lambda _: True,
    "kernel_constraint": lambda _: True,
    "filters": lambda v: v is None,
}
_WITHOUT_EFFECT: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "Embedding": {"input_length": lambda _: True, "sparse": lambda v: not v},
    "BatchNormalization": {
        "fused": lambda _: True,
        "virtual_batch_size": lambda v: v is None,
        "adjustment": lambda v: v is None,
    },
    "MultiHeadAttention": dict.fromkeys(
        ("query_shape", "key_shape", "value_shape", "softmax_robust_masking"), lambda _: True
    ),
    "Attention": {"causal": lambda v: not v},
    "AdditiveAttention": {"causal": lambda v: not v},
    "Bidirectional": _OF_RECURRENT,
    **dict.fromkeys(
        ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"), _UNUSED_KERNEL
    ),
    **dict.fromkeys((*RECURRENT, "LSTMCell", "GRUCell", "SimpleRNNCell"), _OF_RECURRENT),
}
"""Arguments of one class that Keras 3 does not have, and when leaving them out changes nothing."""


def taken(known: LayerClass, config: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    """The arguments that Keras 3 takes; the rest must be without effect."""
    renamed = _RENAMED_ARGUMENTS.get(known.name, {})
    left_out = []
    harmless = {**_ANYWHERE, **_WITHOUT_EFFECT.get(known.name, {})}
    found = {}
    for key, value in config.items():
        own = renamed.get(key, key)
        if own in ("name", "trainable", "dtype"):
            continue
        if own in known.parameters or own in known.defaults:
            if value is None and (own not in known.defaults or own == "data_format"):
                continue
            found[own] = value
        elif own not in harmless or not harmless[own](value):
            notes.no_meaning(known.name, path, key, value)
        elif own not in _SAID_ELSEWHERE:
            left_out.append(key)
    if left_out:
        said = ", ".join(f"`{key}`" for key in sorted(left_out))
        notes.step(path, f"left out, since Keras 3 computes the same without: {said}")
    return found
