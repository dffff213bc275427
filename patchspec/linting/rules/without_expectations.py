"""PS806: a patch that expects nothing."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS806"


def found(subject: Subject) -> Iterator[Lint]:
    """A patch with operations and no `expect`."""
    if subject.patch.steps and not subject.patch.expect:
        problem = Problem(
            code=CODE,
            message="nothing says what must hold of the variant",
            at=("operations",),
            on="key",
            hint="`expect: {outputs: ..., layers: {added: [...]}}` fails the plan where it does "
            "not; `patchspec explain expect` lists what can be expected",
        )
        yield Lint(problem, level="note")
