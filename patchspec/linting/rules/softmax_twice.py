"""PS809: a softmax of a softmax."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.activations import pairs
from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS809"


def found(subject: Subject) -> Iterator[Lint]:
    """A softmax right behind another, where the patch put one of them."""
    for pair in pairs(subject):
        if {pair.first, pair.second} == {"softmax"}:
            problem = Problem(
                code=CODE,
                message=f"`{pair.reader}` takes the softmax of what `{pair.producer}` made a "
                "softmax of: the probabilities come out nearly alike",
                at=pair.at,
                hint="leave one out",
            )
            yield Lint(problem)
