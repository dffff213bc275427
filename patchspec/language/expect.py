"""The JSON Schema of `expect`: what must hold of the variant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_COUNT: Mapping[str, Any] = {
    "type": ["integer", "array"],
    "minimum": 0,
    "minItems": 2,
    "maxItems": 2,
    "items": {"type": ["integer", "null"], "minimum": 0},
}
_NAMES = {
    "type": ["array", "integer"],
    "minimum": 0,
    "items": {"type": "string", "minLength": 1},
}
_SHAPE = {"type": "array", "items": {"type": ["integer", "null"], "minimum": 0}}
_ENDS: Mapping[str, Any] = {
    "type": ["object", "array"],
    "minProperties": 1,
    "items": _SHAPE,
    "additionalProperties": _SHAPE,
}
_ACTIONS = {
    "kept": "stay as they are",
    "adapted": "rules make of others of the base",
    "loaded": "come from other models",
    "initialised": "start anew",
    "dropped": "go",
}


def _counts(what: Mapping[str, str], **others: Any) -> dict[str, Any]:
    counts = {key: {**_COUNT, "description": said} for key, said in what.items()}
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {**counts, **others},
        "additionalProperties": False,
    }


_COMPARISONS: Mapping[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {
            "tensor": {"$ref": "#/definitions/reference"},
            "as": {
                "$ref": "#/definitions/reference",
                "description": "The tensor of the base, where it has another name there.",
            },
            "atol": {"type": "number", "minimum": 0, "description": "1e-5 if unset."},
            "rtol": {"type": "number", "minimum": 0, "description": "1e-5 if unset."},
            "batch": {"type": "integer", "minimum": 1, "description": "Samples; 2 if unset."},
            "seed": {"type": "integer", "minimum": 0, "description": "That of the input."},
            "data": {
                "type": "string",
                "minLength": 1,
                "description": "A `.npz` with an array for each input, in place of random ones.",
            },
        },
        "required": ["tensor"],
        "additionalProperties": False,
    },
}

EXPECT_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "description": "What must hold; anything else is an error.",
    "properties": {
        "inputs": {**_ENDS, "description": "Shapes of inputs, by name or in order."},
        "outputs": {**_ENDS, "description": "Shapes of outputs, by name or in order."},
        "layers": {
            "type": "object",
            "minProperties": 1,
            "properties": {
                "total": {**_COUNT, "description": "How many layers the model has."},
                "added": {**_NAMES, "description": "The new layers, or their number."},
                "removed": {**_NAMES, "description": "The layers that go, or their number."},
                "changed": {**_NAMES, "description": "Layers with another config, or how many."},
            },
            "additionalProperties": False,
        },
        "parameters": {
            **_counts(
                {"total": "All values.", "trainable": "Those that train."},
                delta={"type": "integer", "description": "How many more than in the base."},
            ),
            "description": "Numbers of values in variables.",
        },
        "weights": {
            **_counts({action: f"Variables that {said}." for action, said in _ACTIONS.items()}),
            "description": "Numbers of variables, by what becomes of them.",
        },
        "frozen": {
            "$ref": "#/definitions/selector",
            "description": "Layers of which nothing trains.",
        },
        "same": {**_COMPARISONS, "description": "Tensors that equal those of the base."},
        "different": {**_COMPARISONS, "description": "Tensors that do not."},
    },
    "additionalProperties": False,
}
