"""Initializers as a config names them, and as Keras writes them of the variable that has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.inferring.arguments import (
    Check,
    is_integer,
    is_number,
    is_object,
    list_of,
    one_of,
    optional,
    seed,
)
from patchspec.layers.table import objects

Initializer = Mapping[str, Any]

ZEROS: Initializer = {"class_name": "Zeros", "config": {}}
ONES: Initializer = {"class_name": "Ones", "config": {}}

_AXES = optional(list_of(is_integer))
_SCALED: Mapping[str, Check] = {"seed": seed, "input_axes": _AXES, "output_axes": _AXES}
_CHECKS: Mapping[str, Mapping[str, Check]] = {
    "Zeros": {},
    "Ones": {},
    "Constant": {"value": is_number},
    "RandomUniform": {"seed": seed, "minval": is_number, "maxval": is_number},
    "RandomNormal": {"seed": seed, "mean": is_number, "stddev": is_number},
    "TruncatedNormal": {"seed": seed, "mean": is_number, "stddev": is_number},
    "Orthogonal": {"seed": seed, "gain": is_number},
    "VarianceScaling": {
        **_SCALED,
        "scale": lambda value: is_number(value) and value > 0,
        "mode": one_of("fan_in", "fan_out", "fan_avg"),
        "distribution": one_of("uniform", "truncated_normal", "untruncated_normal"),
    },
    **{
        f"{family}{shape}": _SCALED
        for family in ("Glorot", "He", "Lecun")
        for shape in ("Uniform", "Normal")
    },
}
"""What each takes, and of what kind; the others are left to Keras."""


def initializer(value: Any) -> bool:
    """Whether this is one of Keras's own initializers, with arguments that it surely takes."""
    if not is_object(value, "initializer"):
        return False
    checks = _CHECKS.get(value["class_name"])
    given = value["config"]
    return (
        checks is not None
        and set(given) <= set(checks)
        and all(checks[key](item) for key, item in given.items())
    )


def written(value: Mapping[str, Any]) -> Initializer:
    """The initializer as its own `get_config` says it: defaults where nothing is given."""
    name = value["class_name"]
    return {
        "class_name": name,
        "config": {**objects("initializer").defaults[name], **value["config"]},
    }
