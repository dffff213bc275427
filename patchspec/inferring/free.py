"""Whether it makes no difference which backend Keras has while a plan is made.

Shapes of Keras's own layers are arithmetic in Python. A few classes need TensorFlow, or give
integers of another width with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from patchspec.inferring.native import known_layer
from patchspec.inferring.registry import KINDS
from patchspec.language.patch import Patch
from patchspec.layers.check import OBJECT_KINDS, is_registered
from patchspec.layers.table import layer_class, objects
from patchspec.models.base import Base

_LAYERS = {
    *KINDS, "InputLayer", "Functional", "Sequential", "Model", "Dot", "SpectralNormalization",
    "LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells", "RNN", "Bidirectional",
    "TimeDistributed", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GroupQueryAttention",
    "Attention", "AdditiveAttention",
}  # fmt: skip
_OPERATIONS = {
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum", "NotEqual",
    "Relu", "Relu6", "Sigmoid", "HardSigmoid", "Silu", "Tanh", "Softmax", "Gelu", "GetItem",
    "Reshape", "Transpose", "Concatenate", "ExpandDims", "Squeeze", "Mean",
}  # fmt: skip
"""Those of which the dtype of the result is the one of what they read, or `bool`."""
_OBJECTS = {
    "DTypePolicy", "__keras_tensor__", "__slice__", "__ellipsis__",
    *(name for kind in OBJECT_KINDS for name in objects(kind).defaults),
}  # fmt: skip
_NOT_EVERYWHERE = ("sparse", "ragged", "synchronized")
"""Arguments that not every backend supports."""


def any_backend_will_do(bases: Iterable[Base], patches: Sequence[Patch]) -> bool:
    """Whether all backends treat alike what the models hold and the patches bring."""
    return all(_is_free(base.document) for base in bases) and all(
        _brings_free(patch.source.data) for patch in patches
    )


def _is_free(document: Mapping[str, Any]) -> bool:
    return all(_named_free(value) for value in _mappings(document))


def _named_free(value: Mapping[str, Any]) -> bool:
    if any(value.get(key) is True for key in _NOT_EVERYWHERE):
        return False
    name = value.get("class_name")
    if name is None or "config" not in value:
        return True
    if name == "Normalization":
        # It counts in the integers of its backend, unless it is known here.
        return known_layer(value) is not None
    known = _OPERATIONS if str(value.get("module")).startswith("keras.src.ops.") else _LAYERS
    return name in known or name in _OBJECTS


def _brings_free(data: Any) -> bool:
    """Of a patch only classes that are not free, or not Keras's, are looked for."""
    for value in _mappings(data):
        for key in ("class", "class_name"):
            name = value.get(key)
            if isinstance(name, str) and (is_registered(name) or _is_bound(name)):
                return False
        pointed = str(value.get("path")).rpartition("/")[2]
        if pointed in _NOT_EVERYWHERE or any(value.get(key) is True for key in _NOT_EVERYWHERE):
            return False
    return True


def _is_bound(name: str) -> bool:
    table = layer_class(name)
    return table is not None and table.name not in _LAYERS


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for key, item in value.items():
            if key != "compile_config":
                yield from _mappings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings(item)
