"""A plan as text for a reviewer, and as JSON for a program."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from patchspec.graph.edits import pointer_string
from patchspec.graph.graph import Layer
from patchspec.planning.plan import FORMAT, Change, Move, Place, Plan, weight_rows
from patchspec.problems import some
from patchspec.review.problems import problem_json, problem_text
from patchspec.review.style import PLAIN, Style, clean, number, plural, table

_SYMBOLS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "replaced": ("-/+", "yellow"),
    "changed": ("~", "yellow"),
}
MANY = 12
"""How many layers of a kind are listed before the rest is counted."""


def plan_text(plan: Plan, style: Style = PLAIN) -> str:
    """The plan: the steps and what they hit, layers, outputs, parameters, weights, findings."""
    lines = [*_title(plan, style), ""]
    for p in range(len(plan.patches)):
        lines += _steps(plan, p, style)
    lines += [*_layers(plan, style), *_outputs(plan, style), *_numbers(plan, style)]
    for finding in plan.findings:
        kind = "accepted" if finding.allowed else "finding"
        lines += [problem_text(finding.problem, style, kind), ""]
    return "\n".join([*lines, _verdict(plan, style)])


def _title(plan: Plan, style: Style) -> Iterator[str]:
    names = " + ".join(patch.name or "patch" for patch in plan.patches) or "no patch"
    yield style(f"Plan: {clean(names)}", "bold") + f" on {clean(plan.base.origin)}"
    for patch in plan.patches:
        if patch.description:
            yield f"  {clean(patch.description)}"


def _steps(plan: Plan, p: int, style: Style) -> Iterator[str]:
    patch = plan.patches[p]
    if patch.steps:
        yield style("Steps", "bold")
    for s, step in enumerate(patch.steps):
        changes = _of(plan, Place(p, s))
        targets = list(dict.fromkeys(change.target for change in changes if change.target))
        count = sum(len(change.edits) for change in changes)
        at = patch.source.span(step.at)
        place = f"line {at.line}" if at else ""
        label = f" {step.id}" if step.id else ""
        aside = style(f"({place}, {plural(count, 'edit')})", "dim")
        yield f"  {s + 1}. {style(step.op, 'blue')}{label}  {aside}"
        if step.why:
            yield f"     {clean(step.why)}"
        if targets:
            kind = plural(len(targets), "match", "matches")
            yield f"     {kind}: {clean(some(targets, MANY))}"
    if patch.steps:
        yield ""


def _of(plan: Plan, place: Place | None) -> list[Change]:
    return [change for change in plan.changes if change.place == place]


def _layers(plan: Plan, style: Style) -> Iterator[str]:
    summary = plan.layers
    if not summary:
        return
    yield style("Layers", "bold")
    after, before = plan.graph.layers, plan.base.graph.layers
    kinds = {
        "added": [(name, after[name].class_name) for name in summary.added],
        "replaced": [
            (f"{old} -> {new}" if old != new else new, _classes(before[old], after[new]))
            for old, new in summary.replaced
        ],
        "changed": _alike([(name, _changed(plan, name)) for name in summary.changed]),
        "removed": [(name, before[name].class_name) for name in summary.removed],
    }
    for kind, rows in kinds.items():
        symbol, colour = _SYMBOLS[kind]
        for name, what in rows[:MANY]:
            yield f"  {style(f'{symbol:>3} {kind:<8}', colour)} {clean(name)}  {clean(what)}"
        if len(rows) > MANY:
            yield f"      {kind:<8} ... and {len(rows) - MANY} more"
    for old, new in summary.renamed[:MANY]:
        yield f"  {style('  ~ renamed ', 'yellow')} {clean(old)} -> {clean(new)}"
    if len(summary.renamed) > MANY:
        yield f"      renamed  ... and {len(summary.renamed) - MANY} more"
    yield ""


def _alike(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Layers of which the same is said, in one row."""
    names: dict[str, list[str]] = {}
    for name, said in rows:
        names.setdefault(said, []).append(name)
    return [
        (found[0], said)
        if len(found) == 1
        else (plural(len(found), "layer"), f"{said} ({some(found, MANY)})")
        for said, found in names.items()
    ]


def _classes(old: Layer, new: Layer) -> str:
    same = old.class_name == new.class_name
    return new.class_name if same else f"{old.class_name} -> {new.class_name}"


def _changed(plan: Plan, name: str) -> str:
    """Which keys of a layer's config change, from what to what."""
    before = plan.base.graph.layers[str(plan.origins[name])].config
    after = plan.graph.layers[name].config
    said = []
    for key in {**before, **after}:
        if key not in ("name", "layers") and before.get(key) != after.get(key):
            said.append(f"{key} {_value(before.get(key))} -> {_value(after.get(key))}")
        elif key == "layers" and before.get(key) != after.get(key):
            said.append("layers inside")
    return ", ".join(said[:4])


