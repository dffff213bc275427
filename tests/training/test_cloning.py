"""`clone_training`: a model is trained on as another one was."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from tests.conftest import patch_of
from tests.training.fitting import (
    DATA,
    EXPOSE,
    A,
    B,
    Loader,
    X,
    codes,
    fit,
    labels,
    model,
    same,
)


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        # Each kind once, and each form; the rest of the pairs in `make test-all`.
        (form, kind)
        if form == "single" or kind == "arrays"
        else pytest.param(form, kind, marks=pytest.mark.slow)
        for kind in DATA
        for form in ("single", "list", "dict")
    ],
)
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
