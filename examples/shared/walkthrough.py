"""One Dense layer, two inputs of ranks 2 and 3, two outputs: both ways of editing, step by step.

Run it with `python walkthrough.py`; every statement that it makes is checked as it goes.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

import patchspec

EXPOSE = """
patchspec: 1
name: look-inside
operations:
  - {op: expose-output, outputs: {point_in: embed@0, series_in: embed@1}, form: list}
"""
ONE_CALL = """
patchspec: 1
name: series-alone
operations:
  - {op: insert, after: "embed@1", new: {class: LayerNormalization, name: norm}}
"""
FREEZE = """
patchspec: 1
name: frozen
operations:
  - {op: freeze, layers: embed}
"""


def build() -> keras.Model:
    """`embed` is called on a point (rank 2) and on each step of a series (rank 3)."""
    keras.utils.set_random_seed(1)
    point = keras.Input((5,), name="point")
    series = keras.Input((7, 5), name="series")
    embed = layers.Dense(5, activation="relu", name="embed")
    one, many = embed(point), embed(series)
    pooled = layers.GlobalAveragePooling1D(name="pool")(many)
    together = layers.Concatenate(name="together")([one, pooled])
    label = layers.Dense(6, activation="softmax", name="label")(one)
    score = layers.Dense(6, name="score")(together)
    return keras.Model([point, series], [label, score], name="shared")


def data() -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """Inputs and labels for sixteen samples."""
    random = np.random.default_rng(0)
    inputs = [random.normal(size=(16, 5)), random.normal(size=(16, 7, 5))]
    return inputs, [np.eye(6)[random.integers(0, 6, 16)], random.normal(size=(16, 6))]


def equal(one: Any, other: Any) -> bool:
    """Whether two lists of arrays are the same, bit by bit."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def main() -> None:
    """The walk."""
    model = build()
    model.compile("adam", ["categorical_crossentropy", "mse"])
    x, y = data()
    model.fit(x, y, epochs=2, verbose=0)
    before = model.predict(x, verbose=0)

    # A layer with two calls has its variables once, in the model and in every variant.
    base = patchspec.open_base(model)
    calls = len(base.graph.layers["embed"].calls)
    print(f"embed is called {calls} times; {model.count_params()} parameters, counted once")

    # Beside the original: a model of its own.
    plan = patchspec.resolve(EXPOSE, model)
    independent = patchspec.build(plan)
    # On top of the original: the same layers, and here even the same tensors.
    shared = patchspec.build(plan, share=True)
    for variant in (independent, shared):
        label, score, one, many = variant.model.predict(x, verbose=0)
        assert equal([label, score], before)
        assert variant.model.count_params() == model.count_params() == 132
        print(f"{'shared' if variant.shared else 'independent'}: {one.shape} and {many.shape}")

    # The new outputs have no loss, so `fit` takes the labels that it took; and the optimizer goes
    # on where it was.
    steps = int(model.optimizer.iterations)
    independent.model.fit(x, y, epochs=1, verbose=0)
    print(f"independent after {steps} + 1 steps; the base has changed:", changed(model, x, before))
    shared.model.fit(x, y, epochs=1, verbose=0)
    print(f"shared after {steps} + 1 steps; the base has changed:", changed(model, x, before))
    assert equal(model.get_weights(), shared.model.get_weights())
    assert equal(model.get_weights(), independent.model.get_weights())

    # One call goes another way, the other stays.
    norm = patchspec.apply(model, patchspec.parse(ONE_CALL), share=True)
    for name, was, now in zip(
        ("label", "score"),
        model.predict(x, verbose=0),
        norm.model.predict(x, verbose=0),
        strict=True,
    ):
        print(
            f"{name} after a change to the second call:", "same" if equal([was], [now]) else "other"
        )
    print(f"{norm.model.count_params()} parameters: ten of `norm` more")

    # What would change a layer that both have is refused; beside the original it is not.
    try:
        patchspec.apply(model, patchspec.parse(FREEZE), share=True)
    except patchspec.PatchError as error:
        print(error.problems[0].code, error.problems[0].message)
    frozen = patchspec.apply(model, patchspec.parse(FREEZE)).model
    counts = [len(one.trainable_variables) for one in (model, frozen)]
    print("beside it: of {} variables {} train".format(*counts))


def changed(model: keras.Model, x: Any, before: Any) -> bool:
    """Whether a model computes something else than it did."""
    return not equal(model.predict(x, verbose=0), before)


if __name__ == "__main__":
    main()
