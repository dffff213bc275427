"""A page for every operation, rule, condition, kind of value, header key and code.

What a page says is read off what it speaks of: the docstring and the fields of an operation, the
schema of a key, the table of codes. `patchspec explain` prints it, `make docs` writes it.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any

from patchspec.codes import CODES
from patchspec.graph.selectors import SELECTOR_SCHEMA
from patchspec.language.schema import patch_schema
from patchspec.operations import operations
from patchspec.operations._operation import Operation, key_of
from patchspec.reference.examples import Example, example_lines, example_of, printed, written
from patchspec.reference.keys import VALUES, key_lines, takes
from patchspec.weights.rules import rules

KINDS: Mapping[str, str] = {
    "operations": "Operations",
    "rules": "Weight rules",
    "values": "Values",
    "conditions": "Conditions of a selector",
    "keys": "Keys of a patch",
    "codes": "Codes",
}
"""Kinds of page, and what a list of them is called."""
WIDTH = 88


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of one word."""

    kind: str
    name: str
    title: str
    """What it is, in one line."""
    body: str
    """The rest, as Markdown."""

    @property
    def text(self) -> str:
        """The whole page."""
        return f"# {self.name}\n\n{self.body}"


@cache
def pages() -> tuple[Page, ...]:
    """Every page, kind by kind."""
    return tuple(page for kind in (_operations, _rules, _values, _rest, _codes) for page in kind())


def pages_of(word: str) -> tuple[Page, ...]:
    """The pages of a word, of whatever kind; a code may be written small."""
    return tuple(page for page in pages() if page.name in (word, word.upper()))


def examples() -> Iterator[tuple[str, Example]]:
    """Every example, with the page it stands on."""
    for name, operation in operations().items():
        page = f"operations/{name}"
        yield page, _of_docstring(page, "small", inspect.cleandoc(operation.__doc__ or ""))
    for name, rule in rules().items():
        page = f"rules/{name}"
        yield page, _of_docstring(page, "dense", inspect.cleandoc(rule.__doc__ or ""))
    for page, said in written().items():
        if not page.startswith(("operations/", "rules/")):
            yield page, example_of(said)


def _operations() -> Iterator[Page]:
    for name, operation in operations().items():
        keys = key_lines(operation.schema(), _defaults(operation))
        common = "Every operation also takes `id`, `why`, `if` and `allow`: see [operations]."
        body = [*_prose(operation.__doc__), "## Keys", "", *_wrapped(keys), "", common, ""]
        yield _page("operations", name, operation.summary(), body)


def _defaults(operation: type[Operation]) -> dict[str, Any]:
    """What the keys are where nothing is said; nothing is not shown."""
    return {
        key_of(f.name): f.default
        for f in fields(operation)
        if f.default is not MISSING and isinstance(f.default, str)
    }


def _rules() -> Iterator[Page]:
    for name, rule in rules().items():
        said = f"`{name}` stands alone."
        keys: list[str] = []
        if rule.argument is not None:
            said = f"`{{{name}: ...}}` takes {takes(rule.argument)}."
            keys = list(key_lines(rule.argument))
        body = [*_prose(rule.__doc__), "## Argument", "", *_filled(said), ""]
        body += [*_wrapped(keys), ""] if keys else []
        yield _page("rules", name, rule.summary(), body)


def _values() -> Iterator[Page]:
    definitions = patch_schema()["definitions"]
    for name in dict.fromkeys(VALUES.values()):
        [first, *more] = [definitions[key] for key, page in VALUES.items() if page == name]
        title = first["description"]
        body = [*_filled(title), "", *_filled(f"It is {takes(first)}."), ""]
        for said in (first, *more):
            keys = list(_wrapped(key_lines(said)))
            if name == "weights":
                keys = [] if said is not first else _filled(f"The rules are {_quoted(rules())}.")
            if said is not first:
                body += [*_filled(said["description"]), ""]
            if keys:
                body += [*keys, ""]
        yield _page("values", name, title, body)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _rest() -> Iterator[Page]:
    schema = patch_schema()
    for name, said in SELECTOR_SCHEMA["properties"].items():
        yield _page("conditions", name, said["description"], _of_key(said))
    for name, said in schema["properties"].items():
        body = _of_key(said)
        if name == "operations":
            own = schema["definitions"]["operation"]["else"]["then"]["properties"]
            common = {key: own[key] for key in ("id", "if", "why", "allow")}
            body += ["Every operation takes:", "", *_wrapped(key_lines({"properties": common})), ""]
        yield _page("keys", name, said["description"], body)


def _of_key(said: Mapping[str, Any]) -> list[str]:
    keys = list(_wrapped(key_lines(_named(said))))
    body = [*_filled(said["description"]), "", *_filled(f"It takes {takes(said)}."), ""]
    return [*body, *keys, ""] if keys else body


def _named(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """The mapping beneath a key: its own keys, or those of each of its values."""
    values = said.get("additionalProperties")
    own = "properties" in said or not isinstance(values, Mapping)
    return said if own or values is None else values


def _codes() -> Iterator[Page]:
    for code, told in CODES.items():
        title = f"{told.title[0].upper()}{told.title[1:]}."
        yield _page("codes", code, told.title, [title, "", *_filled(told.text), ""])


def _page(kind: str, name: str, title: str, body: list[str]) -> Page:
    page = f"{kind}/{name}"
    example = dict(examples_by_page()).get(page)
    lines = list(body)
    note = written().get(page, {}).get("note")
    if example is not None or note:
        lines += ["## Example", ""]
    if note:
        lines += [*_filled(note), ""]
    if example is not None:
        lines += example_lines(example, printed().get(page))
    return Page(kind, name, title, "\n".join(lines).rstrip("\n") + "\n")


@cache
def examples_by_page() -> Mapping[str, Example]:
    """The example of each page that has one."""
    return {page: example for page, example in examples() if example.commands}


def _of_docstring(page: str, model: str, text: str) -> Example:
    """The example of a docstring, as a patch for a model."""
    _, _, step = text.partition("\n- op: ")
    return example_of({"model": model, "steps": f"- op: {step}\n", **written().get(page, {})})


def _prose(docstring: str | None) -> list[str]:
    """The sentences of a docstring, without its example."""
    text, _, _ = inspect.cleandoc(docstring or "").partition("\n- op: ")
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        lines += [*_filled(paragraph), ""]
    return lines


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    """List entries, each no wider than the page."""
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        yield from textwrap.wrap(
            line,
            WIDTH,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
