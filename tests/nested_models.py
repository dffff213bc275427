"""Models with models inside, for the tests that reach into them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as L

from tests.zoo import randomised


def outer() -> Any:
    """x -> inner (a Functional: id -> id2) -> block (a Sequential: sd1, sdrop, sd2) -> head."""
    x = keras.Input((8,), name="x")
    entrance = keras.Input((8,), name="inner_in")
    inner = keras.Model(
        entrance,
        L.Dense(4, activation="relu", name="id2")(L.Dense(4, name="id")(entrance)),
        name="inner",
    )
    block = keras.Sequential(
        [
            keras.Input((4,), name="block_in"),
            L.Dense(4, name="sd1"),
            L.Dropout(0.2, name="sdrop"),
            L.Dense(3, name="sd2"),
        ],
        name="block",
    )
    return randomised(keras.Model(x, L.Dense(2, name="head")(block(inner(x))), name="outer"))


def twice() -> Any:
    """`twin`, a Functional, called on two inputs; both calls are outputs."""
    p, q = keras.Input((4,), name="p"), keras.Input((4,), name="q")
    entrance = keras.Input((4,), name="twin_in")
    hidden = L.Dense(4, name="hidden")(entrance)
    twin = keras.Model(entrance, L.Dense(3, name="last")(hidden), name="twin")
    return randomised(keras.Model([p, q], [twin(p), twin(q)], name="twice"))


def deep() -> Any:
    """x -> a (-> b (-> c: core -> tail)) -> head: three levels of nesting."""
    model = None
    for level in ("c", "b", "a"):
        entrance = keras.Input((4,), name=f"{level}_in")
        if model is None:
            out = L.Dense(4, name="tail")(L.Dense(4, name="core")(entrance))
        else:
            out = model(entrance)
        model = keras.Model(entrance, out, name=level)
    assert model is not None
    x = keras.Input((4,), name="x")
    return randomised(keras.Model(x, L.Dense(2, name="head")(model(x)), name="deep"))


def named_outputs() -> Any:
    """A nested model with a dict of outputs, whose flattened order is that of its keys."""
    entrance = keras.Input((4,), name="e_in")
    m = L.Dense(4, name="m")(entrance)
    ends = {"k": L.Dense(3, name="k")(m), "z": L.Dense(2, name="z")(m)}
    encoder = keras.Model(entrance, ends, name="encoder")
    x = keras.Input((4,), name="x")
    made = encoder(x)
    return randomised(keras.Model(x, [made["k"], made["z"]], name="dicts"))


def stack() -> Any:
    """A Sequential: d1, drop, d2."""
    return randomised(
        keras.Sequential(
            [
                keras.Input((8,)),
                L.Dense(4, name="d1"),
                L.Dropout(0.1, name="drop"),
                L.Dense(2, name="d2"),
            ],
            name="stack",
        )
    )


def batch(model: Any, seed: int = 0) -> list[Any]:
    """A random batch for every input."""
    random = np.random.default_rng(seed)
    return [random.normal(size=(3, *t.shape[1:])).astype("float32") for t in model.inputs]


def outputs(model: Any, inputs: Any = None) -> list[Any]:
    """What the model makes of its batch, flattened."""
    given = batch(model) if inputs is None else inputs
    made = model(given[0] if len(given) == 1 else given, training=False)
    return [np.array(t) for t in keras.tree.flatten(made)]


def cut(model: Any, name: str) -> Any:
    """The model from its one input to the layer of this name."""
    [entrance] = model.inputs
    return keras.Model(entrance, model.get_layer(name).output)


def same(left: list[Any], right: list[Any]) -> bool:
    """Whether two lists of arrays are equal bit by bit."""
    return len(left) == len(right) and all(
        a.shape == b.shape and bool((a == b).all()) for a, b in zip(left, right, strict=True)
    )
