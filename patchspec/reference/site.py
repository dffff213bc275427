"""The pages as files of `docs/reference`, with links from one to the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from patchspec.reference.keys import VALUES
from patchspec.reference.pages import KINDS, Page, pages

_INTRODUCTION = """\
# Reference

Made from the code by `make docs`; `patchspec explain WORD` prints the same pages.
The models of the examples are functions of [examples/models.py](../../examples/models.py).
"""


def files() -> Mapping[str, str]:
    """The text of every file, by its path in `docs/reference`."""
    found = {f"{page.kind}/{page.name}.md": _linked(page) for page in pages()}
    return {"README.md": _index(), **found}


def _linked(page: Page) -> str:
    """The page with the places that its links lead to."""
    places = {name: f"../values/{name}.md" for name in VALUES.values()}
    places |= {"models": "../../../examples/models.py", "operations": "../keys/operations.md"}
    places["operation"] = "../README.md#operations"
    used = [name for name in places if re.search(rf"\[{re.escape(name)}\]", page.body)]
    links = "".join(f"[{name}]: {places[name]}\n" for name in used)
    return f"{page.text}\n{links}" if links else page.text


def _index() -> str:
    return "\n".join([_INTRODUCTION, *_tables()])


def _tables() -> Iterator[str]:
    for kind, title in KINDS.items():
        yield from (f"## {title}", "", "| | |", "|---|---|")
        for page in pages():
            if page.kind == kind:
                said = page.title.replace("|", "\\|")
                yield f"| [`{page.name}`]({kind}/{page.name}.md) | {said} |"
        yield ""
