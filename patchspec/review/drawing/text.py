"""Names and values as text that a picture can hold, and how much room it takes.

What a model's names contain is anybody's: whatever could hide, break a line or not be stored as
UTF-8 is shown by its number. Escaping for the format is left to whoever writes it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from patchspec.review.style import clean

_NOT_TEXT = re.compile("[\ud800-\udfff\ufffe\uffff\ufeff]")
_SPACE = re.compile(r"[\t\n]")
ELLIPSIS = "\u2026"


def shown(text: Any) -> str:
    """The text on one line, with characters that show nothing by their numbers."""
    line = _SPACE.sub(lambda found: f"\\x{ord(found[0]):02x}", clean(text))
    return _NOT_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", line)


def clipped(text: str, most: int) -> str:
    """The text with its middle left out where it is longer: the ends of names tell them apart."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}{ELLIPSIS}{text[len(text) - tail :]}"


def columns(text: str) -> int:
    """How many columns the text takes in a font whose letters are all equally wide."""
    return sum(_columns(letter) for letter in text)


def _columns(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def compact(value: Any, most: int) -> str:
    """A value of a config as JSON on one line, the beginning of it where it is long."""
    text = shown(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= most else f"{text[: most - 1]}{ELLIPSIS}"
