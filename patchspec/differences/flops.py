"""How many operations a model takes for one sample, as far as its weights tell.

Counted are products and sums (two for each weight at each place where it is used) of dense layers,
convolutions and recurrent layers, where nearly all of the work is. What attention computes between
positions, activations and normalizations are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Spec, Tensor

Shapes = Mapping[str, Sequence[tuple[int, ...]]]
"""For every layer that has variables, their shapes in Keras's order of saving."""

_KERNELS: Mapping[str, int] = {
    "Dense": 1, "EinsumDense": 1, "Conv1D": 1, "Conv2D": 1, "Conv3D": 1, "Conv1DTranspose": 1,
    "Conv2DTranspose": 1, "Conv3DTranspose": 1, "DepthwiseConv1D": 1, "DepthwiseConv2D": 1,
    "SeparableConv1D": 2, "SeparableConv2D": 2, "LSTM": 2, "GRU": 2, "SimpleRNN": 2,
}  # fmt: skip
"""How many variables of a layer are used at every place."""
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_FREE = (
    "BatchNormalization", "LayerNormalization", "GroupNormalization", "Normalization", "Embedding",
    "PReLU", "Discretization", "UnitNormalization", "RMSNormalization",
)  # fmt: skip
"""Layers whose variables cost next to nothing."""


@dataclass(frozen=True, slots=True)
class Work:
    """The operations for one sample."""

    flops: int | None
    """None where the size of an input is open."""
    uncounted: int
    """How many layers with weights are of classes that are not counted."""


def work_of(graph: Graph, shapes: Shapes, ends: Mapping[Tensor, Spec] | None = None) -> Work:
    """The operations of a model; `ends` says the specs of outputs, which no config records."""
    total, uncounted, is_open = 0, 0, False
    for model in graph.models():
        known = {**model.recorded, **((ends or {}) if not model.parents else {})}
        for layer in model.in_order:
            own = shapes.get(layer.path, ())
            if layer.inner is not None or not own:
                continue
            kernels = _KERNELS.get(layer.class_name)
            if kernels is None:
                uncounted += layer.class_name not in _FREE
                continue
            for call in layer.calls:
                places = _places(layer, call.index, known)
                is_open = is_open or places is None
                total += 2 * sum(map(prod, own[:kernels])) * (places or 0)
    return Work(None if is_open else total, uncounted)


def _places(layer: Layer, call: int, known: Mapping[Tensor, Spec]) -> int | None:
    """At how many places of one sample the kernel is used; none where that is open."""
    made = known.get(Tensor(layer.name, call))
    slots = layer.calls[call].slots
    read = known.get(slots[0].tensor) if slots else None
    counted = made
    if layer.class_name in _RECURRENT or layer.class_name.endswith("Transpose"):
        counted = read
    if counted is None:
        return None
    sizes = counted.shape[1:-1]
    if layer.class_name in _RECURRENT:
        sizes = counted.shape[1:2]
    elif layer.config.get("data_format") == "channels_first":
        sizes = counted.shape[2:]
    return None if None in sizes else prod(n for n in sizes if n is not None)
