"""The state of the optimizer: which trainable variable goes on with which slots of the base.

An optimizer keeps slots (momenta, say) for every trainable variable. They follow the variable, as
its value does: one that is kept goes on with its own, every other starts anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.planning.forgotten import has_lora
from patchspec.planning.known import BASE, Known
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import Problem


@dataclass(frozen=True, slots=True)
class GoesOn:
    """What becomes of the state of the base's optimizer."""

    carried: Mapping[str, str]
    """For each trainable variable that goes on with its slots, the variable of the base."""
    anew: tuple[str, ...]
    """The trainable variables that start with fresh slots."""
    dropped: tuple[str, ...]
    """The variables of the base whose slots go: they are gone, changed, or train no more."""


def goes_on(plan: Plan) -> GoesOn | None:
    """What becomes of the state; none where the base has none, or the variant no use for it.

    PS424 says so where an optimizer is replaced.
    """
    if not _had_state(plan) or not plan.weights_known or not keeps_optimizer(plan):
        return None
    trains = [move for move in plan.moves if move.action != "dropped" and move.trainable]
    known = None if plan.trained is None else set(plan.trained)
    carried = {
        move.path: source
        for move in trains
        if move.action == "kept"
        for model, source in move.sources
        if model == BASE and (known is None or source in known)
    }
    used = set(carried.values())
    return GoesOn(
        carried,
        tuple(move.path for move in trains if move.path not in carried),
        tuple(path for path in plan.trained or () if path not in used),
    )


def keeps_optimizer(plan: Plan) -> bool:
    """Whether the variant is compiled with the optimizer of the base, as it is."""
    was: Mapping[str, Any] = plan.base.document.get("compile_config") or {}
    now: Mapping[str, Any] = plan.document.get("compile_config") or {}
    return bool(now.get("optimizer")) and now.get("optimizer") == was.get("optimizer")


def _had_state(plan: Plan) -> bool:
    live = getattr(plan.base.live, "optimizer", None)
    return bool(plan.base.optimizer or (live is not None and live.built))


def optimizer_findings(plan: Plan) -> tuple[Finding, ...]:
    """That the optimizer's state is dropped, where the base has one and another is wanted."""
    compiled = plan.document.get("compile_config")
    if not _had_state(plan) or not compiled or keeps_optimizer(plan):
        return ()
    return (Finding(state_dropped("the optimizer is another one")),)


def state_dropped(reason: str) -> Problem:
    """PS424, with the reason."""
    return Problem(
        code="PS424",
        message=f"the optimizer's state is dropped: {reason}",
        hint="training starts with a fresh optimizer",
    )


def trained_variables(known: Known) -> tuple[str, ...] | None:
    """The trainable variables of the base, in the order in which its optimizer counts them.

    None where that is not certain: layers with parts have an order of their own.
    """
    base = known.base
    if base.trained is not None or not base.optimizer:
        return base.trained
    found: list[str] = []
    for layer in base.graph.walk():
        if layer.is_operation or layer.is_input or layer.inner is not None:
            continue
        specs = known.variables_of(BASE, layer.path)
        if specs is None or (layer.wrapped and specs) or has_lora(layer):
            return None
        for spec in specs:
            if not spec.name or spec.inner.rpartition("vars/")[0]:
                return None
            if spec.trainable and layer.config.get("trainable") is not False:
                found.append(f"{layer.path}/{spec.inner}")
    return tuple(found)
