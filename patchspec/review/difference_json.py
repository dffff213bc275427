"""Two models side by side as JSON."""

from __future__ import annotations

from typing import Any

from patchspec.differences.counting import total_parameters, trainable_parameters
from patchspec.differences.difference import Difference
from patchspec.graph.references import end_names
from patchspec.models.base import Base
from patchspec.planning.summary import calls_read, names_after
from patchspec.review.differences import shape_rows
from patchspec.review.rows import config_changes

FORMAT = 1


def difference_json(found: Difference) -> dict[str, Any]:
    """The difference for programs; `schemas/diff.schema.json` describes it."""
    s = found.lineage.layers
    return {
        "format": FORMAT,
        "equal": found.is_empty,
        "before": _model_json(found.before),
        "after": _model_json(found.after),
        "summary": {
            "added": list(s.added),
            "removed": list(s.removed),
            "changed": list(s.changed),
            "rewired": list(s.rewired),
            "replaced": [{"from": old, "to": new} for old, new in s.replaced],
            "renamed": [{"from": old, "to": new} for old, new in s.renamed],
        },
        "guesses": [
            {"from": found.lineage.origins[path], "to": path, "by": reason}
            for path, reason in found.guesses.items()
        ],
        "layers": [
            *(_changed_json(found, path) for path in s.changed),
            *(_rewired_json(found, path) for path in s.rewired),
        ],
        "shapes": [
            {"tensor": tensor, "before": was, "after": now}
            for tensor, was, _, now in shape_rows(found)
        ],
        "weights": None if found.values is None else _values_json(found),
    }


def _model_json(base: Base) -> dict[str, Any]:
    ends = {}
    for key, slots in (("inputs", base.graph.inputs), ("outputs", base.graph.outputs)):
        names = end_names(slots)
        ends[key] = [
            {"name": name, "tensor": str(slot.tensor)}
            for name, slot in zip(names, slots, strict=True)
        ]
    return {
        "origin": base.origin,
        "architecture": base.architecture,
        "layers": len(base.graph.by_path),
        "parameters": {
            "total": total_parameters(base),
            "trainable": trainable_parameters(base),
        },
        **ends,
    }


def _changed_json(found: Difference, path: str) -> dict[str, Any]:
    changes = [
        {"key": key, "before": old, "after": new}
        for key, old, new in config_changes(found.lineage, path)
    ]
    return {"layer": path, "was": found.lineage.origins[path], "config": changes}


def _rewired_json(found: Difference, path: str) -> dict[str, Any]:
    was = calls_read(found.lineage.origin(path), names_after(found.lineage.origins))
    now = calls_read(found.lineage.after.by_path[path], {})
    return {
        "layer": path,
        "was": found.lineage.origins[path],
        "reads": {
            "before": [[str(t) for t in call.values()] for call in was],
            "after": [[str(t) for t in call.values()] for call in now],
        },
    }


def _values_json(found: Difference) -> dict[str, Any]:
    values = found.values
    assert values is not None
    return {
        "equal": values.equal,
        "changes": [
            {
                "layer": change.layer,
                "variable": change.variable,
                "before": None if change.before is None else list(change.before),
                "after": None if change.after is None else list(change.after),
                "dtypes": None if change.dtypes is None else list(change.dtypes),
                "largest": change.largest,
                "relative": change.relative,
            }
            for change in values.changes
        ],
    }
