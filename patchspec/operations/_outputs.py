"""Tensors that become outputs of the model, and how Keras names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.references import Reference, parse_reference, tensors_of
from patchspec.graph.selectors import CONDITIONS, PICKING, select
from patchspec.graph.tensors import Tensor, triple
from patchspec.operations._leading_out import led_out
from patchspec.operations._names import new_name
from patchspec.operations._new_layers import Soil, grow, is_reference
from patchspec.operations._operation import WHOLE_MODEL
from patchspec.problems import Pointer, refuse
from patchspec.weights.lineage import Event

Form = Literal["lone", "list", "dict"]


@dataclass(frozen=True, slots=True)
class Said:
    """One reference among `outputs`, where it stands, and the name that it is given."""

    reference: Reference
    at: Pointer
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """A tensor that becomes an output, what the output is called, and where the patch says so."""

    name: str
    tensor: Tensor
    at: Pointer
    given: bool
    """Whether the output has a name of its own, not that of the layer that makes the tensor."""


def said_outputs(said: Any, graph: Graph, *, at: Pointer = ("outputs",)) -> list[Said]:
    """What `outputs` refers to: one tensor, a list, `{name: tensor}`, or a selector's matches."""
    if is_reference(said):
        return list(_referred(said, graph, at))
    if isinstance(said, Mapping) and _is_selector(said):
        return list(_selected(said, graph, at))
    if isinstance(said, Mapping):
        return [
            Said(parse_reference(reference, at=(*at, name)), (*at, name), name)
            for name, reference in said.items()
        ]
    return [
        one
        for i, item in enumerate(said)
        for one in (_referred if is_reference(item) else _selected)(item, graph, (*at, i))
    ]


def _is_selector(said: Mapping[str, Any]) -> bool:
    """Whether a mapping says conditions; `first` and its like are names where text stands there."""
    numbered = (*PICKING, "count")
    named = any(isinstance(said[key], str) for key in numbered if key in said)
    return set(said) <= set(CONDITIONS) and not named


def _referred(said: Any, graph: Graph, at: Pointer) -> Iterator[Said]:
    if isinstance(said, str) and "*" in said and not said.endswith("@*"):
        yield from _selected(said, graph, at)
    else:
        yield Said(parse_reference(said, at=at), at)


def _selected(said: Any, graph: Graph, at: Pointer) -> Iterator[Said]:
    for match in select(said, graph, at=at):
        home = graph.home(match.layer.path)
        if home.is_multi_output(match.layer) or len(match.layer.calls) > 1:
            refuse(
                "PS304", f"`{match.layer.path}` makes several tensors; name them one by one", at=at
            )
        yield Said(Reference(match.layer.path, 0, 0), at)


def named_outputs(said: Any, graph: Graph, *, at: Pointer = ("outputs",)) -> list[Named]:
    """The tensors that `outputs` means and their names.

    A tensor inside a nested model must have been led out; it goes by its name inside.
    """
    named: list[Named] = []
    for one in said_outputs(said, graph, at=at):
        reference = one.reference
        if "/" in reference.layer:
            tensor = led_out(reference, graph, at=one.at).tensor
            inside = reference.path.rpartition("/")[2]
            named.append(Named(one.name or inside, tensor, one.at, True))
            continue
        tensors = tensors_of(reference, graph, at=one.at)
        if one.name is not None and len(tensors) != 1:
            refuse(
                "PS304", f"`{reference}` means {len(tensors)} tensors, a name is for one", at=one.at
            )
        named += [Named(one.name or t.layer, t, one.at, one.name is not None) for t in tensors]
    return _distinct(named)


def refuse_inputs(named: Sequence[Named], graph: Graph) -> None:
    """Refuse an input of the model as an output of it, as it is."""
    inputs = {slot.tensor for slot in graph.inputs}
    for one in named:
        if one.tensor in inputs:
            refuse(
                "PS406",
                f"`{one.tensor}` is an input of the model, and would be an output as it is",
                at=one.at,
                hint="put an Identity behind it, or name a layer that reads it",
            )


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
            growth = grow(new, Soil(graph, graph, WHOLE_MODEL, seed, (tensor,), at=one.at))
            added += growth.added()
            tensor = growth.results[0]
        layer = graph.layers.get(tensor.layer)
        ends[one.name] = triple(tensor, layer.offset if layer else 0)
    if form == "dict":
        return ends, added
    return list(ends.values()), added
