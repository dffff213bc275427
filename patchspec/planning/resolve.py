"""Patches and a base come to a plan, and what the patches expect is held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from patchspec.language.patch import Patch
from patchspec.models.base import Base, Variable
from patchspec.planning.assembling import Setting, assembled
from patchspec.planning.expectations import check_expectations
from patchspec.planning.pins import check_models
from patchspec.planning.plan import Check, Plan
from patchspec.planning.shapes import Inferrer
from patchspec.problems import PatchError


def resolve(
    patches: Patch | Sequence[Patch],
    base: Base,
    *,
    inferrer: Inferrer | None = None,
    custom_objects: Sequence[str] = (),
    models: Mapping[str, Base] | None = None,
) -> Plan:
    """Everything that the patches will do to the base, checked as far as the inferrer can see.

    Each patch, those that it extends first, is resolved on what the one before left, and what it
    expects is held against that. Without an `inferrer` (Keras) the plan says nothing of shapes and
    of the variables of new layers. `models` are the other models that the patches name. Raises
    `PatchError` with a place.
    """
    given = (patches,) if isinstance(patches, Patch) else tuple(patches)
    listed = tuple(one for patch in given for one in patch.sequence)
    setting = Setting(inferrer, custom_objects, models or {})
    check_models(given, listed, base, setting.models)
    plan = assembled(listed, base, setting)
    checks: list[Check] = []
    for number, patch in enumerate(listed):
        if not patch.expect:
            continue
        try:
            found = check_expectations(patch.expect, plan_alone(plan, number, setting))
        except PatchError as error:
            raise PatchError(patch.source.place(error.problems)) from None
        checks += [replace(check, patch=number) for check in found]
    return replace(plan, checks=tuple(checks)) if checks else plan


def plan_alone(plan: Plan, number: int, setting: Setting) -> Plan:
    """The plan of one patch of several, on what those before it left."""
    if len(plan.patches) == 1:
        return plan
    before = assembled(plan.patches[:number], plan.base, setting)
    start = _base_after(before) if number else plan.base
    return assembled(plan.patches[number : number + 1], start, setting)


def _base_after(plan: Plan) -> Base:
    """What a plan leaves, as a model to start from, of which only the structure can be read."""

    def unread() -> NoReturn:
        raise AssertionError("a model that is not built has no values")

    variables = {
        move.path: Variable(
            move.path, move.shape or (), move.dtype or "", unread, move.name, move.trainable
        )
        for move in plan.moves
        if move.action != "dropped"
    }
    known = variables if plan.weights_known else None
    return Base(plan.document, known, plan.base.origin, opened=plan.base.opened)
