"""PS811: an operation that changes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS811"
_MAY_BE_IDLE = ("load", "extract")
"""`load` edits no config, and a bare `extract` tidies up where there is something to."""


def found(subject: Subject) -> Iterator[Lint]:
    """Operations of which no edit came: what they say is so already."""
    if subject.plan is None:
        return
    for number, step in enumerate(subject.patch.steps):
        if step.op in _MAY_BE_IDLE or getattr(step.operation, "weights", None) is not None:
            continue
        if not any(change.edits for change in subject.changes(number)):
            problem = Problem(
                code=CODE,
                message=f"{step.label} changes nothing: the model is already as it says",
                at=step.at,
                hint="leave it out, or look whether the selector means what you meant",
            )
            yield Lint(problem)
