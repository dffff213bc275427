"""Comments that accept findings: `# patchspec: ignore PS801`, on a line or above an operation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from patchspec.language.source import Source
from patchspec.linting.lint import Fix, Lint
from patchspec.problems import Problem, Span

UNUSED = "PS820"
MALFORMED = "PS821"
_COMMENT = re.compile(r"#[^#]*?\bpatchspec:\s*(?P<word>[\w-]*)(?P<codes>[^#]*)")
_CODE = re.compile(r"PS\d{3}\b")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One comment."""

    codes: tuple[str, ...]
    lines: range
    """The lines whose findings it accepts."""
    span: Span
    """Where the comment stands."""

    def accepts(self, problem: Problem) -> bool:
        """Whether it is of this finding."""
        line = problem.span.line if problem.span else 1
        return problem.code in self.codes and line in self.lines


def ignores(source: Source) -> Iterator[Ignore | Lint]:
    """The comments of a patch; what is written like one and is none is a finding."""
    lines = source.text.splitlines()
    for number, line in enumerate(lines, 1):
        match = _COMMENT.search(line)
        if match is None or _in_text(line, match.start()):
            continue
        span = Span(number, match.start() + 1, number, len(line) + 1)
        codes = tuple(_CODE.findall(match["codes"]))
        if match["word"] not in ("ignore", "ignore-file") or not codes:
            yield Lint(_malformed(span))
        elif match["word"] == "ignore-file":
            yield Ignore(codes, range(1, len(lines) + 2), span)
        else:
            alone = not line[: match.start()].strip()
            yield Ignore(codes, _covered(source, number, alone, lines), span)


def _in_text(line: str, start: int) -> bool:
    """Whether the sign stands in quotes, and begins no comment."""
    before = line[:start]
    return before.count('"') % 2 == 1 or (bool(before.strip()) and not before.endswith((" ", "\t")))


def _malformed(span: Span) -> Problem:
    return Problem(
        code=MALFORMED,
        message="the comment does not say which findings it accepts",
        span=span,
        hint="`# patchspec: ignore PS801`, with the codes; `ignore-file` is for all of the file",
    )


def _covered(source: Source, number: int, alone: bool, lines: Sequence[str]) -> range:
    """The lines that a comment speaks of: its own, or all of the operation that it stands at."""
    first = number
    while alone and first < len(lines) and lines[first - 1].lstrip().startswith("#"):
        first += 1
    for at, span in source.values.items():
        if len(at) == 2 and at[0] == "operations" and span.line == first:  # noqa: PLR2004
            return range(number, source.lines(at).stop)
    return range(number, first + 1)


def accepted(
    found: Sequence[Lint], source: Source, codes: frozenset[str]
) -> tuple[list[Lint], list[Lint]]:
    """The findings that stay, and those about comments: one that accepts nothing, or says nothing.

    Of `codes`, the rules that were asked for, alone can be told whether a comment accepts any.
    """
    comments = list(ignores(source))
    known = [one for one in comments if isinstance(one, Ignore)]
    kept = [one for one in found if not any(i.accepts(one.problem) for i in known)]
    about = [one for one in comments if isinstance(one, Lint)]
    for comment in known:
        idle = [
            code
            for code in comment.codes
            if code in codes
            and not any(code == x.problem.code and comment.accepts(x.problem) for x in found)
        ]
        if idle:
            problem = Problem(
                code=UNUSED,
                message=f"the comment accepts {', '.join(idle)}, of which there is none here",
                span=comment.span,
                hint="delete it: it would hide what comes later",
            )
            about.append(Lint(problem, _fix(comment, idle, source)))
    return kept, about


def _fix(comment: Ignore, idle: Sequence[str], source: Source) -> Fix:
    left = [code for code in comment.codes if code not in idle]
    line = source.text.splitlines()[comment.span.line - 1]
    start = len(line[: comment.span.column - 1].rstrip()) + 1
    if left:
        text = line[comment.span.column - 1 :]
        for code in idle:
            text = re.sub(rf"\s*,?\s*{code}\b", "", text)
        return Fix(((comment.span, text),), True, f"takes {', '.join(idle)} out of the comment")
    if start == 1:
        whole = Span(comment.span.line, 1, comment.span.line + 1, 1)
        return Fix(((whole, ""),), True, "deletes the comment")
    end = Span(comment.span.line, start, comment.span.line, comment.span.end_column)
    return Fix(((end, ""),), True, "deletes the comment")
