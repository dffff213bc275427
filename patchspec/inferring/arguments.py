"""Whether an argument is plainly one that Keras takes; what is doubtful is left to Keras."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from patchspec.layers.table import activations, objects

Check = Callable[[Any], bool]
"""Whether a value is surely taken, with no other meaning than its own."""

_OBJECT_KEYS = {"module", "class_name", "config", "registered_name", "shared_object_id"}


def is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return is_integer(value) or (isinstance(value, float) and math.isfinite(value))


def boolean(value: Any) -> bool:
    return isinstance(value, bool)


def count(value: Any) -> bool:
    """A positive integer, as sizes and numbers of units are."""
    return is_integer(value) and value > 0


def not_negative(value: Any) -> bool:
    return is_number(value) and value >= 0


def rate(value: Any) -> bool:
    return is_number(value) and 0 <= value <= 1


def seed(value: Any) -> bool:
    return value is None or (is_integer(value) and 0 <= value < 1 << 32)


def one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def optional(check: Check) -> Check:
    return lambda value: value is None or check(value)


def list_of(check: Check, length: int | None = None) -> Check:
    def listed(value: Any) -> bool:
        fits = isinstance(value, list) and (length is None or len(value) == length)
        return fits and all(map(check, value))

    return listed


def sizes(length: int, least: int = 1) -> Check:
    """One integer for all axes, or one for each."""

    def enough(value: Any) -> bool:
        return is_integer(value) and value >= least

    each = list_of(enough, length)
    return lambda value: enough(value) or each(value)


def spread(value: Any, length: int) -> tuple[int, ...]:
    """The sizes that `sizes` takes, one for each axis."""
    return (value,) * length if is_integer(value) else tuple(value)


def axes(value: Any) -> bool:
    """One axis, or several that are not the same."""
    listed = isinstance(value, list) and all(map(is_integer, value))
    return is_integer(value) or (listed and len(set(value)) == len(value) > 0)


def activation(value: Any) -> bool:
    """A function that Keras knows by name."""
    return value is None or (isinstance(value, str) and value in activations())


def is_object(value: Any, kind: str) -> bool:
    """Whether this is one of Keras's own initializers, regularizers or constraints, serialised."""
    known = objects(kind)
    return (
        isinstance(value, Mapping)
        and set(value) <= _OBJECT_KEYS
        and value.get("module") == known.module
        and value.get("class_name") in known.parameters
        and value.get("registered_name", "") in (None, value.get("class_name"))
        and isinstance(value.get("config"), Mapping)
        and set(value["config"]) <= set(known.parameters[value["class_name"]])
    )


def regularizer(value: Any) -> bool:
    if value is None:
        return True
    if not is_object(value, "regularizer"):
        return False
    given = value["config"]
    return value["class_name"] != "OrthogonalRegularizer" and all(map(not_negative, given.values()))


def constraint(value: Any) -> bool:
    if value is None:
        return True
    if not is_object(value, "constraint"):
        return False
    given = value["config"]
    return all(axes(v) if key == "axis" else is_number(v) for key, v in given.items())
