"""The schema as editors want it: the one that checks patches, and what there is to choose from.

It accepts what the schema of `patchspec.language.schema` accepts and, as a text is in an editor
before any setting is put in, `$(name)` wherever a setting may stand. What is proposed beyond that
stands under `defaultSnippets`, and messages under `patternErrorMessage`: both are known to
yaml-language-server and to Visual Studio Code, and mean nothing to validators.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.language.constructors import (
    PLACEHOLDER,
    WORDS,
    choice,
    class_texts,
    constructor_definitions,
    offered,
)
from patchspec.language.schema import patch_schema
from patchspec.language.settings import UNFILLED
from patchspec.operations import operations


@dataclass(frozen=True, slots=True)
class Names:
    """What there is to choose from in one model."""

    layers: Mapping[str, str] = field(default_factory=dict)
    """The path of every layer, in graph order, and what is said of it."""
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    """What the inputs and outputs are called."""
    classes: Mapping[str, str] = field(default_factory=dict)
    """The classes of its layers."""


def names_of(graph: Graph) -> Names:
    """What an editor can propose in a patch of this model."""
    layers = {layer.path: layer.class_name for layer in _every(graph.walk())}
    return Names(
        layers,
        tuple(end_names(graph.inputs)),
        tuple(end_names(graph.outputs)),
        {name: _times(number) for name, number in Counter(layers.values()).items()},
    )


def _every(layers: Iterable[Layer]) -> Iterator[Layer]:
    """The layers, each followed by what it wraps."""
    for layer in layers:
        yield layer
        yield from _every(layer.wrapped.values())


def _times(number: int) -> str:
    return "one layer" if number == 1 else f"{number} layers"


def editor_schema(names: Names | None = None) -> dict[str, Any]:
    """The draft-07 schema of a patch for editors, with the names of a model where one is given."""
    lean = patch_schema()
    definitions = {key: _open(schema) for key, schema in lean["definitions"].items()}
    new_layer = definitions["newLayer"]
    new_layer["properties"]["class"] = {"$ref": "#/definitions/layerClass"}
    class_wanted = {"if": {"required": ["layer"]}, "else": {"required": ["class"]}}
    new_layer["allOf"] = [
        {"$ref": "#/definitions/constructor"},
        {"if": {"required": ["like"]}, "else": class_wanted},
    ]
    _describe_operations(definitions["operation"])
    _offer_names(definitions, names)
    # A title would head every hover text of the document.
    del lean["title"]
    return {
        **lean,
        "properties": {
            key: schema if key in UNFILLED else _open(schema)
            for key, schema in lean["properties"].items()
        },
        "definitions": {**definitions, **constructor_definitions()},
    }


def printed_schema(names: Names | None = None) -> str:
    """The schema as the file in `schemas/` holds it: what fits stands in one line."""
    return _printed(editor_schema(names), "") + "\n"


_WIDTH = 120


def _printed(value: Any, indent: str) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(text) <= _WIDTH or not isinstance(value, (dict, list)):
        return text
    inner = f"{indent} "
    if isinstance(value, list):
        lines = [inner + _printed(item, inner) for item in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{inner}{json.dumps(key)}: {_printed(item, inner)}" for key, item in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def _open(schema: Any) -> Any:
    """The schema, where a placeholder may stand for every value without mappings in it."""
    if not isinstance(schema, dict):
        return schema
    inner = {key: _inner(key, value) for key, value in schema.items()}
    values = inner.get("enum")
    if values and all(isinstance(value, str) for value in values):
        del inner["enum"]
        return {"type": "string", **inner, **choice(values)}
    said = inner.get("type", ())
    types = [said] if isinstance(said, str) else said
    if "$ref" in inner.get("items", ()) and "pattern" not in inner:
        return inner
    return inner | _placeholder(types, inner.get("pattern"))


def _inner(key: str, value: Any) -> Any:
    if key == "properties":
        return {name: value[name] if name == "op" else _open(value[name]) for name in value}
    if key in ("items", "additionalProperties", "then", "else"):
        return _open(value)
    return value


def _placeholder(types: Sequence[str], pattern: str | None) -> dict[str, Any]:
    """What lets a placeholder in where values have these types, and texts fit this pattern."""
    if types and "string" not in types and "object" not in types:
        wanted = " or ".join(WORDS[name] for name in types)
        return {
            "type": [*types, "string"],
            "pattern": PLACEHOLDER,
            "patternErrorMessage": f"wanted is {wanted}",
        }
    if pattern is None:
        return {}
    words = _WORDS_ALONE.match(pattern)
    if words is not None:
        return choice(words[1].split("|"))
    return {
        "pattern": f"{pattern}|{PLACEHOLDER}",
        "patternErrorMessage": _wanted(pattern),
    }


_WORDS_ALONE = re.compile(r"\^\(([a-z|]+)\)\$\Z")


def _wanted(pattern: str) -> str:
    if pattern.startswith("^sha256:"):
        return "wanted is `sha256:` and 64 hexadecimal digits"
    if pattern.startswith("^PS"):
        return "wanted is the code of a finding, such as PS414"
    if "[<>=!]" in pattern:
        return "wanted is a range of versions, such as >=3.15.1, <4"
    return "wanted is a name: a letter or _, then up to 127 letters, digits, _, ., -"


def _describe_operations(operation: dict[str, Any]) -> None:
    """Say of each operation what it does, where its name is chosen."""
    known = operations()
    operation["properties"]["op"] |= {
        "enumDescriptions": [
            known[name].summary() for name in operation["properties"]["op"]["enum"]
        ]
    }


def _offer_names(definitions: dict[str, Any], known: Names | None) -> None:
    """Propose layers, tensors and classes wherever one is named, without refusing anything else.

    Changes the definitions in place. What is proposed for the entries of a list stands beside
    their `type`: an `allOf` would itself be proposed as an entry.
    """
    names = known or Names()
    layers = [
        *offered(names.layers, first=0),
        *offered(_ends("input", names.inputs), first=len(names.layers)),
    ]
    places = [*layers, *offered(_ends("output", names.outputs), first=len(layers))]
    here = {"$here": "The tensor that is extended or replaced."}
    tensors = [*places, *offered(here, first=len(places))]
    classes = offered(dict(sorted((names.classes or class_texts()).items())))
    conditions = definitions["selector"]["properties"]
    for key, proposals in (("name", layers), ("class", classes)):
        condition = conditions[key]
        definitions[f"one{key.title()}"] = {**condition["items"], "defaultSnippets": proposals}
        definitions[f"{key}Condition"] = {
            **condition,
            "items": {"$ref": f"#/definitions/one{key.title()}"},
            "defaultSnippets": proposals,
        }
        for selector in ("selector", "place"):
            definitions[selector]["properties"][key] = {"$ref": f"#/definitions/{key}Condition"}
    for selector, proposals in (("selector", layers), ("place", places)):
        definitions[selector] = _unrolled(definitions[selector], proposals)
    definitions["knownTensor"] = {"defaultSnippets": tensors}
    for name in ("inputs", "outputs"):
        definitions[name]["allOf"] = [{"$ref": "#/definitions/knownTensor"}]
    definitions["reference"]["defaultSnippets"] = tensors
    definitions["outputs"]["items"]["defaultSnippets"] = tensors
    definitions["outputs"]["additionalProperties"] = {"$ref": "#/definitions/knownTensor"}
    definitions["inputs"]["additionalProperties"] = {"$ref": "#/definitions/reference"}
    # Without a model there is one proposal, and a lone one would be written with the key.
    for name, key in _LAYER_KEYS if known else ():
        description = definitions[name]["properties"][key]["description"]
        definitions[name]["properties"][key] = {
            "$ref": "#/definitions/oneName",
            "description": description,
        }


_LAYER_KEYS = (
    ("newLayer", "like"), ("newLayer", "layer"), ("place", "layer"), ("reference", "layer"),
)  # fmt: skip


def _unrolled(selector: dict[str, Any], proposals: list[dict[str, Any]]) -> dict[str, Any]:
    """A selector whose `items` are found in a list only.

    Where a schema is an item of itself, yaml-language-server looks for proposals without end.
    """
    rest = {key: value for key, value in selector.items() if key != "items"}
    then = {"items": selector["items"]}
    return {**rest, "defaultSnippets": proposals, "if": {"type": "array"}, "then": then}


def _ends(end: str, names: Sequence[str]) -> dict[str, str]:
    """The references of the inputs or of the outputs: by name where there are several."""
    if len(names) <= 1:
        return {f"${end}": f"The {end} of the model."}
    return {f"${end}:{name}": f"The {end} `{name}` of the model." for name in names}
