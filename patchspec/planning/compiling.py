"""The compile configuration: whether it still fits the outputs, and under which names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.planning.ends import Came, structure
from patchspec.planning.labels import (
    KEYED,
    Named,
    by_output,
    moved,
    named_ends,
    new_labels,
    pairs,
    spelled,
)
from patchspec.problems import Problem, did_you_mean, refuse, some


@dataclass(frozen=True, slots=True)
class Carried:
    """What becomes of the compile configuration."""

    config: Mapping[str, Any]
    """As it is afterwards; empty where there is none."""
    edits: tuple[Edit, ...]
    findings: tuple[Problem, ...] = ()
    """What is dropped of it where nobody said that it should be; what `fit` must be given."""


def carried_compile(
    document: Mapping[str, Any], before: Graph, after: Graph, came: Came, said: Any = None
) -> Carried:
    """The compile configuration after a patch, as far as it fits or as `said` has it.

    What it says of an output follows that output (`came`); a new one has no loss, and what it said
    of one that is gone goes too. PS429 where `said` wants what cannot be.
    """
    compiled: Mapping[str, Any] = document.get("compile_config") or {}
    if said == "drop":
        return _replaced(compiled, {})
    if said == "keep" and not compiled:
        refuse("PS429", "the base is not compiled, so there is nothing to keep", at=("compile",))
    kept = _kept(compiled, before, after, came) if compiled else Carried({}, ())
    if isinstance(said, Mapping):
        return _given(compiled, kept, said, named_ends(after))
    lost = [problem for problem in kept.findings if problem.code == "PS423"]
    if said == "keep" and lost:
        message = f"the compile configuration cannot be kept: {lost[0].message}"
        hint = "`compile: {loss: ...}` says what the new outputs are trained for"
        refuse("PS429", message, at=("compile",), hint=hint)
    return kept


def _replaced(compiled: Mapping[str, Any], config: Mapping[str, Any]) -> Carried:
    changed = dict(compiled) != dict(config)
    return Carried(config, (edits.add(("compile_config",), dict(config)),) if changed else ())


def _kept(compiled: Mapping[str, Any], before: Graph, after: Graph, came: Came) -> Carried:
    """The configuration with what is said of outputs where they are afterwards."""
    was, now = named_ends(before), named_ends(after)
    same = came == tuple(range(len(was.names))) and structure(
        before.config["output_layers"]
    ) == structure(after.config["output_layers"])
    if same and was.names == now.names:
        return Carried(compiled, ())
    if same:
        # Outputs have other names, no more: whatever form it has stays.
        names = dict(zip(was.names, now.names, strict=True))
        found = {key: _renamed(compiled[key], names) for key in KEYED if key in compiled}
    elif "deep" in (was.form, now.form):
        return _dropped("its outputs are nested more than once, and have another structure now")
    else:
        by_key = {key: by_output(compiled.get(key), key, was) for key in KEYED}
        unclear = [key for key, value in by_key.items() if value is None]
        if unclear:
            return _dropped(f"what {some(unclear)} says is not said output by output")
        origins = pairs(was, now, came)
        carried = {key: moved(value or {}, origins) for key, value in by_key.items()}
        if not carried["loss"]:
            return _dropped("no output that it has a loss for is left")
        found = {key: spelled(carried[key], key, now) for key in KEYED if key in compiled}
    config = {**compiled, **found}
    changed = {key: value for key, value in found.items() if value != compiled[key]}
    made = tuple(edits.replace(("compile_config", key), value) for key, value in changed.items())
    return Carried(config, made, tuple(_noticed(compiled, was, now, came)))


def _noticed(compiled: Mapping[str, Any], was: Named, now: Named, came: Came) -> list[Problem]:
    """What goes with outputs that are gone, and what `fit` must be given from now on."""
    found = []
    gone = [name for index, name in enumerate(was.names) if index not in came]
    trained = by_output(compiled.get("loss"), "loss", was)
    lost = [
        f"{key} of `{name}`"
        for name in gone
        for key in KEYED
        if name in (by_output(compiled.get(key), key, was) or {})
    ]
    if lost:
        message = f"dropped from the compile configuration, with the outputs: {', '.join(lost)}"
        found.append(Problem(code="PS423", message=message))
    labels = None if trained is None else new_labels(compiled, was, now, came, trained)
    if labels is not None:
        found.append(
            Problem(
                code="PS430",
                message=f"breaking: `fit` and `evaluate` want other labels, {labels}",
                hint="the variant cannot take the place of the base where it is trained",
            )
        )
    return found


def _dropped(reason: str) -> Carried:
    problem = Problem(
        code="PS423",
        message=f"the compile configuration is dropped: {reason}",
        hint="compile the variant anew, or say `compile: {loss: ...}` in the patch",
    )
    return Carried({}, (edits.replace(("compile_config",), {}),), (problem,))


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """What is keyed by names of outputs, under their names afterwards."""
    if not isinstance(value, Mapping) or "class_name" in value:
        return value
    return {names.get(name, name): one for name, one in value.items()}


def _given(
    compiled: Mapping[str, Any], kept: Carried, said: Mapping[str, Any], now: Named
) -> Carried:
    """The configuration with what is said in the place of what was."""
    for key in KEYED:
        own = said.get(key)
        for name in own if isinstance(own, Mapping) and "class" not in own else ():
            if name not in now.names:
                hint = did_you_mean(name, now.names) or f"the outputs are {some(now.names)}"
                at = ("compile", key, name)
                refuse("PS429", f"no output is called `{name}`", at=at, on="key", hint=hint)
    written = {key: _object(KINDS.get(key, "metrics"), value) for key, value in said.items()}
    # What fits no output is gone; the optimizer and the rest of the settings fit any.
    base = kept.config or {**compiled, **dict.fromkeys(KEYED)}
    lost = [
        key
        for key in KEYED
        if compiled.get(key) and not kept.config.get(key) and key not in written
    ]
    config = {**base, **written} if compiled else dict(written)
    missing = [key for key in ("optimizer", "loss") if not config.get(key)]
    if missing:
        what = " and ".join(f"`{key}`" for key in missing)
        reason = "of the base does not fit the new outputs" if compiled else "is not in the base"
        refuse("PS429", f"{what} must be given: it {reason}", at=("compile",))
    # What is kept for lack of another says what it lost; labels are as a given loss wants them.
    findings = [p for p in kept.findings if kept.config and "loss" not in written]
    if lost:
        message = f"{', '.join(lost)} of the compile configuration: they do not fit the new outputs"
        findings.append(Problem(code="PS423", message=f"dropped are {message}"))
    carried = _replaced(compiled, config)
    return Carried(carried.config, carried.edits, tuple(findings))


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
