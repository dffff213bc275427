"""Colour where a terminal wants it, and text that cannot steer one."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]")


@dataclass(frozen=True, slots=True)
class Style:
    """Whether to colour, and how much room there is."""

    colour: bool = False
    width: int | None = None
    """The columns of the terminal; none where lines may be as long as they are."""
    many: int | None = 12
    """How many names or rows of a kind are listed before the rest is counted; none for all."""

    def __call__(self, text: str, *names: str) -> str:
        """The text in these colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(_CODES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"


PLAIN = Style()


def style_for(stream: IO[str]) -> Style:
    """Colour only on a terminal, and not where `NO_COLOR` is set or the terminal is dumb.

    On a terminal lines fit its width and long lists are counted; what goes into a pipe or a file is
    all there.
    """
    if not stream.isatty():
        return Style(False, None, None)
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(wanted, shutil.get_terminal_size().columns)


def clean(text: Any) -> str:
    """The text without characters that move the cursor, colour the screen or hide others."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(text))


_NARROWEST = 9
"""No column of a table is made narrower."""
_ESCAPE = re.compile("\x1b\\[[0-9;]*m")


def fitted(text: str, width: int | None) -> str:
    """The text with lines that are too long broken at spaces, the rest indented below."""
    if width is None:
        return text
    return "\n".join(piece for line in text.split("\n") for piece in _broken(line, width))


def _broken(line: str, width: int) -> list[str]:
    if len(_ESCAPE.sub("", line)) <= width:
        return [line]
    indent = min(len(line) - len(line.lstrip()) + 4, width // 3)
    pieces, now, length = [], "", 0
    for word in re.findall(r" *[^ ]+", line):
        size = len(_ESCAPE.sub("", word))
        if now and length + size > width:
            pieces.append(now)
            now, length = " " * indent, indent
            word, size = word.lstrip(), len(_ESCAPE.sub("", word.lstrip()))  # noqa: PLW2901
        now, length = now + word, length + size
    return [*pieces, now]


def table(
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    width: int | None = None,
    kept: frozenset[int] = frozenset(),
) -> list[str]:
    """Columns under each other; those in `right` end under each other.

    Within `width` the widest columns give way: what stands in them loses its middle. Those in
    `kept`, names that somebody wants to copy, do so last.
    """
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    if width is not None:
        room = width - 2 * (len(widths) - 1)
        for columns in (set(range(len(widths))) - kept - right, set(range(len(widths)))):
            while sum(widths) > room and max((widths[i] for i in columns), default=0) > _NARROWEST:
                widths[max(columns, key=lambda i: widths[i])] -= 1
        rows = [[shortened(c, w) for c, w in zip(row, widths, strict=True)] for row in rows]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def shortened(text: str, width: int) -> str:
    """The text without its middle, where it is too long."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}\u2026{text[-end:] if end else ''}"


def number(value: int | None) -> str:
    """A count for reading: 25,636,712, or `?`."""
    return "?" if value is None else f"{value:,}"


def plural(count: int, word: str, words: str | None = None) -> str:
    """`1 layer`, `2 layers`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"
