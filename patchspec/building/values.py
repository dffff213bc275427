"""Initial values of new variables, from the seed of the patch."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from patchspec.planning.plan import Move
from patchspec.weights.initial import FORGET_GATE_BIAS, PORTABLE, initial_value
from patchspec.weights.seeds import derived_seed


def initial_array(move: Move, variable: Any, seed: int) -> np.ndarray[Any, Any]:
    """The first value of a new variable: the same bits on every machine where that is possible.

    An initializer that is code of the layer's own, or not one of Keras's, runs in Keras with the
    random state derived from the seed and the path; a variable that the layer made of a value keeps
    it.
    """
    shape = tuple(int(n) for n in variable.shape)
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
