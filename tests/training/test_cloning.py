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


def two_alike() -> Any:
    """Two outputs whose layers have weights of the same shapes."""
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    body = L.Dense(3, name="body")(x)
    built = keras.Model(x, [L.Dense(3, name="a")(body), L.Dense(3, name="b")(body)])
    built.compile("adam", ["mse", "mse"])
    return built


def test_best_weights_go_to_the_layers_that_they_are_of() -> None:
    """Layers in another order have the same shapes here, so that shapes cannot tell."""
    base = two_alike()
    stop = keras.callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    fit(base, [A, A], 2, callbacks=[stop])
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: [b, a]}"))
    training = patchspec.clone_training(base, variant, callbacks=[stop])
    assert [layer.name for layer in base.layers] != [layer.name for layer in training.model.layers]
    training.model.set_weights(training.fit_arguments["callbacks"][0].best_weights)
    base.set_weights(stop.best_weights)
    for layer in base.layers:
        assert same(training.model.get_layer(layer.name).get_weights(), layer.get_weights())


def test_best_weights_of_a_layer_that_was_replaced_are_forgotten() -> None:
    base = model()
    stop = keras.callbacks.EarlyStopping(monitor="loss", restore_best_weights=True)
    fit(base, A, 2, callbacks=[stop])
    new = "new: {class: Dense, name: body, config: {units: 5}, weights: init}"
    variant = patchspec.apply(base, patch_of(f"- {{op: replace, layers: body, {new}}}"))
    training = patchspec.clone_training(base, variant, callbacks=[stop])
    assert training.fit_arguments["callbacks"][0].best_weights is None


def test_callbacks_that_had_files_open_are_copied_with_their_paths_told(tmp_path: Path) -> None:
    base = model()
    table = keras.callbacks.CSVLogger(tmp_path / "base.csv")
    board = keras.callbacks.TensorBoard(str(tmp_path / "base"))
    watch = patchspec.Watch(tmp_path / "watch", tensors="body", data=X)
    fit(base, A, 2, callbacks=[table, board, watch])
    written = (tmp_path / "base.csv").read_bytes()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    training = patchspec.clone_training(base, variant, data=(X, A), callbacks=[table, board, watch])
    for place in ("base.csv", "base", "watch"):
        assert any(f"{tmp_path / place}`" in note for note in training.notes)
    mine, other, seen = training.fit_arguments["callbacks"]
    mine.filename, other.log_dir, other._log_write_dir = (
        str(tmp_path / n) for n in ("m", "o", "o")
    )
    seen.log_dir = tmp_path / "s"
    training.fit(1, verbose=0)
    assert (tmp_path / "base.csv").read_bytes() == written
    assert (tmp_path / "m").read_text().splitlines()[1].startswith("2,")
    assert list((tmp_path / "o").rglob("events*"))
    assert (seen._last, watch._last) == (2, 1)


