"""What a patch has to say of weights, and what no patch can say: values that were trained."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from patchspec.authoring.author import Authored, folded
from patchspec.authoring.selecting import in_graph_order, selector
from patchspec.inferring.light import plain_inferrer
from patchspec.models.base import Base, Variable
from patchspec.planning.fold import Folded
from patchspec.planning.known import BASE, Known
from patchspec.planning.shapes import Shapes
from patchspec.weights.pipelines import OTHERS

if TYPE_CHECKING:
    from patchspec.authoring.proposals import Step

Rules = Any
"""What `weights` says of a layer: one rule, or rules by variable."""


@dataclass(frozen=True)
class Weighted:
    """The operations with what they say of weights, and what they cannot."""

    steps: tuple[Step, ...]
    trained: tuple[str, ...] = ()
    """Layers of which the model that is wanted holds other values than the patch gives them."""


def weighted(found: Authored, before: Base, after: Base) -> Weighted:
    """The operations with rules for variables of new shapes, and for those of new layers.

    A rule is one that makes exactly the values of `after` where any does; else they start anew.
    """
    if before.variables is None or after.variables is None:
        return Weighted(found.steps)
    state = folded(before, found.steps, found.seed)
    if state is None:
        return Weighted(found.steps)
    work = _Work(state, before, after)
    rules, trained = work.rules()
    steps = _with_new(found.steps, state, rules)
    kept = {path: said for path, said in rules.items() if state.origins[path] is not None}
    return Weighted((*steps, *_with_kept(kept, state)), tuple(trained))


@dataclass
class _Work:
    state: Folded
    before: Base
    after: Base

    def rules(self) -> tuple[dict[str, Rules], list[str]]:
        """What has to be said of each layer, and the layers whose values are not made."""
        rules: dict[str, Rules] = {}
        trained: list[str] = []
        names = _labels(self.after)
        for path, variables in self.after.by_layer.items():
            if path not in self.state.origins:
                continue
            origin, new = self.state.origins[path], self.state.new.get(path)
            source = origin if origin is not None else new.replaces if new else None
            found = {}
            for variable in variables:
                inner = variable.path.removeprefix(f"{path}/")
                label = names(path).get(inner, variable.name or inner)
                found[label] = _rule(self._old(source, inner), variable, kept=origin is not None)
            exact = all(same for _, same, _ in found.values())
            # Of a new layer that was trained there is nothing to say but what must be said.
            said = {
                label: rule
                for label, (rule, _, must) in found.items()
                if rule is not None and (must or exact)
            }
            if said:
                rules[path] = _short(said, len(variables))
            if not exact:
                trained.append(path)
        return rules, trained

    def _old(self, source: str | None, inner: str) -> Variable | None:
        variables = self.before.variables or {}
        return None if source is None else variables.get(f"{source}/{inner}")


def _rule(old: Variable | None, new: Variable, *, kept: bool) -> tuple[Any | None, bool, bool]:
    """The rule, if there is one; whether the value comes out as wanted; whether it must be said."""
    if old is None:
        return ("init", False, True) if kept else (None, False, False)
    from patchspec.authoring.rules import rule_for  # noqa: PLC0415 (needs NumPy)

    rule = rule_for(old.read(), new.read())
    if old.shape == new.shape:
        if kept:
            return None, rule == "keep", False
        return ("keep", True, True) if rule == "keep" else ("init", False, True)
    if rule is None:
        return ("init", False, True) if kept else (None, False, False)
    anew = isinstance(rule, dict) and rule.get("pad", {}).get("with") == "init"
    return rule, not anew, kept


def _labels(base: Base) -> Any:
    recorded = {model.path: dict(model.recorded) for model in base.graph.models()}
    known = Known(base, Shapes(base_specs=recorded), plain_inferrer())

    def of(path: str) -> dict[str, str]:
        return {spec.inner: spec.label for spec in known.variables_of(BASE, path) or ()}

    return of


def _with_new(steps: Sequence[Step], state: Folded, rules: Mapping[str, Rules]) -> tuple[Step, ...]:
    """The operations that make layers, each with what is said of those layers' weights."""
    written: list[dict[str, Any]] = [json.loads(json.dumps(step)) for step in steps]
    said: dict[tuple[int, tuple[Any, ...]], list[Rules]] = {}
    for path, new in state.new.items():
        if path in state.origins and state.origins[path] is None and path in rules:
            said.setdefault((new.place.step, new.created.at), []).append(rules[path])
    for (number, at), all_rules in said.items():
        layer = written[number]["new"]
        if isinstance(layer, list):
            layer = layer[at[1]]
        alike = all(one == all_rules[0] for one in all_rules)
        layer["weights"] = all_rules[0] if alike else "init"
    return tuple(written)


def _with_kept(rules: Mapping[str, Rules], state: Folded) -> list[Step]:
    """One operation for all layers of which the same is said."""
    alike: dict[str, list[str]] = {}
    for path, said in rules.items():
        alike.setdefault(json.dumps(said), []).append(path)
    return [
        {
            "op": "set",
            "layers": selector(in_graph_order(paths, state.graph), state.graph),
            "weights": json.loads(said),
        }
        for said, paths in alike.items()
    ]


def _short(rules: Mapping[str, Any], count: int) -> Any:
    """One rule for all the variables of a layer, `count` of them, where it is the same for all."""
    said = list(rules.values())
    if len(said) == count and all(rule == said[0] for rule in said):
        if isinstance(said[0], str):
            return said[0]
        return {OTHERS: said[0]} if count > 1 else dict(rules)
    return dict(rules)


def merged(steps: Sequence[Step]) -> tuple[Step, ...]:
    """The operations, those of `set` that speak of the same layers one after the other made one."""
    found: list[dict[str, Any]] = []
    for step in steps:
        twin = next(
            (s for s in found if s["op"] == step["op"] == "set" and s["layers"] == step["layers"]),
            None,
        )
        if twin is None or twin.keys() & step.keys() - {"op", "layers"}:
            found.append(dict(step))
        else:
            twin.update(step)
    return tuple(found)


def with_weights(found: Authored, before: Base, after: Base) -> tuple[Authored, tuple[str, ...]]:
    """What was found, with what has to be said of weights, and the layers whose values differ."""
    said = weighted(found, before, after)
    return replace(found, steps=merged(said.steps)), said.trained
