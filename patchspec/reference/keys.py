"""The keys of a mapping as lines to read, from its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.language.schema import TYPES

VALUES: Mapping[str, str] = {
    "selector": "selector",
    "place": "place",
    "reference": "reference",
    "outputs": "outputs",
    "inputs": "inputs",
    "newLayers": "new",
    "newLayer": "new",
    "weights": "weights",
    "pipeline": "weights",
    "rule": "weights",
}
"""Definitions of the schema that have a page of their own, and what the page is called."""


def key_lines(
    schema: Mapping[str, Any], defaults: Mapping[str, Any] | None = None, depth: int = 0
) -> Iterator[str]:
    """A line for each property: its name, what it takes, what it means, what it is if unset."""
    for name, said in schema.get("properties", {}).items():
        required = ", required" if name in schema.get("required", ()) else ""
        line = f"{'  ' * depth}- `{name}`: {takes(said)}{required}."
        if "description" in said:
            line += f" {said['description']}"
        default = (defaults or {}).get(name)
        if default is not None:
            line += f" If unset: `{default}`."
        yield line
        yield from key_lines(_inner(said), depth=depth + 1)


def takes(schema: Mapping[str, Any]) -> str:
    """What a value may be, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{VALUES.get(name, name)}]"
    if "const" in schema:
        return f"`{_json(schema['const'])}`"
    if "enum" in schema:
        return " or ".join(f"`{_json(choice)}`" for choice in schema["enum"])
    said = schema.get("type", ())
    types = [said] if isinstance(said, str) else said
    return " or ".join(_one(name, schema) for name in types) or "any value"


def _one(name: str, schema: Mapping[str, Any]) -> str:
    if name == "array":
        return _list(schema)
    if name == "object":
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping) and "properties" not in schema:
            return f"a mapping of names to {_many(takes(values))}"
        return "a mapping"
    text = TYPES[name]
    if name in ("integer", "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        text += f" from {low}" if low is not None else ""
        text += f" to {high}" if high is not None else ""
    return text


def _list(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minItems"), schema.get("maxItems")
    size = f" of {low}" if low is not None and low == high else ""
    if schema.get("items", {}).get("type") == ["integer", "null"]:
        return "`[least, most]`" if size else "a shape"
    if "items" not in schema:
        return f"a list{size}"
    item = takes(schema["items"])
    return f"a list{size} of {_many(item)}" if not size else f"a list{size}, each {item}"


def _many(text: str) -> str:
    """What one is, said of several."""
    plural = {
        "a mapping": "mappings",
        "a list": "lists",
        "an integer": "integers",
        "a number": "numbers",
        "text": "texts",
        "a shape": "shapes",
    }
    first, *rest = text.split(" or ")
    return " or ".join(plural.get(part, part) for part in (first, *rest))


def _inner(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema whose properties a reader wants beneath the key: its own, or its values'."""
    if "properties" in schema:
        return schema
    for key in ("additionalProperties", "items"):
        inner = schema.get(key)
        if isinstance(inner, Mapping) and "properties" in inner:
            return inner
    return {}


def _json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
