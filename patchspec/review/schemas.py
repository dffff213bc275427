"""The JSON Schemas of what the commands print, as published in `schemas/`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from patchspec.review.difference_schema import DIFFERENCE
from patchspec.review.probe_schemas import COMPARISON, PROBE

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_MAYBE_NUMBER = {"type": ["integer", "null"]}
_SHAPE = {"type": ["array", "null"], "items": {"type": ["integer", "null"]}}
_NAMES = {"type": "array", "items": _TEXT}
_PROBLEM = {
    "type": "object",
    "properties": {
        "code": {"type": "string", "pattern": "^PS[0-9]{3}$"},
        "message": _TEXT,
        "file": _MAYBE_TEXT,
        "line": _MAYBE_NUMBER,
        "column": _MAYBE_NUMBER,
        "hint": _MAYBE_TEXT,
        "notes": _NAMES,
    },
    "required": ["code", "message", "file", "line", "column", "hint"],
}
_COUNTS = {
    "type": "object",
    "properties": {"total": _MAYBE_NUMBER, "trainable": _MAYBE_NUMBER},
    "required": ["total", "trainable"],
}
_MOVED = {
    "type": "object",
    "properties": {key: {"type": "integer"} for key in ("variables", "values", "bytes")},
    "required": ["variables", "values", "bytes"],
}
_ACTIONS = ["kept", "adapted", "loaded", "initialised", "dropped"]
_EDIT = {
    "type": "object",
    "properties": {"op": {"enum": ["test", "add", "remove", "replace"]}, "path": _TEXT},
    "required": ["op", "path"],
}
_END = {
    "type": "object",
    "properties": {"name": _TEXT, "tensor": _TEXT, "shape": _SHAPE, "dtype": _MAYBE_TEXT},
    "required": ["name", "tensor", "shape", "dtype"],
}

_PLAN: Mapping[str, Any] = {
    "format": {"const": 1},
    "digest": _TEXT,
    "changes": {"type": "boolean"},
    "with_shapes": {"type": "boolean"},
    "weights_known": {"type": "boolean"},
    "base": {
        "type": "object",
        "properties": {"origin": _TEXT, "architecture": _TEXT, "state": _MAYBE_TEXT},
        "required": ["origin", "architecture", "state"],
    },
    "architecture": _TEXT,
    "patches": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": _MAYBE_TEXT,
                "file": _MAYBE_TEXT,
                "digest": _TEXT,
                "seed": {"type": "integer"},
            },
            "required": ["name", "file", "digest", "seed", "settings"],
        },
    },
    "summary": {
        "type": "object",
        "properties": dict.fromkeys(("added", "removed", "changed", "rewired"), _NAMES),
        "required": ["added", "removed", "changed", "rewired", "replaced", "renamed"],
    },
    "steps": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "op": _TEXT,
                "targets": _NAMES,
                "edits": {"type": "array", "items": _EDIT},
            },
            "required": ["op", "id", "why", "file", "line", "targets", "edits"],
        },
    },
    "opened": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"path": _TEXT, "class": _TEXT},
            "required": ["path", "class"],
        },
        "description": "Subclasses that become plain functional models.",
    },
    "branched": {**_NAMES, "description": "Sequential models that become functional, by path."},
    "json_patch": {"type": "array", "items": _EDIT},
    "weights": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "path": _TEXT,
                "name": _MAYBE_TEXT,
                "shape": _SHAPE,
                "dtype": _MAYBE_TEXT,
                "action": {"enum": _ACTIONS},
                "rule": _MAYBE_TEXT,
            },
            "required": ["path", "name", "shape", "dtype", "action", "sources", "rule", "step"],
        },
    },
    "transfer": {
        "type": "object",
        "properties": dict.fromkeys(_ACTIONS, _MOVED),
        "required": _ACTIONS,
    },
    "outputs": {"type": "array", "items": _END},
    "training": {
        "type": "object",
        "properties": {
            "compiled": {"type": "boolean"},
            "losses": {
                "type": ["object", "null"],
                "additionalProperties": _MAYBE_TEXT,
                "description": "The loss of each output; null where it is not said by output.",
            },
            "optimizer": {
                "type": ["object", "null"],
                "properties": {"kept": {"type": "integer"}, "fresh": _NAMES, "dropped": _NAMES},
                "required": ["kept", "fresh", "dropped"],
                "description": "The trainable variables that go on with the optimizer's state, "
                "that start anew, and those of the base whose state goes; null where there is "
                "none to keep.",
            },
        },
        "required": ["compiled", "losses", "optimizer"],
    },
    "parameters": {
        "type": "object",
        "properties": {"before": _COUNTS, "after": _COUNTS},
        "required": ["before", "after"],
    },
    "models": {
        "type": "object",
        "additionalProperties": {
            "type": "object",
            "properties": {"origin": _TEXT, "architecture": _TEXT, "state": _MAYBE_TEXT},
            "required": ["origin", "architecture", "state"],
        },
        "description": "The other models that values come from.",
    },
    "expectations": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "patch": {"type": "integer"},
                "path": {"type": "array"},
                "what": _TEXT,
                "expected": _TEXT,
                "actual": _TEXT,
                "holds": {"type": ["boolean", "null"]},
            },
            "required": ["patch", "path", "what", "expected", "actual", "holds"],
        },
        "description": "`holds` is null where it is not known yet.",
    },
    "findings": {"type": "array", "items": _PROBLEM},
}

_LAYER = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "path": _TEXT,
        "class": _TEXT,
        "registered_name": _MAYBE_TEXT,
        "operation": {"type": "boolean"},
        "trainable": {"type": ["boolean", "null"]},
        "parameters": _MAYBE_NUMBER,
        "calls": {"type": "array"},
        "wrapped": {"type": "array", "items": {"$ref": "#/definitions/wrapped"}},
        "layers": {"type": ["array", "null"], "items": {"$ref": "#/definitions/layer"}},
    },
    "required": ["name", "path", "class", "operation", "parameters", "calls", "wrapped", "layers"],
}
_WRAPPED = {
    "type": "object",
    "properties": {
        "name": _TEXT,
        "path": _TEXT,
        "class": _TEXT,
        "trainable": {"type": ["boolean", "null"]},
        "wrapped": {"type": "array", "items": {"$ref": "#/definitions/wrapped"}},
    },
    "required": ["name", "path", "class", "wrapped"],
}

_INSPECT: Mapping[str, Any] = {
    "format": {"const": 1},
    "origin": _TEXT,
    "name": _MAYBE_TEXT,
    "architecture": _TEXT,
    "state": _MAYBE_TEXT,
    "compiled": {"type": "boolean"},
    "inputs": {"type": "array", "items": _END},
    "outputs": {"type": "array", "items": _END},
    "parameters": _MAYBE_NUMBER,
    "no_weights": _MAYBE_TEXT,
    "upgrades": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"dialect": _TEXT, "layer": _TEXT, "text": _TEXT},
            "required": ["dialect", "layer", "text"],
        },
    },
    "layers": {"type": "array", "items": {"$ref": "#/definitions/layer"}},
}


_NESTED = ("plan", "inspect")
_LINT: Mapping[str, Any] = {
    "format": {"const": 1},
    "findings": {
        "type": "array",
        "items": {
            **_PROBLEM,
            "properties": {
                **_PROBLEM["properties"],  # type: ignore[dict-item]
                "level": {"enum": ["warning", "note"]},
                "fix": {
                    "type": ["object", "null"],
                    "properties": {"what": _TEXT, "safe": {"type": "boolean"}},
                    "required": ["what", "safe", "edits"],
                },
            },
            "required": [*_PROBLEM["required"], "level", "fix"],
        },
    },
}
_SCHEMAS = {
    "plan": _PLAN,
    "inspect": _INSPECT,
    "probe": PROBE,
    "comparison": COMPARISON,
    "diff": DIFFERENCE,
    "lint": _LINT,
}


def schema(name: str) -> dict[str, Any]:
    """The schema of what a command prints with `--json`; `comparison` is `probe --compare`."""
    properties = _SCHEMAS[name]
    command = "probe --compare" if name == "comparison" else name
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"patchspec {command} --json",
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        **({"definitions": {"layer": _LAYER, "wrapped": _WRAPPED}} if name in _NESTED else {}),
    }


def printed(name: str) -> str:
    """The schema as the file in `schemas/` holds it."""
    return json.dumps(schema(name), indent=2) + "\n"
