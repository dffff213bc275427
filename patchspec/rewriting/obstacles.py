"""What of a plan only a live model can do, so that the variant cannot be written without one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchspec.layers.table import layer_class
from patchspec.models.safety import check_safe
from patchspec.planning.known import BASE
from patchspec.planning.plan import Move, Plan
from patchspec.planning.shapes import same_config
from patchspec.problems import PatchError, refuse
from patchspec.rewriting.assets import layers_with_assets
from patchspec.rewriting.fitting import misfit
from patchspec.rewriting.optimizers import optimizer_state
from patchspec.rewriting.values import is_portable
from patchspec.weights.rules.identity import Identity

_SAVES_FILES = {"TextVectorization", "StringLookup", "IntegerLookup", "IndexLookup"}
LIVE = "the base is a live model"


def obstacle(plan: Plan) -> str | None:
    """Why the variant must be built to be written; none where its files alone are enough."""
    return next(obstacles(plan), None)


def check_weights(plan: Plan) -> None:
    """Refuse (PS910) a plan that takes values from a model that has none."""
    for name, model in {BASE: plan.base, **plan.models}.items():
        taken = any(source == name for move in plan.moves for source, _ in move.sources)
        if model.variables is None and (taken or not plan.moves):
            refuse(
                "PS910",
                f"`{model.origin}` holds no weights, so nothing can be built from it",
                hint=model.no_weights
                or "`patchspec plan` reviews a patch without weights; to apply it, give the file "
                "of its weights with `--weights`, or a model that holds them",
            )


def obstacles(plan: Plan) -> Iterator[str]:
    """Everything that stands in the way."""
    if plan.base.live is not None:
        yield LIVE
    if not plan.with_shapes or not plan.weights_known:
        yield "the plan does not know every variable"
    if any(check.holds is None for check in plan.checks):
        yield "`expect` compares values, for which both models run"
    if plan.document.get("compile_config") and not _optimizer_is_known(plan):
        yield "only Keras knows what its optimizer starts with"
    for move in plan.moves:
        if move.action != "dropped" and not _can_be_made(move, plan):
            yield f"the value of `{move.path}` is made by code of its layer"
    unlike = misfit(plan)
    if unlike is not None:
        yield f"the variables of `{unlike}` are not those that its config says"
    with_assets = layers_with_assets(plan)
    for layer in plan.graph.walk():
        if layer.is_operation or layer.is_input or layer.inner is not None:
            continue
        origin = plan.origins.get(layer.path)
        names = set(layer.class_names)
        if origin is None and (names & _SAVES_FILES or not all(map(layer_class, names))):
            yield f"`{layer.path}` may save more than its variables"
        before = None if origin is None else plan.base.graph.by_path[origin]
        if layer.path in with_assets and before is not None and not same_config(before, layer):
            yield f"what `{layer.path}` saves beside its variables depends on its config"


def _optimizer_is_known(plan: Plan) -> bool:
    """Whether all that the model is compiled with is Keras's, and how its optimizer starts."""
    try:
        check_safe(plan.document["compile_config"], (), plan.base.origin)
    except PatchError:
        return False
    return optimizer_state(plan) is not None


def _can_be_made(move: Move, plan: Plan) -> bool:
    if move.shape is None or move.dtype is None or move.dtype == "string":
        return False
    rules: list[Any] = [ruling.rule for ruling in move.pipeline]
    if any(isinstance(rule, Identity) for rule in rules) and not _is_own(move, plan):
        # The rule asks what holds the variable, which is a part of the layer.
        return False
    draws = any(rule.draws for rule in rules) if rules else move.action == "initialised"
    return is_portable(move) or not draws


def _is_own(move: Move, plan: Plan) -> bool:
    head, _, _ = move.path.rpartition("/vars/")
    return head in plan.graph.by_path
