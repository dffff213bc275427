"""Findings of `lint` as text, as lines, as workflow commands and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from patchspec.linting.lint import Lint
from patchspec.review.problems import problem_github, problem_json, problem_text
from patchspec.review.style import PLAIN, Style, clean, plural


def lint_text(found: Sequence[Lint], patches: int, style: Style = PLAIN) -> str:
    """Every finding with its frame, and how many can be mended."""
    if not found:
        return f"{plural(patches, 'patch', 'patches')} clean"
    parts = [problem_text(one.problem, style, one.level) for one in found]
    notes = sum(one.level == "note" for one in found)
    counts = [plural(len(found) - notes, "warning")] if len(found) > notes else []
    counts += [plural(notes, "note")] if notes else []
    safe = sum(one.fix is not None and one.fix.safe for one in found)
    unsafe = sum(one.fix is not None and not one.fix.safe for one in found)
    mended = [f"{safe} can be mended with --fix"] if safe else []
    mended += [f"{unsafe} with --fix --unsafe-fixes"] if unsafe else []
    code = found[0].problem.code
    told = "; ".join([", ".join(counts), *mended, f"`patchspec explain {code}` says more"])
    return "\n\n".join([*parts, told])


def lint_concise(one: Lint) -> str:
    """A finding on one line, as editors jump to."""
    problem = one.problem
    place = f"{problem.file or 'patch'}"
    if problem.span is not None:
        place += f":{problem.span.line}:{problem.span.column}"
    mark = " [*]" if one.fix is not None and one.fix.safe else ""
    return clean(f"{place}: {problem.code}{mark} {problem.message}")


def lint_github(one: Lint) -> str:
    """A finding as a workflow command of GitHub Actions."""
    return problem_github(one.problem, "notice" if one.level == "note" else "warning")


def lint_json(found: Sequence[Lint]) -> dict[str, Any]:
    """The findings for programs; `schemas/lint.schema.json` describes them."""
    return {
        "format": 1,
        "findings": [
            {
                **problem_json(one.problem),
                "level": one.level,
                "fix": None
                if one.fix is None
                else {"what": one.fix.what, "safe": one.fix.safe, "edits": _edits(one)},
            }
            for one in found
        ],
    }


def _edits(one: Lint) -> list[dict[str, Any]]:
    assert one.fix is not None
    return [
        {
            "line": span.line,
            "column": span.column,
            "end_line": span.end_line,
            "end_column": span.end_column,
            "text": text,
        }
        for span, text in one.fix.edits
    ]
