"""The JSON Schema of `compile`: what the variant is trained with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OBJECT: Mapping[str, Any] = {"type": ["string", "object", "array", "null"]}
_FLAG = {"type": "boolean"}

COMPILE_SCHEMA: Mapping[str, Any] = {
    "type": ["string", "object"],
    "pattern": "^(keep|drop)$",
    "minProperties": 1,
    "description": "`keep` (or refuse), `drop`, or what to replace. Unset: kept where it fits.",
    "properties": {
        "optimizer": {
            "type": ["string", "object"],
            "description": "A name, or `{class, config}`.",
        },
        "loss": {**_OBJECT, "description": "A name, `{class, config}`, a list, or by output."},
        "loss_weights": {
            "type": ["array", "object", "null"],
            "description": "Numbers, in order or by output.",
        },
        "metrics": {**_OBJECT, "description": "A list of metrics, or one for each output."},
        "weighted_metrics": {**_OBJECT, "description": "Metrics that heed sample weights."},
        "run_eagerly": {**_FLAG, "description": "Whether nothing is compiled to a graph."},
        "jit_compile": {
            "type": ["boolean", "string"],
            "description": "Whether XLA compiles it: true, false or auto.",
        },
        "steps_per_execution": {
            "type": "integer",
            "minimum": 1,
            "description": "Batches in each call of the compiled function.",
        },
    },
    "additionalProperties": False,
}
