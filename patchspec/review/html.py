"""A plan as a piece of HTML for a notebook: no script, no style sheet, everything escaped."""

from __future__ import annotations

from html import escape
from typing import Any

from patchspec.planning.plan import Plan
from patchspec.review.style import clean, number

_MARK = {"added": "#1a7f37", "removed": "#cf222e", "replaced": "#9a6700", "changed": "#9a6700"}
MANY = 60
"""How many layers are listed before the rest is counted."""
_SIGN = {"added": "+", "removed": "-", "replaced": "-/+", "changed": "~"}


def plan_html(plan: Plan) -> str:
    """The plan as a notebook shows it."""
    names = " + ".join(patch.name or "patch" for patch in plan.patches) or "no patch"
    before, after = plan.parameters["before"], plan.parameters["after"]
    facts = [
        ("base", plan.base.origin),
        ("parameters", f"{number(before['total'])} → {number(after['total'])}"),
        ("trainable", number(after["trainable"])),
        ("variables", _moves(plan)),
        ("RFC 6902", f"{len(plan.json_patch)} operations"),
    ]
    body = [f"<h4 style='margin:0 0 .4em'>{_safe(names)}</h4>", _table(facts)]
    replaced = [f"{old} -> {new}" if old != new else new for old, new in plan.layers.replaced]
    rows = [
        *(("added", name) for name in plan.layers.added),
        *(("replaced", name) for name in replaced),
        *(("changed", name) for name in plan.layers.changed),
        *(("removed", name) for name in plan.layers.removed),
    ]
    if rows:
        body.append(_layers(rows))
    if plan.outputs:
        listed = [(output.name, str(output.spec or "?")) for output in plan.outputs]
        body.append("<b>outputs</b>" + _table(listed))
    body += [f"<p>{_safe(f.problem.code)} {_safe(f.problem.message)}</p>" for f in plan.findings]
    return f"<div style='font-family:system-ui,sans-serif;font-size:13px'>{''.join(body)}</div>"


def _moves(plan: Plan) -> str:
    counts: dict[str, int] = {}
    for move in plan.moves:
        counts[move.action] = counts.get(move.action, 0) + 1
    return ", ".join(f"{count} {action}" for action, count in counts.items()) or "none"


def _layers(rows: list[tuple[str, str]]) -> str:
    shown = "".join(
        f"<li style='color:{_MARK[kind]};list-style:none'><code>{_SIGN[kind]} {_safe(name)}</code> "
        f"<small>{kind}</small></li>"
        for kind, name in rows[:MANY]
    )
    more = (
        f"<li style='list-style:none'>... and {len(rows) - MANY} more</li>"
        if len(rows) > MANY
        else ""
    )
    return f"<ul style='padding-left:.2em;margin:.4em 0'>{shown}{more}</ul>"


def _table(rows: list[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><td style='text-align:left;padding:1px 12px 1px 0;color:#57606a'>{_safe(name)}</td>"
        f"<td style='text-align:left'>{_safe(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table style='border-collapse:collapse'>{cells}</table>"


def _safe(text: Any) -> str:
    return escape(clean(text), quote=True)
