"""What the inputs of a model may hold, so that random values can be made which it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.graph.tensors import Tensor

PASSING = frozenset(
    {
        "Dropout", "SpatialDropout1D", "Identity", "Activation", "Reshape", "Flatten", "Permute",
        "RepeatVector", "Masking", "Cast", "Cropping1D", "ZeroPadding1D",
    }
)  # fmt: skip
"""Layers that hand on what they are given, as far as indices go."""
INDEXED = {"Embedding": "input_dim", "ReversibleEmbedding": "input_dim",
           "CategoryEncoding": "num_tokens"}  # fmt: skip
"""Layers that read indices, and the key that says below which."""


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input of a model."""

    name: str
    layer: str
    shape: tuple[int | None, ...]
    dtype: str
    below: int | None = None
    """Where it holds indices, the least number that is none."""
    masked: bool = False
    """Whether an index of 0 is padding."""


def inputs_of(graph: Graph) -> tuple[ModelInput, ...]:
    """The inputs of a model, in order, with what reads them in mind."""
    found = []
    for name, slot in zip(end_names(graph.inputs), graph.inputs, strict=True):
        spec = graph.recorded[slot.tensor]
        readers = list(_indexed(graph, slot.tensor))
        limits = [int(layer.config[INDEXED[layer.class_name]]) for layer in readers]
        masked = any(layer.config.get("mask_zero") for layer in readers)
        below = min(limits) if limits else None
        found.append(ModelInput(name, slot.tensor.layer, spec.shape, spec.dtype, below, masked))
    return tuple(found)


def _indexed(graph: Graph, tensor: Tensor) -> Iterator[Layer]:
    """The layers that read the tensor as indices, behind layers that pass it on too."""
    waiting, seen = [(graph, tensor)], set()
    while waiting:
        home, here = waiting.pop()
        if (home.path, here) in seen:
            continue
        seen.add((home.path, here))
        for layer, call in _readers(home, here):
            if layer.class_name in INDEXED:
                yield layer
            elif layer.inner is not None:
                waiting += [(layer.inner, end.tensor) for end in layer.inner.inputs]
            elif layer.class_name in PASSING:
                waiting.append((home, Tensor(layer.name, call)))


def _readers(graph: Graph, tensor: Tensor) -> Iterator[tuple[Layer, int]]:
    """The layers that read the tensor, with the number of the call."""
    for layer in graph.layers.values():
        for call in layer.calls:
            if any(slot.tensor == tensor for slot in call.slots):
                yield layer, call.index
