"""PS813: a glob that may come to mean more."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.lint import Fix, Lint, Subject
from patchspec.problems import Problem

CODE = "PS813"


def found(subject: Subject) -> Iterator[Lint]:
    """Globs without a count, where the base may be another model next time."""
    patch = subject.patch
    if patch.base.architecture is not None:
        return
    for number, step in enumerate(patch.steps):
        said = patch.source.data["operations"][step.at[1]]
        for key in ("layers", "after"):
            glob = said.get(key)
            if not isinstance(glob, str) or "*" not in glob or glob in ("*", "**"):
                continue
            count = len(subject.targets(number))
            problem = Problem(
                code=CODE,
                message=f"`{glob}` says how layers are called, not how many there are",
                at=(*step.at, key),
                hint=f"`{{name: {glob!r}, count: {count or 'n'}}}` refuses a base in which it "
                "means others",
            )
            yield Lint(problem, _fix(subject, (*step.at, key), glob, count), "note")


def _fix(subject: Subject, at: tuple[str | int, ...], glob: str, count: int) -> Fix | None:
    span = subject.patch.source.values.get(at)
    if not count or span is None:
        return None
    text = f'{{name: "{glob}", count: {count}}}'
    return Fix(((span, text),), False, f"counts what `{glob}` means in the model at hand")
