"""Holding the rules against a patch, and mending its text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from patchspec.language.patch import Patch, parse_source
from patchspec.language.source import Source, read_text
from patchspec.linting.ignores import MALFORMED, UNUSED, accepted
from patchspec.linting.lint import Fix, Lint, Subject
from patchspec.linting.rules import rules
from patchspec.models.base import Base
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError, Span

CODES = (*rules(), UNUSED, MALFORMED)
"""All that `lint` finds."""
_NEEDS_SHAPES = ("PS410", "PS314")
MOST_ROUNDS = 10
"""Each fix may uncover another; so many times they are made."""


def lint(
    patch: Patch, base: Base | None = None, codes: Collection[str] | None = None
) -> list[Lint]:
    """What the rules find in a patch, in the order of its text.

    With a `base` the rules look at what the patch makes of it too, without shapes. Comments accept
    findings; one that accepts none is found itself. Raises `PatchError` where the patch does not
    fit the base.
    """
    subject = Subject(patch, None if base is None else _plan(patch, base))
    wanted = frozenset(CODES if codes is None else codes)
    found = [
        one.placed(patch)
        for code, rule in rules().items()
        if code in wanted
        for one in rule(subject)
    ]
    kept, about = accepted(found, patch.source, wanted)
    about = [one.placed(patch) for one in about if one.problem.code in wanted]
    first = Span(1, 1, 1, 1)
    return sorted([*kept, *about], key=lambda x: (x.problem.span or first, x.problem.code))


def _plan(patch: Patch, base: Base) -> Plan | None:
    """The plan without shapes; none where nothing can be said without them."""
    try:
        return resolve(replace(patch, expect={}), base)
    except PatchError as error:
        if all(problem.code in _NEEDS_SHAPES for problem in error.problems):
            return None
        raise


@dataclass(frozen=True)
class Fixed:
    """The text of a patch after fixes, and what they were."""

    text: str
    fixes: tuple[Fix, ...]


def fixed(
    source: Source,
    base: Base | None = None,
    codes: Collection[str] | None = None,
    *,
    unsafe: bool = False,
) -> Fixed:
    """The patch with its findings mended, as far as that changes nothing that it means.

    With `unsafe`, also where it does. Comments and layout stay; a fix after which the text would no
    longer be a patch is not made.
    """
    made: list[Fix] = []
    for _ in range(MOST_ROUNDS):
        found = lint(parse_source(source), base, codes)
        fixes = [one.fix for one in found if one.fix is not None and (unsafe or one.fix.safe)]
        following = source
        for fix in _apart(fixes):
            text = edited(source.text, [edit for one in (fix,) for edit in one.edits])
            try:
                tried = read_text(text, source.file)
                parse_source(tried)
            except PatchError:
                continue
            following, source = tried, tried
            made.append(fix)
            break
        else:
            break
        source = following
    return Fixed(source.text, tuple(made))


def _apart(fixes: Sequence[Fix]) -> list[Fix]:
    """The fixes from the end of the text on, so that places above stay what they are."""
    return sorted(fixes, key=lambda fix: fix.edits[0][0], reverse=True)


def edited(text: str, edits: Sequence[tuple[Span, str]]) -> str:
    """The text with something else at these stretches."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))

    def offset(line: int, column: int) -> int:
        if line > len(lines):
            return len(text)
        return starts[line - 1] + column - 1

    for span, new in sorted(edits, reverse=True):
        begin = offset(span.line, span.column)
        end = offset(span.end_line, span.end_column)
        text = text[:begin] + new + text[end:]
    return text
