"""PS801: a name that Keras made up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from patchspec.differences.matching import snake_case
from patchspec.layers.table import layer_names
from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Pointer, Problem

CODE = "PS801"
PLACES = ("layers", "after", "before", "inputs", "outputs", "keep")
_NUMBERED = re.compile(r"(?P<name>[a-z0-9_]+?)(?:_(?P<number>\d+))?(?:[@:]\d+)*\Z")


def found(subject: Subject) -> Iterator[Lint]:
    """Every layer that is named so, unless the base's digest says which names there are."""
    if subject.patch.base.architecture is not None:
        return
    for step in subject.patch.steps:
        said = subject.patch.source.data["operations"][step.at[1]]
        for key in PLACES:
            for at, name in _texts(said.get(key), (key,)):
                class_name = _class_of(name)
                if class_name is None:
                    continue
                number = _NUMBERED.match(name)
                nth = int(number["number"] or 0) if number else 0
                problem = Problem(
                    code=CODE,
                    message=f"`{name}` is a name that Keras made up: another process may give it "
                    "to another layer",
                    at=(*step.at, *at),
                    hint=f"name the layer where the model is made, pin the base's `architecture`, "
                    f"or say `{{class: {class_name}, nth: {nth}}}`",
                )
                yield Lint(problem)


def _texts(value: Any, at: Pointer) -> Iterator[tuple[Pointer, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, (*at, i))
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in ("class", "regex", "where", "has"):
                continue
            yield from _texts(item, (*at, key))


def _class_of(name: str) -> str | None:
    match = _NUMBERED.match(name)
    if match is None or (match["number"] is None and match["name"].isalpha()):
        # `softmax` or `embedding` somebody may have chosen; `conv2d` and `dense_1` nobody does.
        return None
    return _made_up().get(match["name"])


@cache
def _made_up() -> dict[str, str]:
    """The classes of Keras by the names that it makes of them."""
    return {snake_case(name): name for name in layer_names()}
