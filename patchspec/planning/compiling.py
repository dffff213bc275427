"""The compile configuration: whether it still fits the outputs, and under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import Problem

KEYED = ("loss", "loss_weights", "metrics", "weighted_metrics")


def compile_edits(
    document: Mapping[str, Any], before: Graph, after: Graph
) -> tuple[list[Edit], str | None]:
    """The edits that carry the compile configuration over, or why it is dropped.

    It fits while the outputs have the structure that they had; what is keyed by the name of an
    output follows the output in its place.
    """
    compiled = document.get("compile_config")
    if not compiled:
        return [], None
    was, now = before.config["output_layers"], after.config["output_layers"]
    if _structure(was) != _structure(now):
        reason = "the outputs of the model have another structure than it was compiled for"
        return [edits.replace(("compile_config",), {})], reason
    names = dict(zip(end_names(before.outputs), end_names(after.outputs), strict=True))
    return list(_renamed(compiled, names)), None


def _structure(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _structure(item) for key, item in value.items()}
    if value and isinstance(value[0], str):
        return None
    return [_structure(item) for item in value]


def _renamed(compiled: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Edit]:
    """Keys that name an output, in order of the edits that cannot collide."""
    for key in KEYED:
        said = compiled.get(key)
        if not isinstance(said, Mapping) or "class_name" in said:
            continue
        moved = {names.get(name, name): value for name, value in said.items()}
        if list(moved) != list(said):
            yield edits.replace(("compile_config", key), moved)


def optimizer_fits(plan: Plan) -> bool:
    """Whether the saved state of the optimizer still belongs to the variables in their order.

    An optimizer saves a slot for every trainable variable, by number.
    """
    if not plan.document.get("compile_config") or not plan.weights_known:
        return False
    if any(move.action != "kept" for move in plan.moves):
        return False
    after = [origin for path in plan.graph.by_path if (origin := plan.origins.get(path))]
    before = [path for path in plan.base.graph.by_path if path in set(after)]
    flags = [change for change in plan.changes for edit in change.edits if "trainable" in edit.path]
    return after == before and not flags


def optimizer_findings(plan: Plan) -> tuple[Finding, ...]:
    """That the optimizer's state is dropped, where the base has one and it no longer fits."""
    live = getattr(plan.base.live, "optimizer", None)
    had = plan.base.optimizer or (live is not None and live.variables)
    compiled = plan.document.get("compile_config")
    if not had or not compiled or not plan.weights_known or optimizer_fits(plan):
        return ()
    problem = Problem(
        code="PS424",
        message="the optimizer's state is dropped: the variables it belongs to have changed",
        hint="training starts with a fresh optimizer",
    )
    return (Finding(problem),)
