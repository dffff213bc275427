"""The state of a live optimizer by path, as Keras saves it: its own, and that of one inside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.building.placing import independent
from patchspec.building.variables import layer_holders


def state_of(optimizer: Any) -> dict[str, Any]:
    """Its variables by their path in a file: `optimizer/vars/0`."""
    if optimizer is None:
        return {}
    return {
        holder.variable_path(number): value
        for holder in layer_holders(optimizer, "optimizer")
        for number, value in holder.own().items()
    }


def give_state(optimizer: Any, stored: Mapping[str, Any]) -> None:
    """Give each part of an optimizer what is stored of it; parts without any stay as they are."""
    if optimizer is None or not stored:
        return
    for holder in layer_holders(optimizer, "optimizer"):
        folder = f"{holder.path}/vars/"
        values = {
            path.removeprefix(folder): independent(value)
            for path, value in stored.items()
            if path.startswith(folder)
        }
        if values:
            holder.saveable.load_own_variables(values)
