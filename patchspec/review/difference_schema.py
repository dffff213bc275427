"""The JSON Schema of what `diff --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_MAYBE_NUMBER = {"type": ["number", "null"]}
_MAYBE_COUNT = {"type": ["integer", "null"]}
_NAMES = {"type": "array", "items": _TEXT}
_MAYBE_SHAPE = {"type": ["array", "null"], "items": {"type": "integer"}}


def _object(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    said = {"type": "object", "properties": dict(properties), "required": list(properties)}
    return {**said, **more}


def _list(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": _object(properties)}


_END = _list({"name": _TEXT, "tensor": _TEXT})
_MODEL = _object(
    {
        "origin": _TEXT,
        "architecture": _TEXT,
        "layers": {"type": "integer"},
        "parameters": _object({"total": _MAYBE_COUNT, "trainable": _MAYBE_COUNT}),
        "inputs": _END,
        "outputs": _END,
    }
)
_PAIRS = _list({"from": _TEXT, "to": _TEXT})
_READS = {"type": "array", "items": _NAMES}

DIFFERENCE: Mapping[str, Any] = {
    "format": {"const": 1},
    "equal": {"type": "boolean"},
    "before": _MODEL,
    "after": _MODEL,
    "summary": _object(
        {
            **dict.fromkeys(("added", "removed", "changed", "rewired"), _NAMES),
            "replaced": _PAIRS,
            "renamed": _PAIRS,
        }
    ),
    "guesses": _list({"from": _TEXT, "to": _TEXT, "by": {"enum": ["weights", "structure"]}}),
    "layers": {
        "type": "array",
        "items": _object(
            {"layer": _TEXT, "was": _MAYBE_TEXT},
            anyOf=[{"required": ["config"]}, {"required": ["reads"]}],
        ),
    },
    "shapes": _list({"tensor": _TEXT, "before": _TEXT, "after": _TEXT}),
    "weights": _object(
        {
            "equal": {"type": "integer"},
            "changes": _list(
                {
                    "layer": _TEXT,
                    "variable": _TEXT,
                    "before": _MAYBE_SHAPE,
                    "after": _MAYBE_SHAPE,
                    "dtypes": {"type": ["array", "null"], "items": _TEXT},
                    "largest": _MAYBE_NUMBER,
                    "relative": _MAYBE_NUMBER,
                }
            ),
        },
        type=["object", "null"],
    ),
}