class Holding(keras.callbacks.Callback):  # type: ignore[misc]
    """Looks at one layer."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer


def test_layers_that_a_callback_holds_are_those_of_the_variant() -> None:
    base = model("list")
    held = [Holding(base.get_layer("body")), Holding(base.get_layer("b"))]
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: [a]}"))
    training = patchspec.clone_training(base, variant, callbacks=held)
    mine, lost = training.fit_arguments["callbacks"]
    assert mine.layer is training.model.get_layer("body")
    assert lost.layer is not base.get_layer("b")
    notes = [note for note in training.notes if "Holding" in note]
    assert notes == ["Holding holds on to b of the base, which the variant does not have"]


def test_fit_goes_on_where_it_ended() -> None:
    base = model()
    fit(base, A, 2)
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    variant.model.fit(X, A, epochs=9, verbose=0)
    training = patchspec.clone_training(base, variant, data=(X, A))
    assert training.fit(2, verbose=0).epoch == [2, 3]
    assert training.fit(1, verbose=0).epoch == [4]
    assert training.fit(1, verbose=0, initial_epoch=7).epoch == [7]


def test_without_a_number_it_trains_what_the_base_had_left() -> None:
    base = model()

    def stop(epoch: int, logs: Any) -> None:
        base.stop_training = epoch == 1

    fit(base, A, 5, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop)])
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    training = patchspec.clone_training(base, variant, data=(X, A))
    assert training.model.fit(**training.fit_arguments, verbose=0).epoch == [2, 3, 4]
    assert training.fit(verbose=0).epoch == [5]


PAIRS = [0, 1, 1, 2, 2, 3]


def test_every_fit_has_a_loader_from_its_beginning() -> None:
    """TensorFlow takes batches ahead, which a generator over both would have lost."""

    class Three(Loader):
        def __init__(self) -> None:
            super().__init__(A)
            self.begun = 0

        def __len__(self) -> int:
            return 3

        def __iter__(self) -> Any:
            self.begun += 1
            yield from ((X[PAIRS[n : n + 2]], A[PAIRS[n : n + 2]]) for n in (0, 2, 4))

    base, whole = model(), model()
    training = patchspec.clone_training(
        base, patchspec.apply(base, patch_of(EXPOSE["list"])), data=Three()
    )
    for _ in range(2):
        training.fit(1, verbose=0)
        whole.fit(X[PAIRS], A[PAIRS], batch_size=2, shuffle=False, verbose=0)
    assert same(training.model.get_weights(), whole.get_weights())


def test_a_generator_has_the_steps_of_the_last_fit() -> None:
    base = model()
    fit(base, A, 1)
    batches = ((X[:4], A[:4]) for _ in range(9))
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    training = patchspec.clone_training(base, variant, data=batches)
    assert training.fit_arguments["steps_per_epoch"] == 2


def mine(y: Any, predicted: Any) -> Any:
    """A loss that nobody registered."""
    return keras.ops.mean((y - predicted) ** 2)


@pytest.mark.parametrize("live", [True, False])
def test_what_the_base_is_compiled_with_need_not_be_registered(live: bool) -> None:
    base, whole = model(), model()
    for one in (base, whole):
        one.compile("adam", mine)
        fit(one, A, 1)
    debug = (
        keras.Model(base.input, [base.output, base.get_layer("body").output])
        if live
        else patchspec.apply(base, patch_of(EXPOSE["list"]), custom_objects={"mine": mine})
    )
    patchspec.clone_training(base, debug, data=(X, A)).fit(
        1, shuffle=False, batch_size=4, verbose=0
    )
    fit(whole, A, 1)
    found = debug if live else debug.model
    assert same(found.get_weights(), whole.get_weights())


def test_what_cannot_be_made_again_is_refused() -> None:
    base = model()
    base.compile("adam", "mse", metrics=[keras.metrics.MeanMetricWrapper(mine, name="mine")])
    debug = keras.Model(base.input, [base.output, base.get_layer("body").output])
    assert codes(lambda: patchspec.clone_training(base, debug)) == ["PS964"]


def test_two_of_one_name_are_refused() -> None:
    def made(scale: float) -> Any:
        def loss(y: Any, predicted: Any) -> Any:
            return scale * mine(y, predicted)

        return loss

    base = model("list")
    base.compile("adam", [made(1.0), made(2.0)])
    debug = keras.Model(base.input, [*base.outputs, base.get_layer("body").output])
    assert codes(lambda: patchspec.clone_training(base, debug)) == ["PS964"]


def test_what_a_patch_puts_in_place_of_the_optimizer_stays() -> None:
    base = model()
    fit(base, A, 2)
    patch = f"""
patchspec: 1
compile: {{optimizer: {{class: SGD, config: {{learning_rate: 0.5}}}}}}
operations:
  {EXPOSE["list"]}
"""
    variant = patchspec.apply(base, patch)
    training = patchspec.clone_training(base, variant, data=(X, A))
    assert isinstance(training.model.optimizer, keras.optimizers.SGD)
    assert int(training.model.optimizer.iterations) == 0
    assert any("optimizer" in note for note in training.notes)


def test_a_new_output_with_a_loss_gets_no_label_of_another_one() -> None:
    base = model("dict")
    patch = f"""
patchspec: 1
compile: {{loss: {{a: mse, b: mae, mid: mse}}}}
operations:
  {EXPOSE["dict"]}
"""
    variant = patchspec.apply(base, patch)
    run = lambda: patchspec.clone_training(base, variant, data=(X, labels("dict")))  # noqa: E731
    assert codes(run) == ["PS962"]
    patchspec.clone_training(base, variant)


def test_a_variant_of_other_weights_than_the_base_has_now_is_told() -> None:
    base = model()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    told = [patchspec.clone_training(base, variant).notes]
    fit(base, A, 1)
    told.append(patchspec.clone_training(base, variant).notes)
    assert [any("trained since" in note for note in notes) for notes in told] == [False, True]


def test_what_keras_does_not_take_for_several_outputs_is_told() -> None:
    said = []
    for form in ("single", "list"):
        base = model(form)
        variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
        notes = patchspec.clone_training(base, variant).notes
        said.append(any("class_weight" in note for note in notes))
    assert said == [True, False]


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


def unlabelled() -> Any:
    from tensorflow.data import Dataset  # noqa: PLC0415 (tests run on TensorFlow)

    return Dataset.from_tensor_slices(X).batch(4)


def test_batches_without_labels_are_refused() -> None:
    base = model()
    debug = keras.Model(base.input, [base.output, base.get_layer("body").output])
    assert codes(lambda: patchspec.clone_training(base, debug, data=unlabelled())) == ["PS962"]
    training = patchspec.clone_training(base, debug, data=(X for _ in range(2)))
    assert codes(lambda: training.fit(1, verbose=0)) == ["PS962"]


@pytest.mark.parametrize("data", [X, (X,), 3, {"x": X}, "xy"])
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
