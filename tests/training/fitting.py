"""A model to train, data of every kind for it, and what training comes to."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

from patchspec.problems import PatchError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(8, 4)).astype("float32")
A, B = RANDOM.normal(size=(8, 3)).astype("float32"), RANDOM.normal(size=(8, 2)).astype("float32")
EXPOSE = {"list": "- {op: expose-output, outputs: [body]}",
          "dict": "- {op: expose-output, outputs: {mid: body}}"}  # fmt: skip


def model(form: str = "single") -> Any:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    body = L.Dense(5, name="body")(x)
    a, b = L.Dense(3, name="a")(body), L.Dense(2, name="b")(body)
    ends = {"single": a, "list": [a, b], "dict": {"a": a, "b": b}}[form]
    built = keras.Model(x, ends)
    losses = {"single": "mse", "list": ["mse", "mae"], "dict": {"a": "mse", "b": "mae"}}[form]
    metrics = {"single": ["mae"], "list": [["mae"], ["mse"]], "dict": {"a": ["mae"]}}[form]
    built.compile("adam", losses, metrics=metrics)
    return built


def labels(form: str) -> Any:
    return {"single": A, "list": [A, B], "dict": {"a": A, "b": B}}[form]


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Two batches of four."""

    def __init__(self, y: Any) -> None:
        super().__init__()
        self.y = y

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        part = slice(4 * index, 4 * index + 4)
        return X[part], keras.tree.map_structure(lambda y: y[part], self.y)


class Loader:
    """Something with a length that is gone through anew in each epoch."""

    def __init__(self, y: Any) -> None:
        self.batches = Batches(y)

    def __len__(self) -> int:
        return 2

    def __iter__(self) -> Any:
        return (self.batches[index] for index in range(2))


def dataset(y: Any) -> Any:
    from tensorflow.data import Dataset  # noqa: PLC0415 (tests run on TensorFlow)

    y = tuple(y) if isinstance(y, list) else y
    return Dataset.from_tensor_slices((X, y)).batch(4)


DATA = {"arrays": lambda y: (X, y), "dataset": Batches, "loader": Loader, "tf.data": dataset}


def fit(built: Any, y: Any, epochs: int, **more: Any) -> None:
    built.fit(X, y, batch_size=4, epochs=epochs, shuffle=False, verbose=0, **more)


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def codes(run: Any) -> list[str]:
    with pytest.raises(PatchError) as caught:
        run()
    return [problem.code for problem in caught.value.problems]
