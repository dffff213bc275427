"""remove: take layers out of the graph and let their readers read what they read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.references import find_tensor
from patchspec.graph.tensors import Tensor
from patchspec.operations._operation import Given, Operation, Selector, Target, said
from patchspec.operations._wiring import bypassed, wired_layer
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Dropped, Event

QUERY_FIRST = {"MultiHeadAttention", "GroupQueryAttention", "Attention", "AdditiveAttention"}
"""Layers that turn their first input into their output and only look at the others."""

Keep = Annotated[
    int | str,
    said(
        type=["integer", "string", "object"],
        minimum=0,
        description="Which input survives: its position, or the tensor itself.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remove(Operation):
    """Take layers out; what read them reads what they read.

    A layer that reads several tensors needs `keep`, the one that survives.

    - op: remove
      layers: [fc1, predictions]
    """

    layers: Selector
    keep: Keep | None = None

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("layers",))
        if layer.is_input:
            refuse(
                "PS405",
                f"`{layer.name}` is an input of the model and cannot be bypassed",
                at=("layers",),
                hint="`extract` with `inputs` makes other tensors the inputs",
            )
        kept = {call.index: self._kept(graph, home, layer, call) for call in layer.calls}
        outputs = [_through(kept, layer, slot.tensor) for slot in home.outputs]
        _check_ends(home, layer, outputs)
        for call in layer.calls:
            survivor = _through(kept, layer, kept[call.index])
            yield from bypassed(home, layer, call, survivor, at=("layers",))
        yield edits.remove(layer.pointer)
        yield Dropped(layer.path)

    def _kept(self, graph: Graph, home: Graph, layer: Layer, call: Call) -> Tensor:
        choices = call.distinct
        if self.keep is None:
            if len(choices) == 1 or (choices and QUERY_FIRST & set(layer.class_names)):
                return choices[0]
            refuse(
                "PS403",
                f"`{layer.name}` reads {len(choices)} tensors; say which one survives it",
                at=("layers",),
                notes=[f"it reads {some(map(str, choices))}"],
                hint=f"`keep: {choices[0]}`, or its position, `keep: 0`" if choices else None,
            )
        if isinstance(self.keep, int):
            if self.keep >= len(choices):
                refuse(
                    "PS403",
                    f"`{layer.name}` has no input {self.keep}",
                    at=("keep",),
                    notes=[f"it reads {some(map(str, choices))}"],
                    hint="positions count from 0",
                )
            return choices[self.keep]
        wanted = find_tensor(self.keep, graph, home=home, at=("keep",))
        if wanted not in choices:
            refuse(
                "PS403",
                f"`{layer.name}` does not read `{wanted}`",
                at=("keep",),
                notes=[f"it reads {some(map(str, choices))}"],
            )
        return wanted


def _through(kept: dict[int, Tensor], layer: Layer, tensor: Tensor) -> Tensor:
    """What `tensor` is once the layer is bypassed, also where its calls read one another."""
    while tensor.layer == layer.name and tensor.output == 0:
        tensor = kept[tensor.call]
    return tensor


def _check_ends(home: Graph, layer: Layer, outputs: list[Tensor]) -> None:
    inputs = {slot.tensor for slot in home.inputs}
    for slot, tensor in zip(home.outputs, outputs, strict=True):
        if slot.tensor == tensor:
            continue
        if tensor in inputs:
            refuse(
                "PS406",
                f"without `{layer.name}` the input `{tensor}` itself would be an output",
                at=("layers",),
            )
        if outputs.count(tensor) > 1:
            refuse(
                "PS406",
                f"without `{layer.name}` two outputs of the model would be the tensor `{tensor}`",
                at=("layers",),
                hint="`extract` the outputs that you want",
            )
