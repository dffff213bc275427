"""PS802: a base that may be any model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from patchspec.linting.lint import Fix, Lint, Subject
from patchspec.problems import Problem, Span

CODE = "PS802"


def found(subject: Subject) -> Iterator[Lint]:
    """A base that is named by its path alone; the model at hand gives the digest."""
    patch = subject.patch
    if patch.base.path is None or patch.base.architecture or patch.base.state:
        return
    problem = Problem(
        code=CODE,
        message=f"any model at `{patch.base.path}` is taken: nothing pins what it must be",
        at=("base",),
        hint="add `architecture: sha256:...`, which `patchspec inspect` prints",
    )
    yield Lint(problem, _fix(subject))


def _fix(subject: Subject) -> Fix | None:
    source, plan = subject.patch.source, subject.plan
    span = source.values.get(("base",))
    if plan is None or span is None:
        return None
    said: Any = source.data["base"]
    pinned = {"path": said} if isinstance(said, str) else dict(said)
    pinned["architecture"] = plan.base.architecture
    lines = source.text.splitlines()
    is_flow = isinstance(said, str) or lines[span.line - 1][span.column - 1] == "{"
    if not is_flow:
        # Below the path, as deep as that.
        path = source.keys[("base", "path")]
        end = source.values[("base", "path")]
        place = Span(end.end_line, end.end_column, end.end_line, end.end_column)
        text = f"\n{' ' * (path.column - 1)}architecture: {plan.base.architecture}"
        return Fix(((place, text),), False, "pins the architecture of the model at hand")
    text = ", ".join(f"{key}: {json.dumps(value)}" for key, value in pinned.items())
    return Fix(((span, f"{{{text}}}"),), False, "pins the architecture of the model at hand")
