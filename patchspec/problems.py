"""What can be wrong, and how it is said.

The rooms that find a fault know *what* is wrong; only the boundary knows *where* in the author's
file it was written. So a `Problem` is raised with a pointer relative to what the finder was given,
each caller on the way out prefixes its own part, and the reader of the file turns the pointer into
a `Span`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal, NoReturn

from patchspec.codes import CODES

Pointer = tuple[str | int, ...]
"""A path into nested data; keys and indices from the outside in (RFC 6901 without the escapes)."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of source text; lines and columns count from one, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault or finding: what is wrong, where in the patch, and what to do about it."""

    code: str
    message: str
    at: Pointer = ()
    on: Literal["value", "key"] = "value"
    """Whether `at` means the value that stands there or the key it stands under."""
    notes: tuple[str, ...] = ()
    """Facts that help to see the fault: what was matched, what the choices are."""
    hint: str | None = None
    file: str | None = None
    span: Span | None = None
    excerpt: tuple[tuple[int, str], ...] = field(default=(), compare=False)
    """The lines of the file that the span covers (the first few), numbered."""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise AssertionError(f"{self.code} is not in the table of codes")


class PatchError(Exception):
    """The one exception that a user's mistake raises: it carries one or more problems."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(_line(problem) for problem in self.problems)

    def __reduce__(self) -> tuple[type[PatchError], tuple[tuple[Problem, ...]]]:
        return PatchError, (self.problems,)


def refuse(
    code: str,
    message: str,
    *,
    at: Pointer = (),
    on: Literal["value", "key"] = "value",
    notes: Iterable[str] = (),
    hint: str | None = None,
) -> NoReturn:
    """Stop here with one problem. `at` is relative to what the caller was given."""
    problem = Problem(code=code, message=message, at=at, on=on, notes=tuple(notes), hint=hint)
    raise PatchError([problem])


@contextmanager
def within(*at: str | int) -> Iterator[None]:
    """Prefix the pointers of whatever is refused inside with `at`."""
    try:
        yield
    except PatchError as error:
        raise PatchError(replace(p, at=(*at, *p.at)) for p in error.problems) from error.__cause__


def nearest(word: str, known: Iterable[str], n: int = 3) -> tuple[str, ...]:
    """The known words that look most like `word`, best first; none where nothing is close."""
    folded: dict[str, str] = {}
    for name in known:
        folded.setdefault(name.lower(), name)
    found = difflib.get_close_matches(word.lower(), folded, n=n, cutoff=0.6)
    return tuple(folded[name] for name in found)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known word, or none."""
    found = nearest(word, known, n=1)
    return f"did you mean `{found[0]}`?" if found else None


def some(names: Iterable[str], limit: int | None = 6) -> str:
    """A list for reading: the first few names, and how many more there are; all without a limit."""
    listed = list(names)
    if limit is None:
        return ", ".join(listed)
    text = ", ".join(listed[:limit])
    more = len(listed) - limit
    return f"{text}, ... ({more} more)" if more > 0 else text


def _line(problem: Problem) -> str:
    place = ""
    if problem.file or problem.span:
        place = problem.file or "patch"
        if problem.span:
            place += f":{problem.span.line}:{problem.span.column}"
        place += ": "
    hint = f" ({problem.hint})" if problem.hint else ""
    return f"{place}{problem.code} {problem.message}{hint}"
