"""A plan as text for a reviewer, and as JSON for a program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from patchspec.graph.edits import pointer_string
from patchspec.planning.plan import (
    ACTIONS,
    FORMAT,
    Change,
    Check,
    Move,
    Place,
    Plan,
    transfer,
    weight_rows,
)
from patchspec.problems import some
from patchspec.review.problems import problem_json, problem_text
from patchspec.review.rows import (
    SYMBOLS,
    LayerRow,
    check_sentences,
    form_sentences,
    input_rows,
    layer_rows,
    output_rows,
    weight_rows_told,
)
from patchspec.review.style import PLAIN, Style, clean, fitted, number, plural, table
from patchspec.review.training import training_json, training_sentences


def plan_text(plan: Plan, style: Style = PLAIN) -> str:
    """The plan: the steps and what they hit, layers, outputs, parameters, weights, findings."""
    lines = [*_title(plan, style), "", *_forms(plan)]
    for p in range(len(plan.patches)):
        lines += _steps(plan, p, style)
    lines += [*_layers(plan, style), *_ends(plan, style), *_weights(plan, style)]
    lines += [*_numbers(plan, style), *_training(plan, style), *_checks(plan, style)]
    for finding in plan.findings:
        kind = "accepted" if finding.allowed else "finding"
        lines += [problem_text(finding.problem, style, kind), ""]
    return fitted("\n".join([*lines, _verdict(plan, style)]), style.width)


def _room(style: Style) -> int | None:
    """The columns that a table has, which stands a little to the right."""
    return None if style.width is None else style.width - 2


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
            yield f"     {kind}: {clean(some(targets, style.many))}"
    if patch.steps:
        yield ""


def _of(plan: Plan, place: Place | None) -> list[Change]:
    return [change for change in plan.changes if change.place == place]


def _forms(plan: Plan) -> Iterator[str]:
    said = [f"  {clean(text)}" for text in form_sentences(plan)]
    yield from [*said, ""] if said else []


def _layers(plan: Plan, style: Style) -> Iterator[str]:
    rows = layer_rows(plan.lineage, style.many)
    if not rows:
        return
    yield from (style("Layers", "bold"), *layer_lines(rows, style), "")


def layer_lines(rows: Sequence[LayerRow], style: Style) -> Iterator[str]:
    """What becomes of layers, kind by kind, each with its sign and a word."""
    for kind in SYMBOLS:
        symbol, colour = SYMBOLS[kind]
        own = [row for row in rows if row.kind == kind]
        for row in own[: style.many]:
            said = f"{clean(row.name)}  {clean(row.what)}".rstrip()
            yield f"  {style(f'{symbol:>3} {kind:<8}', colour)} {said}"
        if style.many is not None and len(own) > style.many:
            yield f"      {kind:<8} ... and {len(own) - style.many} more"


def _ends(plan: Plan, style: Style) -> Iterator[str]:
    for title, rows in (
        ("Inputs", input_rows(plan.lineage)),
        ("Outputs", output_rows(plan.lineage, plan.output_specs)),
    ):
        if title == "Outputs" or any(row.note for row in rows):
            yield style(title, "bold")
            cells = [(clean(row.name), clean(row.tensor), row.spec, row.note) for row in rows]
            yield from (f"  {line}" for line in table(cells, width=_room(style)))
            yield ""


def _weights(plan: Plan, style: Style) -> Iterator[str]:
    rows = weight_rows_told(plan)
    if not rows:
        return
    yield style("Weights", "bold")
    cells = [(row.action, clean(row.name), row.shape, clean(row.rule)) for row in rows]
    yield from (f"  {line}" for line in table(cells[: style.many], width=_room(style)))
    if style.many is not None and len(rows) > style.many:
        yield f"  ... and {len(rows) - style.many} more"
    yield ""


def _training(plan: Plan, style: Style) -> Iterator[str]:
    said = [f"  {clean(text)}" for text in training_sentences(plan)]
    yield from [style("Training", "bold"), *said, ""] if said and not plan.is_identity else []


def _checks(plan: Plan, style: Style) -> Iterator[str]:
    said = "; ".join(check_sentences(plan.checks))
    yield from [style("Expectations", "bold"), f"  {said}", ""] if said else []


def _numbers(plan: Plan, style: Style) -> Iterator[str]:
    before, after = plan.parameters["before"], plan.parameters["after"]
    yield style("Parameters", "bold")
    trainable = f", {number(after['trainable'])} of them trainable" if plan.weights_known else ""
    yield f"  {number(before['total'])} -> {number(after['total'])}{trainable}"
    counts = {a: [m for m in plan.moves if m.action == a] for a in ACTIONS}
    said = [_count(moves, action) for action, moves in counts.items() if moves]
    if not plan.weights_known:
        said.append("those of new layers are not known without shapes")
    yield style("Variables", "bold")
    yield f"  {'; '.join(said) or 'none known'}"
    refresh = sum(len(change.edits) for change in _of(plan, None)[len(plan.branched) :])
    if refresh:
        makes = "makes" if refresh == 1 else "make"
        aside = f"({plural(refresh, 'edit')} {makes} recorded shapes behind the changes true)"
        yield style(f"  {aside}", "dim")
    yield ""


def _count(moves: list[Move], action: str) -> str:
    return f"{len(moves):,} {action} ({sum(move.size for move in moves):,} values)"


def _verdict(plan: Plan, style: Style) -> str:
    if plan.is_identity:
        return style("No changes: the variant is the base.", "bold")
    s = plan.layers
    text = (
        f"Plan: {len(s.added)} to add, {len(s.changed)} to change, {len(s.replaced)} to replace, "
        f"{len(s.removed)} to remove, {len(s.rewired)} to rewire"
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
                "settings": dict(patch.settings),
            }
            for patch in plan.patches
        ],
        "summary": {
            "added": list(summary.added),
            "removed": list(summary.removed),
            "changed": list(summary.changed),
            "rewired": list(summary.rewired),
            "replaced": [{"from": old, "to": new} for old, new in summary.replaced],
            "renamed": [{"from": old, "to": new} for old, new in summary.renamed],
        },
        "steps": [
            _step_json(plan, Place(p, s))
            for p, patch in enumerate(plan.patches)
            for s in range(len(patch.steps))
        ],
        "opened": [{"path": o.path, "class": o.class_name} for o in plan.base.opened],
        "branched": list(plan.branched),
        "json_patch": plan.json_patch,
        "weights": weight_rows(plan),
        "transfer": transfer(plan),
        "outputs": [
            {
                "name": output.name,
                "tensor": output.tensor,
                "shape": list(output.spec.shape) if output.spec else None,
                "dtype": output.spec.dtype if output.spec else None,
            }
            for output in plan.outputs
        ],
        "training": training_json(plan),
        "parameters": {key: dict(value) for key, value in plan.parameters.items()},
        "models": {
            name: {"origin": model.origin, "architecture": model.architecture, "state": model.state}
            for name, model in plan.models.items()
        },
        "expectations": [check_json(check) for check in plan.checks],
        "findings": [{**problem_json(f.problem), "allowed": f.allowed} for f in plan.findings],
    }
    if with_config:
        said["config"] = plan.document
    return said


def check_json(check: Check) -> dict[str, Any]:
    """One expectation for programs."""
    return {
        "patch": check.patch,
        "path": list(check.at),
        "what": check.what,
        "expected": check.expected,
        "actual": check.actual,
        "holds": check.holds,
    }


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
