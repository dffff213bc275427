"""Tensors that become outputs of the model, and how Keras names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.references import find_tensors
from patchspec.graph.selectors import CONDITIONS, select
from patchspec.graph.tensors import Tensor, triple
from patchspec.operations._names import new_name
from patchspec.operations._new_layers import Soil, grow, is_reference
from patchspec.operations._operation import WHOLE_MODEL
from patchspec.problems import Pointer, refuse
from patchspec.weights.lineage import Event

Form = Literal["lone", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor that becomes an output, what the output is called, and where the patch says so."""

    name: str
    tensor: Tensor
    at: Pointer
    given: bool
    """Whether the author chose the name."""


def named_outputs(said: Any, graph: Graph, *, at: Pointer = ("outputs",)) -> list[Named]:
    """The tensors that `outputs` means: one, a list, `{name: tensor}`, or a selector's matches."""
    if is_reference(said):
        return _of_reference(said, graph, at)
    if isinstance(said, Mapping) and set(said) <= set(CONDITIONS):
        return _of_selector(said, graph, at)
    if isinstance(said, Mapping):
        named = []
        for name, reference in said.items():
            [one] = _lone(reference, graph, (*at, name))
            named.append(Named(name, one.tensor, (*at, name), True))
        return _distinct(named)
    found = []
    for i, item in enumerate(said):
        here = (*at, i)
        plain_name = is_reference(item)
        found += _of_reference(item, graph, here) if plain_name else _of_selector(item, graph, here)
    return _distinct(found)


def _lone(said: Any, graph: Graph, at: Pointer) -> list[Named]:
    found = _of_reference(said, graph, at)
    if len(found) != 1:
        refuse("PS304", f"`{said}` means {len(found)} tensors, a name is for one", at=at)
    return found


def _of_reference(said: Any, graph: Graph, at: Pointer) -> list[Named]:
    if isinstance(said, str) and "*" in said and not said.endswith("@*"):
        return _of_selector(said, graph, at)
    return [Named(t.layer, t, at, False) for t in find_tensors(said, graph, at=at)]


def _of_selector(said: Any, graph: Graph, at: Pointer) -> list[Named]:
    found = []
    for match in select(said, graph, at=at):
        [tensor] = find_tensors({"layer": match.layer.path}, graph, at=at)
        if graph.is_multi_output(match.layer) or len(match.layer.calls) > 1:
            refuse(
                "PS304",
                f"`{match.layer.path}` makes several tensors; name them one by one",
                at=at,
            )
        found.append(Named(match.layer.name, tensor, at, False))
    return found


def _distinct(named: list[Named]) -> list[Named]:
    seen: dict[str, Named] = {}
    for one in named:
        if one.name in seen:
            refuse(
                "PS409",
                f"two of the outputs would be called `{one.name}`",
                at=one.at,
                hint="give them names: `{name: tensor}`",
            )
        seen[one.name] = one
    return named


def written(
    graph: Graph, named: Sequence[Named], form: str, seed: int
) -> tuple[Any, list[Edit | Event]]:
    """The outputs as Keras spells them, and the Identity layers that give names in a list.

    In a dict the key is the name. In a list Keras calls an output after its layer.
    """
    added: list[Edit | Event] = []
    ends: dict[str, Any] = {}
    for one in named:
        tensor = one.tensor
        if form != "dict" and one.given and one.name != tensor.layer:
            name = new_name(one.name, WHOLE_MODEL, graph, at=one.at)
            new = {"class": "Identity", "name": name}
            growth = grow(new, Soil(graph, WHOLE_MODEL, seed, (tensor,), at=one.at))
            added += growth.added()
            tensor = growth.results[0]
        layer = graph.layers.get(tensor.layer)
        ends[one.name] = triple(tensor, layer.offset if layer else 0)
    if form == "dict":
        return ends, added
    return list(ends.values()), added
