"""The live ending of a plan: a Keras model rebuilt from the config, with every variable placed.

The model is made in a scope in which Keras allocates nothing, and each variable gets its planned
value as its first. So nothing is initialised that will be overwritten, and no position in a list
decides where a weight goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from patchspec.building.door import check_keras, known_custom_objects, make, said_by
from patchspec.building.inference import KerasInferrer
from patchspec.building.optimizers import (
    UNSAVED,
    carry,
    give_state,
    parts,
    stored_parts,
    trained_by,
    variable_paths,
)
from patchspec.building.placing import place
from patchspec.building.scope import without_values
from patchspec.building.sharing import shared_model
from patchspec.building.shortcuts import no_collection
from patchspec.building.state import carry_state, changed_layers
from patchspec.building.subclasses import classes_of, document_of, functional_form, opened_inside
from patchspec.building.values import planned_value
from patchspec.building.variables import (
    Holder,
    as_view,
    holders,
    is_variable,
    shape_of,
)
from patchspec.graph.edits import plain
from patchspec.language.patch import Patch
from patchspec.models.base import Base, Opened, Variable
from patchspec.models.document import checked_document
from patchspec.models.safety import check_safe
from patchspec.planning.assembling import Setting
from patchspec.planning.forgotten import forgotten
from patchspec.planning.optimizing import goes_on, state_dropped
from patchspec.planning.plan import Finding, Move, Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError, Problem, refuse, some
from patchspec.rewriting.obstacles import check_weights
from patchspec.rewriting.optimizers import misfitting_state, optimizer_state

LIVE = "the live model"


def base_of(model: Any) -> Base:
    """The base that a live functional model is. The model is read, never changed."""
    check_keras()
    form = functional_form(model)
    opened = () if form is None else (Opened("", type(model).__name__),)
    try:
        document = json.loads(model.to_json()) if form is None else document_of(form)
    except Exception as error:  # noqa: BLE001 (a layer's `get_config` can raise anything)
        refuse("PS909", f"{LIVE} has no config: {said_by(error)}")
    compiled = model.get_compile_config() if getattr(model, "compiled", False) else None
    if compiled:
        document["compile_config"] = json.loads(json.dumps(compiled))
    checked_document(document, LIVE)
    variables = {v.path: v for holder in holders(model) for v in _variables(holder)}
    trained = trained_by(getattr(model, "optimizer", None), model)
    return Base(document, variables, LIVE, live=model, opened=opened, trained=trained)


def _variables(holder: Holder) -> Iterator[Variable]:
    for number, value in holder.own().items():
        own = is_variable(value)
        yield Variable(
            holder.variable_path(number),
            shape_of(value),
            keras.backend.standardize_dtype(value._dtype if own else value.dtype),
            _reader(value),
            value.name if own else None,
            _trains(value, holder) if own else None,
        )


def _trains(variable: Any, holder: Holder) -> bool:
    """Whether a variable trains where its layer does, which is said by the layer's config."""
    if holder.path != holder.layer:
        return bool(variable.trainable)
    return any(variable is one for one in holder.saveable._trainable_variables)


def _reader(value: Any) -> Callable[[], np.ndarray[Any, Any]]:
    return lambda: as_view(value)


def known_classes(base: Base, custom_objects: Mapping[str, Any] | None) -> dict[str, Any]:
    """The custom objects that the user gave, under them the classes that came with the base."""
    found: dict[str, Any] = {} if base.live is None else classes_of(base.live)
    for opened in base.opened:
        found |= opened.classes
    return {**found, **(custom_objects or {})}


def resolve_with_keras(
    patches: Patch | Sequence[Patch],
    base: Base,
    custom_objects: Mapping[str, Any] | None = None,
    models: Mapping[str, Base] | None = None,
) -> Plan:
    """`resolve` with shapes, dtypes and variables inferred by Keras."""
    listed = (patches,) if isinstance(patches, Patch) else tuple(patches)
    base = opened_inside(base, listed, known_classes(base, custom_objects))
    setting = setting_for(base, custom_objects, models or {})
    return resolve(
        patches,
        base,
        inferrer=setting.inferrer,
        custom_objects=setting.custom_objects,
        models=setting.models,
    )


def setting_for(
    base: Base, custom_objects: Mapping[str, Any] | None, models: Mapping[str, Base]
) -> Setting:
    """What a plan is made with where Keras is there."""
    given = known_classes(base, custom_objects)
    return Setting(KerasInferrer(given), sorted(known_custom_objects(given)), models)


@dataclass(frozen=True)
class Built:
    """A model built from a plan, and what could not be carried into it as the plan says."""

    model: Any
    findings: tuple[Finding, ...]


