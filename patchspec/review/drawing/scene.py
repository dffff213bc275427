"""What a picture of a model shows, as plain values: calls, boxes and what flows between them.

A scene knows neither places nor formats. Each level, the whole model or one nested in it, is a
scene of its own, whose edges stay inside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.order import CycleError
from patchspec.graph.references import end_names
from patchspec.graph.tensors import Slot, Spec, Tensor
from patchspec.models.base import Base
from patchspec.review.models import Specs, parameter_counts

Kind = Literal["input", "output", "layer", "operation", "model", "wrapper", "folded"]


@dataclass(frozen=True, slots=True)
class Node:
    """One call of a layer, or one output of a model."""

    path: str
    """The path of the layer; of an output, that of the model with the output's name."""
    name: str
    kind: Kind
    class_name: str
    """Of what was folded, where it begins and ends."""
    shapes: tuple[str, ...] = ()
    """Of each tensor that is known to be made, in order."""
    parameters: int | None = None
    """None where nobody knows, and where there can be none."""
    call: int | None = None
    """Which call of the layer, where it has several."""
    shared: int | None = None
    """The same number on all calls of a layer that has several; counted from 1."""
    inside: Scene | None = None
    """What a nested model or a wrapper holds; drawn with the first of its calls alone."""

    folded: int = 0
    """How many calls it stands for, where it stands for several."""
    first: str | None = None
    last: str | None = None
    """The labels of the first and the last of them."""

    @property
    def label(self) -> str:
        """The name as a reference to the call: `encoder@1`."""
        return self.name if self.call is None else f"{self.name}@{self.call}"


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor on its way to one reader; nodes go by their numbers in the scene."""

    source: int
    target: int
    tensor: str
    output: int = 0
    labelled: bool = False
    """Whether the layer makes several tensors, so that the number of this one must be said."""
    spec: str | None = None
    arguments: tuple[str, ...] = ()
    """The keywords by which it is passed, where all of it is passed by keyword."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One level of a model."""

    path: str
    name: str
    class_name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def walk(self) -> Iterator[Node]:
        """Every node, each followed by what it holds."""
        for node in self.nodes:
            yield node
            if node.inside is not None:
                yield from node.inside.walk()

    @property
    def depth(self) -> int:
        """How many levels lie below this one."""
        return max((1 + n.inside.depth for n in self.nodes if n.inside is not None), default=0)


@dataclass(frozen=True)
class _Told:
    """What stays the same while the levels are walked through."""

    specs: Specs
    counts: Mapping[str, int] | None
    shared: Mapping[str, int]


def scene_of(base: Base, specs: Specs) -> Scene:
    """The picture of a model: one node for each call of each layer, the same each time."""
    several = [layer.path for layer in _everything(base.graph) if len(layer.calls) > 1]
    numbers = {path: i for i, path in enumerate(several, start=1)}
    told = _Told(specs, parameter_counts(base), numbers)
    return _model(base.graph, str(base.document.get("class_name", "Functional")), told)


def _everything(graph: Graph) -> Iterator[Layer]:
    """Every layer at every level, those inside wrappers too."""
    for layer in _listed(graph):
        yield layer
        yield from _below(layer)


def _below(layer: Layer) -> Iterator[Layer]:
    if layer.inner is not None and _is_sound(layer.inner):
        yield from _everything(layer.inner)
    for one in layer.wrapped.values():
        yield one
        yield from _below(one)


def _listed(graph: Graph) -> Iterator[Layer]:
    return (graph.layers[name] for name in (*graph.order.layers, *graph.dead))


def _model(graph: Graph, class_name: str, told: _Told) -> Scene:
    known = told.specs.get(graph.path, graph.recorded)
    made = _made(known)
    nodes: list[Node] = []
    number: dict[tuple[str, int], int] = {}
    for layer in _listed(graph):
        for call in layer.calls:
            number[layer.name, call.index] = len(nodes)
            nodes.append(_node(layer, call, made.get((layer.name, call.index), ()), told))
    edges = [
        edge
        for layer in _listed(graph)
        for call in layer.calls
        for edge in _edges(graph, call.slots, number, number[layer.name, call.index], known)
    ]
    names = end_names(graph.outputs)
    for i, (name, slot) in enumerate(zip(names, graph.outputs, strict=True)):
        spec = known.get(slot.tensor)
        path = "/".join((*graph.parents, f"$output:{i}"))
        end = Node(path, name, "output", "", (str(spec),) if spec else ())
        edges += _edges(graph, [slot], number, len(nodes), known)
        nodes.append(end)
    name = str(graph.config.get("name") or "")
    return Scene(graph.path, name, class_name, tuple(nodes), tuple(edges))


def _made(known: Mapping[Tensor, Spec]) -> Mapping[tuple[str, int], tuple[str, ...]]:
    """The specs of what each call makes, by layer and call."""
    found: dict[tuple[str, int], list[str]] = {}
    for tensor in sorted(known):
        found.setdefault((tensor.layer, tensor.call), []).append(str(known[tensor]))
    return {call: tuple(specs) for call, specs in found.items()}


def _node(layer: Layer, call: Call, shapes: tuple[str, ...], told: _Told) -> Node:
    several = len(layer.calls) > 1
    return Node(
        layer.path,
        layer.name,
        _kind(layer),
        layer.class_name,
        shapes,
        _parameters(layer, told.counts),
        call.index if several else None,
        told.shared[layer.path] if several else None,
        None if call.index else _inside(layer, told),
    )


def _inside(layer: Layer, told: _Told) -> Scene | None:
    if layer.inner is not None:
        return _model(layer.inner, layer.class_name, told) if _is_sound(layer.inner) else None
    if not layer.wrapped:
        return None
    # The variables of a wrapper go by places in it, not by the names of what it holds.
    inner = replace(told, counts=None)
    nodes = tuple(_node(one, one.calls[0], (), inner) for one in layer.wrapped.values())
    return Scene(layer.path, layer.name, layer.class_name, nodes, ())


def _is_sound(graph: Graph) -> bool:
    """Whether a model is wired whole: one inside a wrapper is not looked into when it is opened."""
    try:
        return bool(graph.order.calls) or not graph.outputs
    except (CycleError, KeyError):
        return False


def _kind(layer: Layer) -> Kind:
    if layer.is_input:
        return "input"
    if layer.is_operation:
        return "operation"
    if layer.is_model:
        return "model"
    return "wrapper" if layer.wrapped else "layer"


def _parameters(layer: Layer, counts: Mapping[str, int] | None) -> int | None:
    if counts is None or layer.is_operation or layer.is_input:
        return None
    return counts.get(layer.path, 0)


def _edges(
    graph: Graph,
    slots: Iterable[Slot],
    number: Mapping[tuple[str, int], int],
    target: int,
    known: Mapping[Tensor, Spec],
) -> Iterator[Edge]:
    """One edge for each tensor that a call reads, however many of its arguments it is."""
    places: dict[Tensor, list[Slot]] = {}
    for slot in slots:
        places.setdefault(slot.tensor, []).append(slot)
    for tensor, read in places.items():
        spec = known.get(tensor)
        keywords = tuple(str(slot.key[1]) for slot in read if slot.key[:1] == ("kwargs",))
        yield Edge(
            number[tensor.layer, tensor.call],
            target,
            str(tensor),
            tensor.output,
            graph.is_multi_output(graph.layers[tensor.layer]),
            str(spec) if spec else None,
            keywords if len(keywords) == len(read) else (),
        )
