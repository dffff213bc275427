"""PS808 and PS809 look at activations that follow one another."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.activations import pairs
from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS808"


def found(subject: Subject) -> Iterator[Lint]:
    """An activation right behind another, where the patch put one of them."""
    for pair in pairs(subject):
        if {pair.first, pair.second} == {"softmax"}:
            continue
        problem = Problem(
            code=CODE,
            message=f"`{pair.reader}` applies {pair.second} to what `{pair.producer}` has put "
            f"through {pair.first}",
            at=pair.at,
            hint="leave one activation out: `activation: linear` in the first",
        )
        yield Lint(problem)
