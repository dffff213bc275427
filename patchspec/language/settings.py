"""A patch's own knobs: what it declares, the values given for them, and `$(name)` in its text.

A value is put in before anything else looks at the patch, so that what follows checks what is
meant, not how it was written. `$(target)` and its like stay: only a match gives them a meaning.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.problems import Pointer, Problem

MATCHED = frozenset({"target", "index", "*", "parent", "variant"})
"""Placeholders that a match, or a variant, gives a meaning."""
PLACEHOLDER = re.compile(r"\$\(([^()]*)\)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TYPES: Mapping[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
    "list": (list,),
}
UNFILLED = ("settings", "meta", "patchspec", "extends")
"""Keys of a patch in which no placeholder is looked for."""

SETTINGS_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "description": "The patch's own knobs; `$(name)` stands for a value, `--set name=5` gives one.",
    "additionalProperties": {
        "type": "object",
        "properties": {
            "type": {"enum": list(_TYPES), "description": "What its values are."},
            "default": {"description": "The value where none is given; without, one must be."},
            "min": {"type": "number", "description": "The least value."},
            "max": {"type": "number", "description": "The greatest value."},
            "choices": {"type": "array", "minItems": 1, "description": "The only values."},
            "description": {"type": "string", "description": "What it is for."},
        },
        "required": ["type"],
        "additionalProperties": False,
    },
}


def setting_values(
    declared: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """The value of every declared setting, and what is wrong with the declarations and values.

    Pointers start at the patch. A text given for a setting of another type is read as YAML reads
    it: that is how a command line says a number.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, said in declared.items():
        at: Pointer = ("settings", name)
        if not _NAME.match(name) or name in MATCHED:
            problems.append(_problem(f"`{name}` cannot be the name of a setting", at, "key"))
        elif not isinstance(said, Mapping) or said.get("type") not in _TYPES:
            continue
        elif name in given:
            values[name] = _read(given[name], said["type"])
            problems += _faults(name, values[name], said, at)
        elif "default" in said:
            values[name] = said["default"]
            problems += _faults(name, values[name], said, (*at, "default"))
        else:
            hint = f"`--set {name}=...`, or give it a `default`"
            problems.append(_problem(f"the setting `{name}` has no value", at, "key", hint))
    return values, problems


def sample_values(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value that would do for every setting that has none, to look at the rest of a patch."""
    usual: Mapping[str, Any] = {"int": 1, "float": 1.0, "bool": False, "str": "x", "list": []}
    return {
        name: next(iter(said.get("choices", ())), said.get("min", usual[said["type"]]))
        for name, said in declared.items()
        if isinstance(said, Mapping) and said.get("type") in usual
        if name not in given and "default" not in said
    }


def _read(value: Any, kind: str) -> Any:
    if not isinstance(value, str) or kind == "str":
        return value
    from patchspec.language.source import read_text  # noqa: PLC0415 (the reader of a lone value)

    return read_text(value).data


def _faults(name: str, value: Any, said: Mapping[str, Any], at: Pointer) -> Iterator[Problem]:
    kind = said["type"]
    fits = isinstance(value, _TYPES[kind]) and (kind == "bool") == isinstance(value, bool)
    if not fits:
        yield _problem(f"the setting `{name}` is {_shown(value)}, wanted is {_ARTICLES[kind]}", at)
    elif "choices" in said and value not in said["choices"]:
        choices = ", ".join(map(str, said["choices"]))
        yield _problem(f"the setting `{name}` is {_shown(value)}, the choices are {choices}", at)
    elif kind in ("int", "float") and not said.get("min", value) <= value <= said.get("max", value):
        low, high = said.get("min", "any"), said.get("max", "any")
        yield _problem(f"the setting `{name}` is {value}, wanted is {low} to {high}", at)


_ARTICLES = {
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "list": "a list",
}


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value)


def _problem(message: str, at: Pointer, on: Any = "value", hint: str | None = None) -> Problem:
    return Problem(code="PS218", message=message, at=at, on=on, hint=hint)


def filled(data: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The patch with a value for every `$(name)` of a setting; a lone one keeps its type."""
    return {key: value if key in UNFILLED else _fill(value, values) for key, value in data.items()}


def _fill(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    if not isinstance(value, str) or "$(" not in value:
        return value
    lone = PLACEHOLDER.fullmatch(value)
    if lone is not None and lone[1] in values:
        return values[lone[1]]
    return PLACEHOLDER.sub(lambda m: str(values[m[1]]) if m[1] in values else m[0], value)


def unknown_placeholders(data: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[Problem]:
    """Every `$(name)` that stands for nothing: no setting, no match, nothing of an `each`."""
    for key, value in data.items():
        if key in UNFILLED:
            continue
        listed: list[tuple[int | None, Any]] = [(None, value)]
        if key == "operations" and isinstance(value, list):
            listed = list(enumerate(value))
        for i, item in listed:
            at: Pointer = (key,) if i is None else (key, i)
            own = item.get("each") if isinstance(item, Mapping) else None
            known = {*declared, *MATCHED, *(own if isinstance(own, Mapping) else ())}
            yield from _unknown(item, known, at)


def _unknown(value: Any, known: set[str], at: Pointer) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _unknown(item, known, (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _unknown(item, known, (*at, i))
    elif isinstance(value, str):
        for name in PLACEHOLDER.findall(value):
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean `$({near[0]})`?" if near else "declare it under `settings`"
                yield Problem(
                    code="PS218", message=f"`$({name})` stands for nothing", at=at, hint=hint
                )
