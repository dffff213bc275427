"""Two versions of a patch side by side as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from patchspec.authoring.text import flow
from patchspec.merging.changes import Change
from patchspec.merging.values import ABSENT
from patchspec.review.markdown import code, md_table
from patchspec.review.style import PLAIN, Style, clean, fitted, plural

_SIGNS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "changed": ("~", "yellow"),
    "moved": ("~", "yellow"),
}


def patch_changes_text(changes: Sequence[Change], style: Style = PLAIN) -> str:
    """Each part with its sign, and below it the fields that say something else."""
    lines = []
    for change in changes:
        sign, colour = _SIGNS[change.kind]
        lines.append(f"{style(f'{sign} {change.kind:<8}', colour)} {clean(change.part)}")
        lines += [f"    {clean(line)}" for line in _told(change)]
    verdict = plural(len(changes), "part") + " differ" if changes else "The patches say the same."
    return fitted(
        "\n".join([*lines, *([""] if lines else []), style(verdict, "bold")]), style.width
    )


def _told(change: Change) -> Iterator[str]:
    for field, was, now in change.fields:
        if change.kind == "changed":
            yield f"{field or 'value'}: {_said(was)} -> {_said(now)}"
        elif change.kind in ("added", "removed"):
            yield _said(now if change.kind == "added" else was)


def _said(value: Any) -> str:
    return "nothing" if value is ABSENT else flow(value)


def patch_changes_markdown(changes: Sequence[Change]) -> str:
    """The changes as one table."""
    if not changes:
        return "**The patches say the same.**"
    rows = [
        (f"{_SIGNS[change.kind][0]} {change.kind}", code(change.part), code(line))
        for change in changes
        for line in (list(_told(change)) or [""])
    ]
    return "\n".join(md_table(("", "part", "what"), rows))


def patch_changes_json(changes: Sequence[Change]) -> dict[str, Any]:
    """The changes for programs; a value that is not there is left out."""
    return {
        "format": 1,
        "equal": not changes,
        "changes": [
            {
                "kind": change.kind,
                "part": change.part,
                "fields": [
                    {
                        "field": field,
                        **({} if was is ABSENT else {"before": was}),
                        **({} if now is ABSENT else {"after": now}),
                    }
                    for field, was, now in change.fields
                ],
            }
            for change in changes
        ],
    }