def _value(value: Any) -> str:
    if isinstance(value, dict):
        name = value.get("config", {}).get("name") if value.get("class_name") else None
        return str(name or value.get("class_name") or "{...}")
    return json.dumps(value)


def _outputs(plan: Plan, style: Style) -> Iterator[str]:
    before = {str(slot.tensor) for slot in plan.base.graph.outputs}
    yield style("Outputs", "bold")
    rows = []
    for output in plan.outputs:
        new = "" if output.tensor in before else "new"
        shape = str(output.spec) if output.spec else "?"
        rows.append((f"  {clean(output.name)}", clean(output.tensor), shape, new))
    yield from table(rows)
    yield ""


def _numbers(plan: Plan, style: Style) -> Iterator[str]:
    before, after = plan.parameters["before"], plan.parameters["after"]
    yield style("Parameters", "bold")
    trainable = f", {number(after['trainable'])} of them trainable" if plan.weights_known else ""
    yield f"  {number(before['total'])} -> {number(after['total'])}{trainable}"
    counts = {
        a: [m for m in plan.moves if m.action == a] for a in ("kept", "initialised", "dropped")
    }
    said = [_count(moves, action) for action, moves in counts.items() if moves]
    if not plan.weights_known:
        said.append("those of new layers are not known without shapes")
    yield style("Variables", "bold")
    yield f"  {'; '.join(said) or 'none known'}"
    refresh = sum(len(change.edits) for change in _of(plan, None))
    if refresh:
        yield style(
            f"  ({plural(refresh, 'edit')} refresh recorded shapes behind the changes)", "dim"
        )
    yield ""


def _count(moves: list[Move], action: str) -> str:
    return f"{len(moves):,} {action} ({sum(move.size for move in moves):,} values)"


def _verdict(plan: Plan, style: Style) -> str:
    if plan.is_identity:
        return style("No changes: the variant is the base.", "bold")
    s = plan.layers
    text = (
        f"Plan: {len(s.added)} to add, {len(s.changed)} to change, {len(s.replaced)} to replace, "
        f"{len(s.removed)} to remove"
    )
    return style(f"{text}; {plural(len(plan.json_patch), 'RFC 6902 operation')}.", "bold")


def plan_json(plan: Plan, *, with_config: bool = False) -> dict[str, Any]:
    """The plan for programs; `schemas/plan.schema.json` describes it."""
    summary = plan.layers
    said: dict[str, Any] = {
        "format": FORMAT,
        "digest": plan.digest,
        "changes": not plan.is_identity,
        "with_shapes": plan.with_shapes,
        "weights_known": plan.weights_known,
        "base": {
            "origin": plan.base.origin,
            "architecture": plan.base.architecture,
            "state": plan.base.state,
        },
        "architecture": plan.architecture,
        "patches": [
            {
                "name": patch.name,
                "file": patch.source.file,
                "digest": patch.digest,
                "seed": patch.seed,
            }
            for patch in plan.patches
        ],
        "summary": {
            "added": list(summary.added),
            "removed": list(summary.removed),
            "changed": list(summary.changed),
            "replaced": [{"from": old, "to": new} for old, new in summary.replaced],
            "renamed": [{"from": old, "to": new} for old, new in summary.renamed],
        },
        "steps": [
            _step_json(plan, Place(p, s))
            for p, patch in enumerate(plan.patches)
            for s in range(len(patch.steps))
        ],
        "json_patch": plan.json_patch,
        "weights": weight_rows(plan),
        "outputs": [
            {
                "name": output.name,
                "tensor": output.tensor,
                "shape": list(output.spec.shape) if output.spec else None,
                "dtype": output.spec.dtype if output.spec else None,
            }
            for output in plan.outputs
        ],
        "parameters": {key: dict(value) for key, value in plan.parameters.items()},
        "findings": [{**problem_json(f.problem), "allowed": f.allowed} for f in plan.findings],
    }
    if with_config:
        said["config"] = plan.document
    return said


def _step_json(plan: Plan, place: Place) -> dict[str, Any]:
    patch = plan.patches[place.patch]
    step = patch.steps[place.step]
    span = patch.source.span(step.at)
    changes = _of(plan, place)
    return {
        "patch": place.patch,
        "step": place.step,
        "op": step.op,
        "id": step.id,
        "why": step.why,
        "file": patch.source.file,
        "line": span.line if span else None,
        "targets": [change.target for change in changes if change.target],
        "edits": [
            {"op": edit.op, "path": pointer_string(edit.path)}
            for change in changes
            for edit in change.edits
        ],
    }
