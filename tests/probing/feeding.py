"""What the tests share: data for models, what Keras itself computes, and how a model stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from patchspec.probing.calls import function_of
from patchspec.probing.data import inputs_of
from patchspec.problems import PatchError


def feed(model: Any, samples: int = 5, seed: int = 0) -> dict[str, Any]:
    """Random values for every input of a model, by name."""
    numbers = np.random.default_rng(seed)
    made = {}
    for one in inputs_of(function_of(model)):
        shape = (samples, *(n or 6 for n in one.shape[1:]))
        made[one.name] = (
            numbers.integers(0, 9, shape).astype(one.dtype)
            if "int" in one.dtype
            else numbers.normal(size=shape).astype("float32")
        )
    return made


def computed(model: Any, tensors: list[Any], data: dict[str, Any], batch: int = 32) -> list[Any]:
    """What a plain functional model over the same inputs gives for symbolic tensors."""
    function = function_of(model)
    plain = keras.Model(function.inputs, tensors)
    named = [data[one.name] for one in inputs_of(function)]
    samples = len(named[0])
    parts = []
    for start in range(0, samples, batch):
        made = plain.predict_on_batch([one[start : start + batch] for one in named])
        parts.append(made if isinstance(made, list) else [made])
    return [np.concatenate(each) for each in zip(*parts, strict=True)]


def standing(model: Any) -> dict[Any, Any]:
    """All that is to be seen of a model and its layers: their attributes, nodes and values."""
    seen: dict[Any, Any] = {}
    for layer in model._flatten_layers():
        for name, value in vars(layer).items():
            count = len(value) if hasattr(value, "__len__") else None
            seen[id(layer), name] = (id(value), count)
        seen[id(layer), "nodes"] = (len(layer._inbound_nodes), len(layer._outbound_nodes))
    for variable in model.variables:
        seen[id(variable), "value"] = np.asarray(variable).tobytes()
    return seen


def codes(run: Callable[[], Any]) -> list[str]:
    """The codes with which something is refused."""
    with pytest.raises(PatchError) as caught:
        run()
    return [problem.code for problem in caught.value.problems]
