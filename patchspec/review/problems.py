"""Problems as a person reads them: code, place, excerpt, caret, what is known, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from patchspec.problems import Problem
from patchspec.review.style import PLAIN, Style, clean


def problems_text(problems: Iterable[Problem], style: Style = PLAIN, kind: str = "error") -> str:
    """Every problem with its frame, one under the other."""
    return "\n\n".join(problem_text(problem, style, kind) for problem in problems)


def problem_text(problem: Problem, style: Style = PLAIN, kind: str = "error") -> str:
    """One problem with its frame."""
    colour = {"error": "red", "note": "blue"}.get(kind, "yellow")
    head = f"{style(f'{kind}[{problem.code}]', colour, 'bold')}: {clean(problem.message)}"
    lines = [head, *_frame(problem, style, colour)]
    indent = " " * _gutter(problem)
    lines += [f"{indent} {style('=', 'blue')} {clean(note)}" for note in problem.notes]
    if problem.hint:
        lines.append(
            f"{indent} {style('=', 'blue')} {style('help:', 'bold')} {clean(problem.hint)}"
        )
    return "\n".join(lines)


def _gutter(problem: Problem) -> int:
    return max((len(str(line)) for line, _ in problem.excerpt), default=1)


def _frame(problem: Problem, style: Style, colour: str) -> list[str]:
    if problem.span is None:
        return [f" {style('-->', 'blue')} {clean(problem.file)}"] if problem.file else []
    span, width = problem.span, _gutter(problem)
    indent = " " * width
    bar = style("|", "blue")
    place = f"{clean(problem.file or 'patch')}:{span.line}:{span.column}"
    lines = [f"{indent}{style('-->', 'blue')} {place}"]
    if not problem.excerpt:
        return lines
    lines.append(f"{indent} {bar}")
    for number, text in problem.excerpt:
        shown = clean(text.expandtabs(1))
        lines.append(f"{style(str(number).rjust(width), 'blue')} {bar} {shown}")
        end = span.end_column if span.end_line == span.line else len(text) + 1
        length = max(1, min(end, len(text) + 1) - span.column)
        caret = " " * (span.column - 1) + style("^" * length, colour)
        lines.append(f"{indent} {bar} {caret}")
    return lines


def problem_json(problem: Problem) -> dict[str, Any]:
    """One problem for programs."""
    span = problem.span
    return {
        "code": problem.code,
        "message": problem.message,
        "file": problem.file,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
        "at": list(problem.at),
        "notes": list(problem.notes),
        "hint": problem.hint,
    }


def problem_github(problem: Problem, level: str = "error") -> str:
    """One problem as a workflow command of GitHub Actions."""
    span = problem.span
    place = f"file={_escaped(problem.file or '', True)}"
    if span is not None:
        place += f",line={span.line},col={span.column}"
    title = f"title=patchspec ({problem.code})"
    text = problem.message + (f" ({problem.hint})" if problem.hint else "")
    return f"::{level} {title},{place}::{_escaped(text)}"


def _escaped(text: str, in_property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if in_property else text
