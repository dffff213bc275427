"""Colour where a terminal wants it, and text that cannot steer one."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any

_CODES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]")


@dataclass(frozen=True, slots=True)
class Style:
    """Whether to colour."""

    colour: bool = False

    def __call__(self, text: str, *names: str) -> str:
        """The text in these colours."""
        if not self.colour or not text:
            return text
        codes = ";".join(_CODES[name] for name in names)
        return f"\x1b[{codes}m{text}\x1b[0m"


PLAIN = Style()


def style_for(stream: IO[str]) -> Style:
    """Colour only on a terminal, and not where `NO_COLOR` is set or the terminal is dumb."""
    wanted = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Style(bool(wanted))


def clean(text: Any) -> str:
    """The text without characters that move the cursor, colour the screen or hide others."""
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", str(text))


def table(rows: Sequence[Sequence[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """Columns under each other; those in `right` end under each other."""
    if not rows:
        return []
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def number(value: int | None) -> str:
    """A count for reading: 25,636,712, or `?`."""
    return "?" if value is None else f"{value:,}"


def plural(count: int, word: str, words: str | None = None) -> str:
    """`1 layer`, `2 layers`."""
    return f"{count:,} {word if count == 1 else words or word + 's'}"
