"""`clone_training`: a model is trained on as another one was."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.conftest import patch_of

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


@pytest.mark.parametrize("form", ["single", "list", "dict"])
@pytest.mark.parametrize("kind", DATA)
def test_training_on_in_the_variant_is_training_on_in_the_base(form: str, kind: str) -> None:
    """N epochs, the set-up moved onto a model with one output more, M epochs: N + M epochs."""
    y = labels(form)
    whole, base = model(form), model(form)
    fit(whole, y, 5)
    fit(base, y, 2)
    variant = patchspec.apply(base, patch_of(EXPOSE["dict" if form == "dict" else "list"]))
    training = patchspec.clone_training(base, variant, data=DATA[kind](y))
    before = base.get_weights()
    more = {"batch_size": 4} if kind == "arrays" else {}
    history = training.fit(3, shuffle=False, verbose=0, **more)
    assert history.epoch == [2, 3, 4]
    assert same(training.model.get_weights(), whole.get_weights())
    assert same(base.get_weights(), before)
    assert int(training.model.optimizer.iterations) == int(whole.optimizer.iterations) == 10


def test_labels_follow_outputs_that_changed_their_places() -> None:
    base = model("list")
    fit(base, labels("list"), 1)
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: [body, b, a]}"))
    training = patchspec.clone_training(base, variant, data=(X, [A, B]))
    training.fit(1, shuffle=False, batch_size=4, verbose=0)
    fit(base, labels("list"), 1)
    for layer in base.layers:
        assert same(training.model.get_layer(layer.name).get_weights(), layer.get_weights())
    assert any("fit" in note for note in training.notes)


def test_labels_of_an_output_that_is_gone_are_left_out() -> None:
    base = model("dict")
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: {b: b}}"))
    training = patchspec.clone_training(base, variant, data=(X, {"a": A, "b": B}))
    history = training.fit(1, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert any("loss of `a`" in note for note in training.notes)


def test_a_live_model_over_the_layers_of_the_base_is_a_variant_too() -> None:
    base = model()
    fit(base, A, 2)
    debug = keras.Model(base.input, [base.output, base.get_layer("body").output])
    training = patchspec.clone_training(base, debug, data=(X, A))
    assert int(training.model.optimizer.iterations) == 4
    assert debug.optimizer is not base.optimizer
    training.fit(1, verbose=0)
    assert int(base.optimizer.iterations) == 4


def test_callbacks_are_copies_that_count_on_for_themselves(tmp_path: Path) -> None:
    base = model()
    stop = keras.callbacks.EarlyStopping(monitor="loss", patience=50, restore_best_weights=True)
    rate = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=9)
    check = keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor="loss")
    fit(base, A, 2, callbacks=[stop, rate, check])
    stop.wait = 7
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    training = patchspec.clone_training(base, variant, data=(X, A), callbacks=[stop, rate, check])
    mine, other, writer = training.fit_arguments["callbacks"]
    assert mine is not stop
    assert mine.model is training.model
    assert (mine.wait, mine.best, other.best) == (7, stop.best, rate.best)
    assert same(mine.best_weights, stop.best_weights)
    assert any("best.keras" in note for note in training.notes)
    training.fit(1, verbose=0, callbacks=[mine, other])
    assert (stop.wait, stop.model) == (7, base)
    assert writer.filepath == check.filepath


def test_best_weights_of_another_architecture_are_forgotten_and_said() -> None:
    base = model()
    stop = keras.callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    fit(base, A, 2, callbacks=[stop])
    steps = "- {op: insert, after: body, new: {class: Dense, name: more, config: {units: 5}}}"
    variant = patchspec.apply(base, patch_of(steps))
    training = patchspec.clone_training(base, variant, callbacks=[stop])
    assert training.fit_arguments["callbacks"][0].best_weights is None
    assert stop.best_weights is not None
    assert any("best weights" in note for note in training.notes)


def test_a_callback_that_cannot_be_copied_is_refused_by_name() -> None:
    class Locked(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    base = model()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    with pytest.raises(PatchError, match=r"PS963.*Locked"):
        patchspec.clone_training(base, variant, callbacks=[Locked()])


def test_a_generator_is_gone_through_once_and_that_is_said() -> None:
    base = model()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    batches = ((X[:4], A[:4]) for _ in range(3))
    training = patchspec.clone_training(base, variant, data=batches)
    assert any("generator" in note for note in training.notes)
    training.fit(1, steps_per_epoch=3, verbose=0)
    assert int(training.model.optimizer.iterations) == 3


def test_validation_data_and_weights_of_samples_come_along() -> None:
    base = model("list")
    weights = np.linspace(0, 1, 8)
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    training = patchspec.clone_training(
        base, variant, data=(X, [A, B], [weights, weights]), validation_data=(X, [A, B])
    )
    wanted = base.fit(X, [A, B], sample_weight=[weights, weights], validation_data=(X, [A, B]),
                      shuffle=False, verbose=0).history  # fmt: skip
    told = training.fit(1, shuffle=False, verbose=0).history
    assert told["loss"] == wanted["loss"]
    assert told["val_loss"] == wanted["val_loss"]


def test_what_keras_does_not_say_is_listed() -> None:
    base = model()
    training = patchspec.clone_training(base, patchspec.apply(base, patch_of(EXPOSE["list"])))
    assert "callbacks" in str(training)
    assert "not known" in str(training)


@pytest.mark.parametrize("data", [X, (X,), 3])
def test_data_without_labels_is_refused(data: Any) -> None:
    base = model()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    assert codes(lambda: patchspec.clone_training(base, variant, data=data)) == ["PS962"]


def test_there_is_no_training_to_move_from_or_to() -> None:
    base = model()
    lost = patchspec.apply(base, patch_of("- {op: extract, outputs: body}"))
    assert codes(lambda: patchspec.clone_training(base, lost)) == ["PS964"]
    plain = keras.Model(base.input, base.output)
    assert codes(lambda: patchspec.clone_training(plain, lost)) == ["PS964"]
