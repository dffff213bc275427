"""The values that a plan gives variables: initial ones from a seed, and what rules make."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from patchspec.building.variables import Holder, shape_of
from patchspec.planning.plan import Move, Plan
from patchspec.problems import refuse
from patchspec.weights.initial import (
    FORGET_GATE_BIAS,
    PORTABLE,
    initial_value,
    numpy_dtype,
    rounded,
)
from patchspec.weights.pipelines import changes
from patchspec.weights.rules._rule import Fresh, Making, Shape
from patchspec.weights.seeds import derived_seed

Array = np.ndarray[Any, Any]


def planned_value(move: Move, plan: Plan, holder: Holder, variable: Any) -> Any:
    """The value that the plan gives a variable.

    PS508 where the variable that it comes from is missing, or has another shape than was planned.
    """
    seed = 0 if move.place is None else plan.patches[move.place.patch].seed
    shape = shape_of(variable)
    if not move.pipeline:
        if move.action == "initialised":
            return initial_array(move, variable, seed)
        return _stored(move, plan, shape)
    dtype = keras.backend.standardize_dtype(
        variable._dtype if hasattr(variable, "_dtype") else variable.dtype
    )

    def initial(size: Shape) -> Array:
        return initial_array(move, variable, seed, size)

    saveable = holder.saveable
    config = saveable.get_config() if hasattr(saveable, "get_config") else {}
    making = Making(type(saveable).__name__, config, move.name or "", initial)
    first = move.pipeline[0].rule
    if isinstance(first, Fresh):
        value = first.make(move.shapes[0], making)
    else:
        value = np.asarray(_stored(move, plan, move.shapes[0]))
    for (_, change), shape_after in zip(changes(move.pipeline), move.shapes[1:], strict=True):
        value = change.apply(value, shape_after, making)
    return rounded(np.ascontiguousarray(value), numpy_dtype(dtype)).reshape(shape)


def _stored(move: Move, plan: Plan, shape: Shape) -> Any:
    [(name, source)] = move.sources
    model = plan.model(name)
    stored = (model.variables or {}).get(source)
    if stored is None or stored.shape != shape:
        found = "missing" if stored is None else f"of shape {stored.shape}"
        refuse(
            "PS508",
            f"`{source}` of `{model.origin}` is {found}, the plan wants {shape}",
            hint="the file's config and weights are not of one model",
        )
    return stored.read()


def initial_array(
    move: Move, variable: Any, seed: int, size: Shape | None = None
) -> np.ndarray[Any, Any]:
    """The first value of a new variable: the same bits on every machine where that is possible.

    An initializer that is code of the layer's own, or not one of Keras's, runs in Keras with the
    random state derived from the seed and the path; a variable that the layer made of a value keeps
    it. `size` is another shape than the variable's own.
    """
    shape = shape_of(variable) if size is None else size
    dtype = keras.backend.standardize_dtype(variable._dtype)
    initializer = move.initializer
    if initializer is not None and initializer["class_name"] in {*PORTABLE, FORGET_GATE_BIAS}:
        return initial_value(initializer, seed=seed, path=move.path, shape=shape, dtype=dtype)
    made = variable._initializer
    if made is None:
        return np.asarray(keras.ops.convert_to_numpy(variable))
    if initializer is not None and hasattr(made, "seed"):
        made = made.clone()
        made.seed = made._init_seed = derived_seed(seed, move.path, "value")
    return np.asarray(keras.ops.convert_to_numpy(made(shape, dtype=dtype)))
