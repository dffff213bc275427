"""rename: call a layer something else, everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from patchspec.graph.edits import Edit, add, plain, remove, replace
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Tensor
from patchspec.operations._names import new_name
from patchspec.operations._operation import Given, NewName, Operation, Selector, Target
from patchspec.operations._wiring import wired_layer
from patchspec.problems import refuse
from patchspec.weights.lineage import Event, Renamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename(Operation):
    """Give layers other names; every reference, the compile configuration and the weights follow.

    - op: rename
      layers: predictions
      name: species
    """

    layers: Selector
    name: NewName

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("layers",))
        name = new_name(self.name, target, home, at=("name",))
        yield replace((*layer.pointer, "name"), name)
        yield replace((*layer.pointer, "config", "name"), name)
        for call in layer.calls:
            for tensor in home.read_outputs.get((layer.name, call.index), ()):
                for slot in home.reading(tensor):
                    moved = Tensor(name, tensor.call, tensor.output)
                    yield slot.read(moved)
        yield from _inputs(home, layer, name)
        yield Renamed(layer.path, "/".join((*layer.parents, name)))


def _inputs(home: Graph, layer: Layer, name: str) -> Iterator[Edit]:
    """The model's inputs name the layer too; in a dict of inputs the key is its name."""
    for slot in home.inputs:
        if slot.tensor.layer != layer.name:
            continue
        moved = Tensor(name, slot.tensor.call, slot.tensor.output)
        if slot.key and slot.key[-1] == layer.name:
            parent = slot.pointer[:-1]
            structure: Any = home.config["input_layers"]
            for part in slot.key[:-1]:
                structure = structure[part]
            if name in structure:
                refuse("PS306", f"an input called `{name}` is there already", at=("name",))
            yield remove(slot.pointer)
            yield add((*parent, name), plain([name, moved.call + slot.offset, moved.output]))
        else:
            yield slot.read(moved)
