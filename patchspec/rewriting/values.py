"""The values that a plan gives variables: those of a model, those that rules make, initial ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from patchspec.models.base import Variable
from patchspec.planning.plan import Move, Plan
from patchspec.problems import refuse
from patchspec.weights.cells import FORGET_GATE_BIAS
from patchspec.weights.initial import (
    PORTABLE,
    initial_value,
    numpy_dtype,
    rounded,
)
from patchspec.weights.pipelines import changes
from patchspec.weights.rules._rule import Fresh, Making, Shape

Array = np.ndarray[Any, Any]
Initial = Callable[[Shape], Array]
"""The initial value of a variable, in a shape."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What rules may know of that which holds a variable: a layer, or a part of one."""

    class_name: str
    config: Any


def is_portable(move: Move) -> bool:
    """Whether its initial value is a function of the seed alone, and no code of Keras's."""
    return move.initializer is not None and move.initializer["class_name"] in _PORTABLE


_PORTABLE = frozenset({*PORTABLE, FORGET_GATE_BIAS})


def portable_value(move: Move, plan: Plan, shape: Shape, dtype: str) -> Array:
    """The initial value of a variable whose initializer is portable."""
    assert move.initializer is not None
    seed = seed_of(move, plan)
    return initial_value(move.initializer, seed=seed, path=move.path, shape=shape, dtype=dtype)


def seed_of(move: Move, plan: Plan) -> int:
    """The seed of the patch that makes the value."""
    return 0 if move.place is None else plan.patches[move.place.patch].seed


def stored(move: Move, plan: Plan, shape: Shape) -> Variable:
    """The variable of a model that the value comes from; PS508 where it is not as planned."""
    [(name, source)] = move.sources
    model = plan.model(name)
    found = (model.variables or {}).get(source)
    if found is None or found.shape != shape:
        what = "missing" if found is None else f"of shape {found.shape}"
        refuse(
            "PS508",
            f"`{source}` of `{model.origin}` is {what}, the plan wants {shape}",
            hint="the file's config and weights are not of one model",
        )
    return found


def ruled_value(move: Move, plan: Plan, dtype: str, holding: Holding, initial: Initial) -> Array:
    """What the rules of a variable make: computed in float64 or as the rule says, rounded once."""
    making = Making(holding.class_name, holding.config, move.name or "", initial)
    first = move.pipeline[0].rule
    if isinstance(first, Fresh):
        value = first.make(move.shapes[0], making)
    else:
        value = np.asarray(stored(move, plan, move.shapes[0]).read())
    for (_, change), shape_after in zip(changes(move.pipeline), move.shapes[1:], strict=True):
        value = change.apply(value, shape_after, making)
    shape = move.shapes[-1]
    return rounded(np.ascontiguousarray(value), numpy_dtype(dtype)).reshape(shape)


def variables_of(plan: Plan) -> list[Variable]:
    """Every variable of the variant; what stays as it is lies where it lay, the rest is made later.

    The plan knows all of them, and no value needs Keras (`obstacle` says so).
    """
    return [_variable(move, plan) for move in plan.moves if move.action != "dropped"]


def _variable(move: Move, plan: Plan) -> Variable:
    shape, dtype = move.shape, move.dtype
    assert shape is not None
    assert dtype is not None
    if not move.pipeline and move.action != "initialised":
        return _as_stored(stored(move, plan, shape), move.path, dtype)

    def read() -> Array:
        def initial(size: Shape) -> Array:
            return portable_value(move, plan, size, dtype)

        if not move.pipeline:
            return initial(shape)
        layer = plan.graph.holding(move.path)
        holding = Holding(layer.class_name, layer.config)
        return ruled_value(move, plan, dtype, holding, initial)

    return Variable(move.path, shape, dtype, read, move.name)


def _as_stored(found: Variable, path: str, dtype: str) -> Variable:
    if found.dtype == dtype:
        return replace(found, path=path)

    def read() -> Array:
        return rounded(np.asarray(found.read()), numpy_dtype(dtype))

    return replace(found, path=path, dtype=dtype, read=read, span=None)
