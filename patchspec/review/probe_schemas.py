"""The JSON Schemas of what `probe --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT = {"type": "string"}
_MAYBE_TEXT = {"type": ["string", "null"]}
_NUMBER = {"type": "number"}
_MAYBE_NUMBER = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_SHAPE = {"type": "array", "items": _COUNT}
_NAMES = {"type": "array", "items": _TEXT}
_FIGURES = dict.fromkeys(("mean", "std", "min", "max"), _MAYBE_NUMBER)
_COUNTS = dict.fromkeys(("zeros", "nan", "inf"), _COUNT)
_OVERALL = {"count": _COUNT, **_FIGURES, **_COUNTS, "dead": _COUNT}
_CHANNELS = {key: {"type": "array", "items": one} for key, one in (_FIGURES | _COUNTS).items()}


def _object(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    said = {"type": "object", "properties": dict(properties), "required": list(properties)}
    return {**said, **more}


_ROW = _object(
    {
        "tensor": _TEXT,
        "shape": {**_SHAPE, "description": "Without the axis of the samples."},
        "dtype": _TEXT,
        "overall": _object(_OVERALL, type=["object", "null"]),
        "channels": _object(_CHANNELS, type=["object", "null"]),
        "gradient_norm": _MAYBE_NUMBER,
    },
    description="`overall` and `channels` are null where nothing was counted; a number in them "
    "where no value is finite.",
)

PROBE: Mapping[str, Any] = {
    "format": {"const": 1},
    "model": _TEXT,
    "samples": _COUNT,
    "output": {**_MAYBE_TEXT, "description": "The file of the arrays."},
    "histograms": {**_MAYBE_TEXT, "description": "The picture of them."},
    "gradient_of": {**_MAYBE_TEXT, "description": "The tensor, or `loss`."},
    "tensors": {
        "type": "array",
        "items": _ROW,
        "description": "In the order in which they are computed.",
    },
    "weights": {"type": "array", "items": _ROW},
    "first_broken": {
        **_MAYBE_TEXT,
        "description": "The first tensor with a value that is infinite or no number.",
    },
    "left_out": {**_NAMES, "description": "Tensors that have no row for each sample."},
}

COMPARISON: Mapping[str, Any] = {
    "format": {"const": 1},
    "model": _TEXT,
    "other": _TEXT,
    "samples": _COUNT,
    "atol": _NUMBER,
    "rtol": _NUMBER,
    "alike": {"type": "boolean"},
    "first": {**_MAYBE_TEXT, "description": "The tensor at which they part."},
    "tensors": {
        "type": "array",
        "items": _object(
            {
                "tensor": _TEXT,
                "shape": _SHAPE,
                "other_shape": _SHAPE,
                "parts": {"type": "boolean"},
                "values": {"type": ["integer", "null"]},
                "parted": {"type": ["integer", "null"]},
                "largest": _MAYBE_NUMBER,
                "mean": _MAYBE_NUMBER,
                "relative": _MAYBE_NUMBER,
            },
            description="Differences are null where the shapes differ, or where one is infinite.",
        ),
        "description": "Those that both have, in the order in which they are computed.",
    },
    "only_model": _NAMES,
    "only_other": _NAMES,
}
