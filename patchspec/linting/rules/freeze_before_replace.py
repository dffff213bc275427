"""PS803: new layers that are frozen with the values they start from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS803"


def found(subject: Subject) -> Iterator[Lint]:
    """A replacement of what an earlier operation froze: the new layer inherits the flag."""
    frozen: dict[str, str] = {}
    for number, step in enumerate(subject.patch.steps):
        hit = subject.targets(number) or tuple(_named(step.operation))
        if step.op == "freeze":
            frozen |= dict.fromkeys(hit, step.label)
        elif step.op == "unfreeze":
            for path in hit:
                frozen.pop(path, None)
        elif step.op == "replace":
            for path in hit:
                if path in frozen and _keeps_nothing(step.operation):
                    problem = Problem(
                        code=CODE,
                        message=f"`{path}` was frozen by {frozen[path]}, so what takes its place "
                        "does not train and keeps its initial values",
                        at=(*step.at, "layers"),
                        hint="replace first and freeze afterwards, or unfreeze the new layer",
                    )
                    yield Lint(problem)


def _named(operation: Any) -> list[str]:
    """The layers that an operation names whole."""
    said = getattr(operation, "layers", None)
    listed = said if isinstance(said, list) else [said]
    return [one for one in listed if isinstance(one, str) and "*" not in one]


def _keeps_nothing(operation: Any) -> bool:
    """Whether the new layers start anew, none with the values of the old one."""
    new = operation.new if isinstance(operation.new, list) else [operation.new]
    return not any(layer.get("weights") == "keep" for layer in new)
