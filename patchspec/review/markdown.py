"""Pieces of Markdown in which nothing that a model or a patch says can do more than be read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from patchspec.review.style import clean

_SIGNS = re.compile(r"([\\`*{}\[\]<>#|~!$@&]|(?<!\w)_|_(?!\w))")


def text(said: str) -> str:
    """Words as they are: no emphasis, no link, no mention, no HTML."""
    return _SIGNS.sub(_escaped, clean(said).replace("\n", " "))


def _escaped(found: re.Match[str]) -> str:
    # Hosts know an entity everywhere; a backslash does not stop `@name` or HTML.
    return f"&#{ord(found[1])};"


def code(said: str) -> str:
    """A name in code type, whatever signs are in it, in a table too."""
    plain = clean(said).replace("\n", " ")
    if not plain.strip():
        return ""
    if "|" in plain or "`" in plain:
        return f"<code>{text(plain)}</code>"
    return f"`{plain}`"


def md_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table; a cell that is in code type already stays as it is, words are escaped."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return [*lines, *(f"| {' | '.join(map(_cell, row))} |" for row in rows)]


def _cell(said: str) -> str:
    is_code = said.startswith(("`", "<code>")) and said.endswith(("`", "</code>"))
    return said if is_code else text(said)


def details(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A block that opens with a click; its title takes no Markdown."""
    yield from (f"<details><summary>{text(title)}</summary>", "", *lines, "", "</details>")
