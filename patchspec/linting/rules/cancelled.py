"""PS807: operations that take back or repeat what another did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.language.patch import Step
from patchspec.linting.lint import Fix, Lint, Subject
from patchspec.problems import Problem, Span

CODE = "PS807"
_AGAIN = ("freeze", "unfreeze", "set", "extract")
"""Operations that change nothing when they are done twice."""


def found(subject: Subject) -> Iterator[Lint]:
    """Pairs with nothing between them that would need the first."""
    steps = subject.patch.steps
    said = [subject.patch.source.data["operations"][step.at[1]] for step in steps]
    for j, step in enumerate(steps):
        for i in range(j):
            reason = _reason(steps[i], said[i], step, said[j], adjacent=j == i + 1)
            if reason:
                problem = Problem(code=CODE, message=reason, at=step.at, hint="leave one out")
                same = bare(said[i]) == bare(said[j]) and j == i + 1
                yield Lint(problem, _without(subject, step) if same else None)
                break


def _reason(
    first: Step, was: Mapping[str, Any], then: Step, now: Mapping[str, Any], *, adjacent: bool
) -> str | None:
    ops = (first.op, then.op)
    here, there = was.get("layers"), now.get("layers")
    if ops in (("freeze", "unfreeze"), ("unfreeze", "freeze")) and here == there:
        return f"{then.label} takes back what {first.label} does to the same layers"
    if ops == ("rename", "rename") and here == now.get("name") and there == was.get("name"):
        return f"{then.label} gives back the name that {first.label} takes away"
    if ops == ("insert", "remove") and there in _new_names(was):
        return f"{then.label} removes `{there}`, which {first.label} inserts"
    if ops == ("set", "set") and here == there:
        both = set(was.get("config", {})) & set(now.get("config", {}))
        if both:
            return f"{then.label} sets `{min(both)}` again, which {first.label} sets"
    if adjacent and then.op in _AGAIN and bare(was) == bare(now):
        return f"{then.label} repeats {first.label}"
    return None


def bare(step: Mapping[str, Any]) -> dict[str, Any]:
    """What an operation does, without what is said of it."""
    return {k: v for k, v in step.items() if k not in ("id", "why", "allow")}


def _new_names(step: Mapping[str, Any]) -> set[Any]:
    new = step.get("new")
    return {one.get("name") for one in (new if isinstance(new, list) else [new or {}])}


def _without(subject: Subject, step: Step) -> Fix | None:
    """The fix that deletes the lines of an operation that stands on lines of its own."""
    source = subject.patch.source
    span = source.values.get(step.at)
    lines = source.text.splitlines()
    if span is None or not lines[span.line - 1].lstrip().startswith("- "):
        return None
    own = source.lines(step.at)
    end = Span(own.start, 1, own.stop, 1)
    return Fix(((end, ""),), True, f"deletes {step.label}")