def build_model(
    plan: Plan, custom_objects: Mapping[str, Any] | None = None, *, share: bool = False
) -> Built:
    """The variant as a live Keras model on the current backend; the base is not touched.

    With `share` the layers that stay are those of the base: see `sharing`.

    Raises PS411 where Keras refuses the whole where it took the parts, PS508 where a variable of
    the base is missing or has another shape than the config says.
    """
    check_keras()
    check_weights(plan)
    given = known_classes(plan.base, custom_objects)
    check_safe(plan.document, known_custom_objects(given), plan.base.origin)
    if share:
        model = shared_model(plan, given)
        findings = [*_place_variables(plan, model, only=lambda path: plan.origins[path] is None)]
        return Built(model, (*findings, *_compile(plan, model, given)))
    document = {**plan.written_document, "compile_config": None}
    with no_collection():
        try:
            model = without_values(lambda: make(document, given))
        except Exception as error:  # noqa: BLE001 (whatever Keras raises is the answer)
            refuse("PS411", f"Keras cannot rebuild the patched model: {said_by(error)}")
        findings = [*_place_variables(plan, model)]
        findings += forgotten(plan)
        carry_state(plan, model)
    findings += _compile(plan, model, given)
    return Built(model, tuple(findings))


def _place_variables(
    plan: Plan, model: Any, only: Callable[[str], bool] = lambda _: True
) -> Iterator[Finding]:
    moves = {
        move.path: move
        for move in plan.moves
        if move.action != "dropped" and only(plan.graph.holding(move.path).path)
    }

    def value(holder: Holder, number: str, variable: Any) -> Any:
        move = moves.pop(holder.variable_path(number), None)
        return _value(move, plan, holder, variable)

    place(model, value, only)
    if moves:
        refuse("PS508", f"the rebuilt model has no variable {some(moves)}")
    for move in plan.moves:
        if move.action == "initialised" and move.initializer is None and not move.pipeline:
            problem = Problem(
                code="PS506",
                message=f"the initial value of `{move.path}` comes from code of its layer and may "
                "differ on another machine",
            )
            yield Finding(problem, move.place)


def _value(move: Move | None, plan: Plan, holder: Holder, variable: Any) -> Any:
    if move is None:
        refuse(
            "PS508",
            f"the base has no value for a variable of `{holder.layer}`",
            hint="its file is not whole",
        )
    return planned_value(move, plan, holder, variable)


def _compile(plan: Plan, model: Any, given: Mapping[str, Any]) -> Iterator[Finding]:
    compiled = plan.document.get("compile_config")
    if not compiled:
        return
    try:
        with keras.saving.CustomObjectScope(dict(given)):
            # Keras puts the objects that it makes into what it is given.
            model.compile_from_config(plain(compiled))
        unlike = _carry_optimizer(plan, model, given)
        if unlike:
            yield Finding(unlike)
    except Exception as error:
        wanting = [patch for patch in plan.patches if patch.compile not in (None, "drop")]
        if wanting:
            message = f"the variant cannot be compiled as `compile` says: {said_by(error)}"
            said = [Problem(code="PS429", message=message, at=("compile",))]
            raise PatchError(wanting[-1].source.place(said)) from error
        problem = Problem(
            code="PS423",
            message=f"the compile configuration is dropped: {said_by(error)}",
            hint="give its custom objects, or compile the variant anew",
        )
        yield Finding(problem)


def _carry_optimizer(plan: Plan, model: Any, given: Mapping[str, Any]) -> Problem | None:
    """Give the optimizer what the base's remembers; says so where the file holds another's."""
    fate = goes_on(plan)
    if fate is None:
        return None
    paths = variable_paths(model)
    carried = {**fate.carried, **dict(_unsaved(plan, paths))}
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    if plan.base.live is not None:
        live = plan.base.live
        carry(
            parts(model.optimizer, paths),
            parts(live.optimizer, variable_paths(live)),
            carried,
        )
        return None
    known = optimizer_state(plan)
    if known is not None:
        give_state(model.optimizer, {path: one.read() for path, one in known.items()})
        return next((finding.problem for finding in misfitting_state(plan)), None)
    theirs = _stored_optimizer(plan, given)
    if theirs is None:
        return state_dropped("the file holds that of other variables than train in it")
    carry(parts(model.optimizer, paths), theirs, carried)
    return None


def _unsaved(plan: Plan, paths: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """The variables that no file holds of layers that stay as they are, with their paths before."""
    changed = changed_layers(plan)
    for path in paths.values():
        if UNSAVED in path:
            layer = plan.graph.holding(path).path
            origin = plan.origins.get(layer)
            if origin is not None and layer not in changed:
                yield path, f"{origin}{path.removeprefix(layer)}"


def _stored_optimizer(plan: Plan, given: Mapping[str, Any]) -> Mapping[Any, Any] | None:
    """What the base's file holds of its optimizer, by what it is."""
    document = {**plan.base.document, "compile_config": None}
    like = without_values(lambda: make(document, given))
    optimizer = make(plan.base.document["compile_config"]["optimizer"], given)
    return stored_parts(optimizer, like, plan.base.optimizer)
