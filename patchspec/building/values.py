"""The values of a live model's variables, those that only Keras can make included."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from patchspec.building.variables import Holder, shape_of
from patchspec.planning.plan import Move, Plan
from patchspec.rewriting.values import (
    Array,
    Holding,
    is_portable,
    portable_value,
    ruled_value,
    seed_of,
    stored,
)
from patchspec.weights.rules._rule import Shape
from patchspec.weights.seeds import derived_seed


def planned_value(move: Move, plan: Plan, holder: Holder, variable: Any) -> Any:
    """The value that the plan gives a variable.

    PS508 where the variable that it comes from is missing, or has another shape than was planned.
    """
    shape = shape_of(variable)
    if not move.pipeline:
        if move.action == "initialised":
            return initial_array(move, plan, variable, shape)
        return stored(move, plan, shape).read()
    dtype = keras.backend.standardize_dtype(
        variable._dtype if hasattr(variable, "_dtype") else variable.dtype
    )

    def initial(size: Shape) -> Array:
        return initial_array(move, plan, variable, size)

    saveable = holder.saveable
    config = saveable.get_config() if hasattr(saveable, "get_config") else {}
    holding = Holding(type(saveable).__name__, config)
    return ruled_value(move, plan, dtype, holding, initial)


def initial_array(move: Move, plan: Plan, variable: Any, shape: Shape) -> Array:
    """The first value of a new variable: the same bits on every machine where that is possible.

    An initializer that is code of the layer's own, or not one of Keras's, runs in Keras with the
    random state derived from the seed and the path; a variable that the layer made of a value keeps
    it.
    """
    dtype = keras.backend.standardize_dtype(variable._dtype)
    if is_portable(move):
        return portable_value(move, plan, shape, dtype)
    made = variable._initializer
    if made is None:
        return np.asarray(keras.ops.convert_to_numpy(variable))
    if move.initializer is not None and hasattr(made, "seed"):
        made = made.clone()
        made.seed = made._init_seed = derived_seed(seed_of(move, plan), move.path, "value")
    return np.asarray(keras.ops.convert_to_numpy(made(shape, dtype=dtype)))
