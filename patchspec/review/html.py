"""A plan as a piece of HTML for a notebook: no script, no style sheet, everything escaped.

Colours are those of the text that surrounds it or mid-tones, so that it reads on light and dark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

from patchspec.planning.plan import Place, Plan
from patchspec.problems import some
from patchspec.review.rows import (
    MANY,
    SYMBOLS,
    EndRow,
    check_sentences,
    form_sentences,
    input_rows,
    layer_rows,
    output_rows,
    weight_rows_told,
)
from patchspec.review.style import clean, number, plural
from patchspec.review.training import training_sentences

COLOURS = {"green": "#2da44e", "red": "#e5534b", "yellow": "#bf8700"}
CELL = "text-align:left;vertical-align:top;padding:1px 14px 1px 0;font-size:13px"
DIM = f"{CELL};opacity:.65"

Cell = tuple[str, str]
"""A style and a text."""


def plan_html(plan: Plan) -> str:
    """The plan as a notebook shows it: facts, steps, layers, inputs and outputs, findings."""
    names = " + ".join(patch.name or "patch" for patch in plan.patches) or "no patch"
    inputs = input_rows(plan.lineage)
    parts = [
        f"<b style='font-size:15px'>{safe(names)}</b>",
        *(f"<div>{safe(p.description)}</div>" for p in plan.patches if p.description),
        *(f"<div>{safe(text)}</div>" for text in form_sentences(plan)),
        cells_table([[(DIM, key), (CELL, value)] for key, value in _facts(plan)]),
        _section("Steps", list(_steps(plan))),
        _section("Layers", list(_layers(plan))),
        _section("Inputs", _ends(inputs) if any(row.note for row in inputs) else []),
        _section("Outputs", _ends(output_rows(plan.lineage, plan.output_specs))),
        *(
            f"<div style='margin-top:6px'>\u26a0 <code>{safe(finding.problem.code)}</code> "
            f"{safe(finding.problem.message)}{' (accepted)' if finding.allowed else ''}</div>"
            for finding in plan.findings
        ),
    ]
    return framed(parts)


def framed(parts: Iterable[str]) -> str:
    """Pieces of HTML as a notebook shows them."""
    style = "font-family:system-ui,sans-serif;font-size:13px;line-height:1.45"
    return f"<div style='{style}'>{''.join(parts)}</div>"


def _facts(plan: Plan) -> Iterator[tuple[str, str]]:
    before, after = plan.parameters["before"], plan.parameters["after"]
    counts: dict[str, int] = {}
    for move in plan.moves:
        counts[move.action] = counts.get(move.action, 0) + 1
    moved = ", ".join(f"{count:,} {action}" for action, count in counts.items())
    yield "base", plan.base.origin
    yield "parameters", f"{number(before['total'])} \u2192 {number(after['total'])}"
    yield "trainable", number(after["trainable"])
    yield "variables", moved or "none"
    told = weight_rows_told(plan)
    if told:
        rows = (f"{row.action} {row.name} {row.shape} {row.rule}" for row in told)
        yield "weights", some(rows, MANY)
    training = "; ".join(training_sentences(plan))
    if training and not plan.is_identity:
        yield "training", training
    if plan.checks:
        yield "expectations", "; ".join(check_sentences(plan.checks))
    yield "RFC 6902", plural(len(plan.json_patch), "operation")


def _steps(plan: Plan) -> Iterator[list[Cell]]:
    for p, patch in enumerate(plan.patches):
        for s, step in enumerate(patch.steps):
            own = [change for change in plan.changes if change.place == Place(p, s)]
            targets = list(dict.fromkeys(change.target for change in own if change.target))
            yield [
                (DIM, f"{s + 1}"),
                (CELL, step.id or step.op),
                (CELL, some(targets, MANY) if targets else ""),
                (DIM, step.why or ""),
            ]


def _layers(plan: Plan) -> Iterator[list[Cell]]:
    rows = layer_rows(plan.lineage)
    for kind, (symbol, colour) in SYMBOLS.items():
        own = [row for row in rows if row.kind == kind]
        tone = f"{CELL};color:{COLOURS[colour]};white-space:nowrap"
        for row in own[:MANY]:
            yield [(tone, f"{symbol} {kind}"), (CELL, row.name), (DIM, row.what)]
        if len(own) > MANY:
            yield [
                (tone, f"{symbol} {kind}"),
                (DIM, f"... and {len(own) - MANY} more"),
                (DIM, ""),
            ]


def _ends(rows: Sequence[EndRow]) -> list[list[Cell]]:
    return [
        [(CELL, row.name), (CELL, row.tensor), (CELL, row.spec), (DIM, row.note)] for row in rows
    ]


def _section(title: str, rows: Sequence[Sequence[Cell]]) -> str:
    return f"<div style='margin-top:6px'><b>{title}</b></div>{cells_table(rows)}" if rows else ""


def cells_table(rows: Sequence[Sequence[Cell]]) -> str:
    """Rows of styled texts as a table."""
    cells = ("".join(f'<td style="{s}">{safe(text)}</td>' for s, text in row) for row in rows)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    # Without a doctype, as in some notebooks, a table does not take the colour of its surroundings.
    style = "border-collapse:collapse;border:0;margin:2px 0;color:inherit"
    return f"<table style='{style}'>{lines}</table>"


def safe(text: Any) -> str:
    """The text with nothing in it that HTML or a terminal would act on."""
    return escape(clean(text), quote=True)
