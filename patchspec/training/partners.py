"""What of a base goes on in another model: which variable, which layer is which there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.building.optimizers import variable_paths
from patchspec.building.variables import as_view, is_model
from patchspec.planning.known import BASE
from patchspec.planning.plan import Plan


@dataclass(frozen=True)
class Partners:
    """The layers and variables of a base, by identity, with those of a model that go on as them."""

    kept: Mapping[str, str]
    """The paths of variables of the model that are those of the base, with their paths there."""
    objects: Mapping[int, Any]
    lost: Mapping[int, str]
    """The layers of the base that the model has none for, with their paths."""
    places: tuple[int | None, ...]
    """For each weight of the model the place of that of the base among its weights."""

    def placed(self, weights: Sequence[Any]) -> list[Any] | None:
        """Weights of the base in the order of the model; none where it has others."""
        if any(place is None or place >= len(weights) for place in self.places):
            return None
        return [weights[place] for place in self.places if place is not None]


def partners(base: Any, model: Any, plan: Plan | None) -> Partners:
    """What belongs together: what the plan says, else what is the same or has the same path."""
    mine, theirs = variable_paths(model), variable_paths(base)
    known = set(theirs.values())
    kept = {path: path for path in mine.values() if path in known} if plan is None else _kept(plan)
    layers, before = dict(_layers(model)), dict(_layers(base))
    origins = {path: path for path in layers} if plan is None else plan.origins
    pairs = {origins.get(path): layer for path, layer in layers.items()}
    objects = {id(layer): pairs[path] for path, layer in before.items() if path in pairs}
    variables = {kept[path]: v for v in model.variables if (path := mine.get(id(v))) in kept}
    objects |= {
        id(v): variables[path] for v in base.variables if (path := theirs.get(id(v))) in variables
    }
    numbers = {theirs.get(id(v)): number for number, v in enumerate(base.weights)}
    sources = [kept.get(mine.get(id(v), "")) for v in model.weights]
    places = tuple(None if source is None else numbers.get(source) for source in sources)
    lost = {id(layer): path for path, layer in before.items() if path not in pairs}
    return Partners(kept, objects, lost, places)


def differ(base: Any, model: Any, kept: Mapping[str, str]) -> bool:
    """Whether what was kept has other values than the base has now."""
    mine, theirs = variable_paths(model), variable_paths(base)
    now = {theirs[id(v)]: v for v in base.weights if id(v) in theirs}
    for variable in model.weights:
        source = now.get(kept.get(mine.get(id(variable), ""), ""))
        if source is not None and source is not variable:
            one, other = as_view(variable), as_view(source)
            if one.shape != other.shape or one.tobytes() != other.tobytes():
                return True
    return False


def _kept(plan: Plan) -> dict[str, str]:
    return {
        move.path: source
        for move in plan.moves
        if move.action == "kept"
        for model, source in move.sources
        if model == BASE
    }


def _layers(model: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        yield path, layer
        if is_model(layer):
            yield from _layers(layer, f"{path}/")
