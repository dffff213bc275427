"""from: the value of another variable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from patchspec.weights.rules._rule import Source

_TEXT = {"type": "string", "minLength": 1}


@dataclass(frozen=True, slots=True)
class From(Source):
    """Take the value of another variable, of another layer or of another model.

    A name alone is another variable of the same layer. `layer` is a path in that model as it is
    stored, before any step; `model` is one of `models`, or `base`.

    - op: set
      layers: fc1
      weights: {bias: [{from: {layer: fc1, variable: bias}}, {scale: 0.5}]}
    """

    variable: str | None = None
    layer: str | None = None
    model: str | None = None

    argument: ClassVar[Mapping[str, Any]] = {
        "type": ["string", "object"],
        "minLength": 1,
        "minProperties": 1,
        "properties": {
            "variable": {**_TEXT, "description": "Its name; the same name if unset."},
            "layer": {**_TEXT, "description": "Its layer; the same one if unset."},
            "model": {**_TEXT, "description": "One of `models`; the base if unset."},
        },
        "additionalProperties": False,
    }
