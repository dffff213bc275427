"""The JSON Schema of `weights`, generated from the rules.

A mapping is one rule where its lone key is the name of a rule, else rules by variable. Variables
may be called as rules are (`scale`, `mean`): of those rules the argument is a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.weights.rules import rules

_NAMED = [name for name, rule in rules().items() if rule.argument is None]
_GIVEN = {name: rule.argument for name, rule in rules().items() if rule.argument is not None}
_NUMERIC = [name for name, said in _GIVEN.items() if said["type"] in ("integer", "number")]
NAMED_PATTERN = f"^({'|'.join(_NAMED)})$"

_ARGUMENTS: Mapping[str, Any] = {
    name: {**argument, "description": rules()[name].summary()} for name, argument in _GIVEN.items()
}
_ONE_RULE: Mapping[str, Any] = {
    "maxProperties": 1,
    "propertyNames": {"enum": list(_GIVEN)},
    "properties": {name: {"type": "number"} for name in _NUMERIC},
}
"""What tells one rule from rules by variable."""

WEIGHTS_DEFINITIONS: Mapping[str, Any] = {
    "rule": {
        "type": ["string", "object"],
        "description": "A rule: where a value comes from, or what is made of it.",
        "pattern": NAMED_PATTERN,
        "minProperties": 1,
        "maxProperties": 1,
        "properties": dict(_ARGUMENTS),
        "additionalProperties": False,
    },
    "pipeline": {
        "type": ["string", "object", "array"],
        "description": "A rule, or several in order, which start from the value that is there.",
        "minItems": 1,
        "items": {"$ref": "#/definitions/rule"},
        "if": {"type": ["string", "object"]},
        "then": {"$ref": "#/definitions/rule"},
    },
    "weights": {
        "type": ["string", "object", "array"],
        "description": "Rules for the values: one for all variables, or `{variable: rule}`.",
        "pattern": NAMED_PATTERN,
        "minItems": 1,
        "minProperties": 1,
        "items": {"$ref": "#/definitions/rule"},
        "if": dict(_ONE_RULE),
        "then": {"properties": dict(_ARGUMENTS)},
        "else": {"additionalProperties": {"$ref": "#/definitions/pipeline"}},
    },
}
