"""The weights of Keras 0: `layer_3/param_0`, with no names, in the order that each class had.

This is the one format in which position says which weight is which; the order is that of
`layer.params` in Keras 0.3, and the number of weights must come out even.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.parts import Part, parts_of_model
from patchspec.models.weight_names import check_conversions, converted
from patchspec.models.weights_file import Stored, variable_of
from patchspec.problems import refuse


def unnamed_variables(
    graph: Graph, stored: Mapping[str, Stored], found: Upgraded, origin: str
) -> dict[str, Variable]:
    """Every variable of the model by its path; PS913 where the file has too few or too many."""
    places = dict(found.sources)
    listed = list(parts_of_model(graph))
    check_conversions(listed, found, origin)
    parts = {_place(part, places): part for part in listed}
    variables: dict[str, Variable] = {}
    for part, params in _dealt(parts, stored, origin):
        names = _leaves(part)
        if len(params) != len(names):
            _uneven(part.owner, len(names), len(params), origin)
        given = [variable_of(one, "") for one in params]
        leaves = converted(part, dict(zip(names, given, strict=True)), found, theano=True)
        for i, leaf in enumerate(part.leaves or ()):
            path = part.path(i)
            variables[path] = replace(leaves[leaf], path=path, name=leaf)
    return variables


def _place(part: Part, places: Mapping[str, str]) -> str:
    layer = part.owner.partition("/")[0]
    return places.get(layer, layer)


def _dealt(
    parts: Mapping[str, Part], stored: Mapping[str, Stored], origin: str
) -> Iterator[tuple[Part, list[Stored]]]:
    """Each part with its parameters: those of its layer, or the next of the graph's."""
    if not any(path.startswith("graph/") for path in stored):
        left = {path.partition("/")[0] for path in stored}
        for place, part in parts.items():
            left.discard(place)
            yield part, list(_params(stored, place))
        if left:
            refuse("PS913", f"`{origin}` holds weights of `{min(left)}`, which has none")
        return
    params = list(_params(stored, "graph"))
    for _, part in sorted(parts.items(), key=lambda item: _number(item[0])):
        count = len(_leaves(part))
        own, params = params[:count], params[count:]
        yield part, own
    if params:
        refuse(
            "PS913",
            f"`{origin}` holds {len(params)} weights more than its graph has",
            hint="the weights are those of another model",
        )


def _number(place: str) -> int:
    return int(place.rpartition("_")[2])


def _params(stored: Mapping[str, Stored], group: str) -> Iterator[Stored]:
    number = 0
    while f"{group}/param_{number}" in stored:
        yield stored[f"{group}/param_{number}"]
        number += 1


def _leaves(part: Part) -> list[str]:
    """The names of a layer's weights in the order in which Keras 0 wrote them."""
    if part.kind in ("LSTM", "GRU"):
        gates = "icfo" if part.kind == "LSTM" else "zrh"
        return [f"{letter}_{gate}" for gate in gates for letter in "WUb"]
    return list(part.leaves or ())


def _uneven(owner: str, wanted: int, found: int, origin: str) -> Any:
    refuse(
        "PS913",
        f"`{owner}` needs {wanted} weights; `{origin}` holds {found} for it",
        hint="the weights are those of another model",
    )
