"""PS805: operations that do not say why."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem, some

CODE = "PS805"


def found(subject: Subject) -> Iterator[Lint]:
    """One note for all operations without a reason; a description speaks for a lone one."""
    patch = subject.patch
    silent = [step for step in patch.steps if not step.why]
    if not silent or (len(patch.steps) == 1 and patch.description):
        return
    problem = Problem(
        code=CODE,
        message=f"{len(silent)} of {len(patch.steps)} operations do not say why: "
        f"{some(step.label for step in silent)}",
        at=silent[0].at,
        hint="`why:` is what a reviewer reads first",
    )
    yield Lint(problem, level="note")
