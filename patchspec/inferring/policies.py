"""Dtype policies: in which dtype a layer computes, and in which it keeps its variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
NUMBERS = (*FLOATS, *INTEGERS, "bool")
"""The dtypes of the tensors that are looked at here; strings and complex numbers are not."""

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Policy:
    """A plain dtype policy; quantized ones are left to Keras."""

    compute: str
    variable: str

    def converted(self, dtype: str) -> str:
        """The dtype of an input once the layer has cast it: only floats are."""
        return self.compute if dtype in FLOATS else dtype


def policy_of(value: Any) -> Policy | None:
    """The policy that a config records; none where it is not a plain one of floats."""
    name = value
    if isinstance(value, Mapping):
        known = {"module", "class_name", "config", "registered_name", "shared_object_id"}
        plain = (
            set(value) <= known
            and value.get("module") in ("keras", "keras.dtype_policies")
            and value.get("class_name") == "DTypePolicy"
            and value.get("registered_name", "") is None
            and isinstance(value.get("config"), Mapping)
            and set(value["config"]) == {"name"}
        )
        name = value["config"]["name"] if plain else None
    if not isinstance(name, str):
        return None
    if name in _MIXED:
        return Policy(_MIXED[name], "float32")
    return Policy(name, name) if name in FLOATS else None
