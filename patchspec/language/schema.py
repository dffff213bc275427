"""The JSON Schema of a patch, generated from the operations, and what it says in our words.

Each operation is checked against its own definition, picked by `op` with a chain of if, then and
else whose first `if` is a value that nobody uses: the shape that gives editors the right
completions and keeps a mistake in one operation from being reported against all the others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from patchspec.graph.references import REFERENCE_SCHEMA
from patchspec.graph.selectors import SELECTOR_SCHEMA
from patchspec.language.compiled import COMPILE_SCHEMA
from patchspec.language.expect import EXPECT_SCHEMA
from patchspec.language.settings import SETTINGS_SCHEMA
from patchspec.language.weights import NAMED_PATTERN, WEIGHTS_DEFINITIONS
from patchspec.operations import operations
from patchspec.operations._operation import NAME_PATTERN, Operation
from patchspec.problems import Pointer, Problem, did_you_mean, nearest, some
from patchspec.weights.rules import rules

FORMAT = 1
_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_TEMPLATE = r"^([A-Za-z0-9_.-]|\$\(([A-Za-z0-9_]+|\*)\))+$"
_OTHER_NAME = f"^(?!base$){NAME_PATTERN}$"
_WORDS = re.compile(r"\^\(([a-z|]+)\)\$\Z")
"""The pattern of a choice of words."""
_VERSION = r"\s*([<>=!]=|[<>])?\s*\d+(\.\d+)*\s*"
_VERSIONS = f"^{_VERSION}(,{_VERSION})*$"

_MODEL: Mapping[str, Any] = {
    "type": ["string", "object"],
    "minLength": 1,
    "properties": {
        "path": {"type": "string", "minLength": 1, "description": "The model file."},
        "weights": {
            "type": "string",
            "minLength": 1,
            "description": "The file of its weights, where `path` is an architecture.",
        },
        "architecture": {**_DIGEST, "description": "Refuse any other architecture."},
        "state": {**_DIGEST, "description": "Refuse any other weights."},
        "keras": {
            "type": "string",
            "pattern": _VERSIONS,
            "description": "A range of versions: '>=3.15.1'.",
        },
    },
    "additionalProperties": False,
}
_HEADER: Mapping[str, Any] = {
    "patchspec": {"const": FORMAT, "description": "The version of the language."},
    "name": {
        "type": "string",
        "pattern": f"^{NAME_PATTERN}$",
        "description": "What the variant is called.",
    },
    "description": {"type": "string", "description": "What the variant is for, in a sentence."},
    "base": {
        **_MODEL,
        "description": "The model to start from; a string is its path, relative to the patch.",
    },
    "models": {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": _OTHER_NAME},
        "additionalProperties": {
            **_MODEL,
            "description": "A model; a string is its path, relative to the patch.",
        },
        "description": "Other models that values may come from, by name.",
    },
    "seed": {
        "type": "integer",
        "minimum": 0,
        "maximum": 2**63 - 1,
        "description": "What the initial values of new variables are derived from; 0 if unset.",
    },
    "operations": {
        "type": "array",
        "items": {"$ref": "#/definitions/operation"},
        "description": "What to change, in order; none is the identity.",
    },
    "settings": SETTINGS_SCHEMA,
    "compile": COMPILE_SCHEMA,
    "expect": EXPECT_SCHEMA,
    "extends": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "description": "Patch files that come before this one, relative to it.",
    },
    "meta": {"type": "object", "description": "Anything of yours; it is carried, never read."},
}

_COMMON: Mapping[str, Any] = {
    "id": {
        "type": "string",
        "pattern": f"^{NAME_PATTERN}$",
        "description": "A stable name for reports.",
    },
    "if": {"type": "boolean", "description": "Whether it is done: `$(flag)`, a setting."},
    "why": {"type": "string", "description": "The reason, shown to reviewers."},
    "allow": {
        "type": "array",
        "items": {"type": "string", "pattern": "^PS[0-9]{3}$"},
        "description": "Findings of this operation that are accepted.",
    },
}

_DEFINITIONS: Mapping[str, Any] = {
    "selector": SELECTOR_SCHEMA,
    "reference": REFERENCE_SCHEMA,
    "place": {
        **SELECTOR_SCHEMA,
        "description": "Layers, as a selector; or one call or output of one: `x@1`, `x:1`.",
        "properties": {**SELECTOR_SCHEMA["properties"], **REFERENCE_SCHEMA["properties"]},
    },
    "outputs": {
        "type": ["string", "array", "object"],
        "minLength": 1,
        "minItems": 1,
        "minProperties": 1,
        "items": {"type": ["string", "object"], "minLength": 1},
        "description": "Tensors: one, a list, `{name: tensor}`, or a selector for every match.",
    },
    "inputs": {
        "type": ["string", "array", "object"],
        "minLength": 1,
        "minItems": 1,
        "minProperties": 1,
        "items": {"$ref": "#/definitions/reference"},
        "description": "Tensors to read: one, a list, or by position or keyword.",
    },
    "newLayer": {
        "type": "object",
        "description": "A layer to come.",
        "properties": {
            "class": {
                "type": "string",
                "minLength": 1,
                "description": "A `keras.layers` class, or a registered `package>Name`.",
            },
            "like": {
                "type": "string",
                "minLength": 1,
                "description": "A layer that is there, whose class and config it starts from.",
            },
            "layer": {
                "type": "string",
                "minLength": 1,
                "description": "Not a new layer, but one more call of this one.",
            },
            "name": {"type": "string", "pattern": _TEMPLATE, "description": "Its name."},
            "config": {"type": "object", "description": "Constructor arguments."},
            "inputs": {"$ref": "#/definitions/inputs"},
            "arguments": {"type": "object", "description": "Call arguments that are no tensors."},
            "weights": {"$ref": "#/definitions/weights"},
        },
        "additionalProperties": False,
    },
    **WEIGHTS_DEFINITIONS,
    "newLayers": {
        "type": ["object", "array"],
        "minItems": 1,
        "items": {"$ref": "#/definitions/newLayer"},
        "description": "One new layer, or a list that may branch; the last is the result.",
        "if": {"type": "object"},
        "then": {"$ref": "#/definitions/newLayer"},
    },
}


@cache
def _schema() -> Mapping[str, Any]:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "patchspec patch",
        "description": "What changes between a Keras model and a variant of it.",
        "type": "object",
        "properties": dict(_HEADER),
        "required": ["patchspec", "operations"],
        "additionalProperties": False,
        "definitions": {**_DEFINITIONS, "operation": _operation_schema()},
    }


def patch_schema() -> dict[str, Any]:
    """The draft-07 schema that a patch is checked against."""
    copy: dict[str, Any] = json.loads(json.dumps(_schema()))
    return copy


def _operation_schema() -> dict[str, Any]:
    chain: dict[str, Any] = {}
    for name, operation in reversed(list(operations().items())):
        chain = {
            "if": {"properties": {"op": {"const": name}}, "required": ["op"]},
            "then": _one_operation(name, operation),
            "else": chain,
        }
    return {
        "type": "object",
        "description": "One operation; `op` says which.",
        "properties": {
            "op": {
                "type": "string",
                "enum": list(operations()),
                "description": "What the operation does.",
            }
        },
        "required": ["op"],
        "if": {"properties": {"op": {"const": "__none__"}}, "required": ["op"]},
        "then": {},
        "else": chain,
    }


def _one_operation(name: str, operation: type[Operation]) -> dict[str, Any]:
    own = operation.schema()
    return {
        "description": own["description"],
        "properties": {
            "op": {"const": name, "description": own["description"]},
            **own["properties"],
            **_COMMON,
        },
        "required": own["required"],
        "additionalProperties": False,
    }


@cache
def _validator() -> Any:
    from jsonschema import Draft7Validator  # noqa: PLC0415 (80 ms that `--help` does not need)

    return Draft7Validator(_schema())


def schema_problems(data: Any) -> list[Problem]:
    """Everything in which `data` does not fit the schema, in our words, in document order."""
    found = [p for error in _validator().iter_errors(data) for p in _problems(error)]
    return list(dict.fromkeys(found))


def selector_problems(data: Any) -> list[Problem]:
    """Everything in which `data` is no selector."""
    from jsonschema import Draft7Validator  # noqa: PLC0415

    schema = {"$ref": "#/definitions/selector", "definitions": _DEFINITIONS}
    errors = Draft7Validator(schema).iter_errors(data)
    return [problem for error in errors for problem in _problems(error)]


TYPES = {
    "string": "text",
    "object": "a mapping",
    "array": "a list",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def _problems(error: Any) -> Iterator[Problem]:
    at: Pointer = tuple(error.absolute_path)
    said = error.instance
    wanted = error.validator_value
    match error.validator:
        case "additionalProperties" if isinstance(wanted, bool):
            known = list(error.schema.get("properties", {}))
            for key in said:
                if key not in known:
                    yield _unknown_key(key, known, at)
        case "required":
            misspelt = {n for k in said for n in nearest(k, wanted, n=1) if k not in wanted}
            for key in wanted:
                missing = key not in said and key not in misspelt
                if missing and error.message.startswith(f"'{key}'"):
                    yield Problem(
                        code="PS202",
                        message=f"the key `{key}` is missing{_inside(at)}",
                        at=at,
                        hint="a patch begins with `patchspec: 1` and has `operations`"
                        if not at
                        else None,
                    )
        case "type":
            types = [wanted] if isinstance(wanted, str) else wanted
            yield Problem(
                code="PS203",
                message=f"{_last(at)} is {_shown(said)}, wanted is {_either(types)}",
                at=at,
                hint=_type_hint(said, types),
            )
        case "enum" if at[:1] == ("operations",) and at[2:] == ("op",):
            yield Problem(
                code="PS204",
                message=f"there is no operation `{said}`",
                at=at,
                hint=did_you_mean(str(said), wanted) or f"the operations are {some(wanted, 40)}",
            )
        case "enum" | "const":
            choices = wanted if error.validator == "enum" else [wanted]
            shown = " or ".join(f"`{_json(choice)}`" for choice in choices)
            yield Problem(
                code="PS205",
                message=f"{_last(at)} is {_kind(said, choices)}`{_json(said)}`, wanted is {shown}",
                at=at,
                hint=did_you_mean(str(said), map(str, choices)),
            )
        case _:
            yield Problem(code="PS205", message=f"{_last(at)}: {_limit(error)}", at=at)


def _kind(said: Any, choices: list[Any]) -> str:
    """What sets the value apart where it looks like one of the choices."""
    alike = isinstance(said, str) and said in map(str, choices)
    return "the text " if alike else ""


def _unknown_key(key: str, known: list[str], at: Pointer) -> Problem:
    return Problem(
        code="PS201",
        message=f"nobody knows the key `{key}`{_inside(at)}",
        at=(*at, key),
        on="key",
        notes=(f"known here: {some(known, 20)}",),
        hint=did_you_mean(key, known),
    )


def _limit(error: Any) -> str:
    said, limit = error.instance, error.validator_value
    shown = f"`{_json(said)}`"
    match error.validator:
        case "pattern" if limit == NAMED_PATTERN:
            return f"{shown} is no rule for weights; the rules are {some(rules(), 20)}"
        case "pattern" if _WORDS.match(limit):
            words = _WORDS.match(limit)
            return f"{shown} is not {' or '.join(words[1].split('|')) if words else ''}"
        case "pattern" if limit == _OTHER_NAME and said == "base":
            return "`base` is the model that is patched; another model needs another name"
        case "pattern" if limit == _DIGEST["pattern"]:
            return f"{shown} is not `sha256:` and 64 hexadecimal digits"
        case "pattern" if limit == _VERSIONS:
            return f"{shown} is not a range of versions such as `>=3.15.1, <4`"
        case "pattern":
            return (
                f"{shown} is not a name: a letter or `_`, then up to 127 letters, digits, `_`, "
                "`.`, `-`"
            )
        case "minimum":
            return f"{shown} is less than {limit}"
        case "maximum":
            return f"{shown} is more than {limit}"
        case "minItems" | "minProperties" | "minLength":
            return f"{shown} is too short: at least {limit} wanted"
        case "maxItems":
            return f"{shown} is too long: at most {limit} wanted"
    return str(error.message)


def _inside(at: Pointer) -> str:
    if not at:
        return ""
    return f" in {_last(at)}"


def _last(at: Pointer) -> str:
    if not at:
        return "the patch"
    if isinstance(at[-1], int):
        return f"entry {at[-1]} of `{at[-2]}`" if len(at) > 1 else f"entry {at[-1]}"
    return f"`{at[-1]}`"


def _either(types: list[str]) -> str:
    return " or ".join(TYPES[name] for name in types)


def _shown(said: Any) -> str:
    kinds = {dict: "a mapping", list: "a list", type(None): "null"}
    return kinds.get(type(said)) or f"`{_json(said)}`"


def _json(said: Any) -> str:
    text = json.dumps(said, ensure_ascii=False) if not isinstance(said, str) else said
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 (fits a line)


def _type_hint(said: Any, types: list[str]) -> str | None:
    if "boolean" in types and str(said).lower() in {"yes", "no", "on", "off", "y", "n"}:
        return "that is text in YAML 1.2: write true or false"
    if "string" in types and isinstance(said, (int, float)):
        return f'quote it: `"{_json(said)}"`'
    if isinstance(said, str) and "integer" in types and said.isdigit():
        return "without quotes it is a number"
    return None
