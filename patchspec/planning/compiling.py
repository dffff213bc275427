"""The compile configuration: whether it still fits the outputs, and under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import Problem, did_you_mean, refuse, some

KEYED = ("loss", "loss_weights", "metrics", "weighted_metrics")


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of the compile configuration."""

    config: Mapping[str, Any]
    """As it is afterwards; empty where there is none."""
    edits: tuple[Edit, ...]
    dropped: Problem | None = None
    """Why it is dropped, or some of it, where nobody said that it should be."""


def carried_compile(
    document: Mapping[str, Any], before: Graph, after: Graph, said: Any = None
) -> Carried:
    """The compile configuration after a patch, as far as it fits or as `said` has it.

    It fits while the outputs have the structure that they had; what is keyed by the name of an
    output follows the output in its place. PS429 where `said` wants what cannot be.
    """
    compiled: Mapping[str, Any] = document.get("compile_config") or {}
    if said == "drop":
        return _replaced(compiled, {})
    if said == "keep" and not compiled:
        refuse("PS429", "the base is not compiled, so there is nothing to keep", at=("compile",))
    was, now = before.config["output_layers"], after.config["output_layers"]
    fits = _structure(was) == _structure(now)
    if isinstance(said, Mapping):
        return _given(compiled, said, before, after, fits=fits)
    if not compiled:
        return Carried({}, ())
    if fits:
        moved = dict(_renamed(compiled, _names(before, after)))
        found = tuple(edits.replace(("compile_config", key), v) for key, v in moved.items())
        return Carried({**compiled, **moved}, found)
    reason = "the outputs of the model have another structure than it was compiled for"
    if said == "keep":
        message = f"the compile configuration cannot be kept: {reason}"
        hint = "`compile: {loss: ...}` says what the new outputs are trained for"
        refuse("PS429", message, at=("compile",), hint=hint)
    problem = Problem(
        code="PS423",
        message=f"the compile configuration is dropped: {reason}",
        hint="compile the variant anew, or say `compile: {loss: ...}` in the patch",
    )
    return Carried({}, (edits.replace(("compile_config",), {}),), problem)


def _replaced(compiled: Mapping[str, Any], config: Mapping[str, Any]) -> Carried:
    changed = dict(compiled) != dict(config)
    return Carried(config, (edits.add(("compile_config",), dict(config)),) if changed else ())


def _given(
    compiled: Mapping[str, Any],
    said: Mapping[str, Any],
    before: Graph,
    after: Graph,
    *,
    fits: bool,
) -> Carried:
    """The configuration with what is said in the place of what was."""
    names = end_names(after.outputs)
    for key in KEYED:
        own = said.get(key)
        for name in own if isinstance(own, Mapping) and "class" not in own else ():
            if name not in names:
                hint = did_you_mean(name, names) or f"the outputs are {some(names)}"
                at = ("compile", key, name)
                refuse("PS429", f"no output is called `{name}`", at=at, on="key", hint=hint)
    written = {key: _object(KINDS.get(key, "metrics"), value) for key, value in said.items()}
    kept = dict(compiled) | (dict(_renamed(compiled, _names(before, after))) if fits else {})
    lost = () if fits else tuple(key for key in KEYED if kept.get(key) and key not in written)
    for key in lost:
        kept[key] = None
    missing = [key for key in ("optimizer", "loss") if not {**kept, **written}.get(key)]
    if missing:
        what = " and ".join(f"`{key}`" for key in missing)
        reason = "of the base does not fit the new outputs" if compiled else "is not in the base"
        refuse("PS429", f"{what} must be given: it {reason}", at=("compile",))
    carried = _replaced(compiled, {**kept, **written})
    if not lost:
        return carried
    message = f"{', '.join(lost)} of the compile configuration: they do not fit the new outputs"
    return replace(carried, dropped=Problem(code="PS423", message=f"dropped are {message}"))


KINDS = {"optimizer": "optimizers", "loss": "losses"}


def _object(kind: str, value: Any) -> Any:
    """Keras objects in their serialised form, at any depth; a name alone stays one."""
    if isinstance(value, list):
        return [_object(kind, item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "class" not in value:
        return {key: _object(kind, item) for key, item in value.items()}
    name = str(value["class"])
    registered = ">" in name
    return {
        "module": None if registered else f"keras.{kind}",
        "class_name": name.rpartition(">")[2],
        "config": _object(f"{kind}.schedules", value.get("config", {})),
        "registered_name": name if registered else None,
    }


def _names(before: Graph, after: Graph) -> dict[str, str]:
    return dict(zip(end_names(before.outputs), end_names(after.outputs), strict=True))


def _structure(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _structure(item) for key, item in value.items()}
    if value and isinstance(value[0], str):
        return None
    return [_structure(item) for item in value]


def _renamed(
    compiled: Mapping[str, Any], names: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is keyed by names of outputs, under their names afterwards, where those differ."""
    for key in KEYED:
        said = compiled.get(key)
        if not isinstance(said, Mapping) or "class_name" in said:
            continue
        moved = {names.get(name, name): value for name, value in said.items()}
        if list(moved) != list(said):
            yield key, moved


def optimizer_fits(plan: Plan) -> bool:
    """Whether the saved state of the optimizer still belongs to the variables in their order.

    An optimizer saves a slot for every trainable variable, by number.
    """
    if not plan.document.get("compile_config") or not plan.weights_known:
        return False
    if any(move.action != "kept" for move in plan.moves):
        return False
    before = plan.base.document.get("compile_config") or {}
    if before.get("optimizer") != plan.document["compile_config"].get("optimizer"):
        return False
    after = [origin for path in plan.graph.by_path if (origin := plan.origins.get(path))]
    was = [path for path in plan.base.graph.by_path if path in set(after)]
    flags = [change for change in plan.changes for edit in change.edits if "trainable" in edit.path]
    return after == was and not flags


def optimizer_findings(plan: Plan) -> tuple[Finding, ...]:
    """That the optimizer's state is dropped, where the base has one and it no longer fits."""
    live = getattr(plan.base.live, "optimizer", None)
    had = plan.base.optimizer or (live is not None and live.variables)
    compiled = plan.document.get("compile_config")
    if not had or not compiled or not plan.weights_known or optimizer_fits(plan):
        return ()
    problem = Problem(
        code="PS424",
        message="the optimizer's state is dropped: it, or the variables it belongs to, changed",
        hint="training starts with a fresh optimizer",
    )
    return (Finding(problem),)
