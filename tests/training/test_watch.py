"""`Watch` writes what a model does as it trains, and training does not notice."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import patchspec
from patchspec.problems import PatchError
from patchspec.training import events
from tests.conftest import patch_of

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(8, 4)).astype("float32"), RANDOM.normal(size=(8, 3)).astype("float32")


def model() -> Any:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    y = L.BatchNormalization(name="norm")(L.Dense(5, activation="relu", name="body")(x))
    inside = keras.Input((5,), name="inside")
    nested = keras.Model(inside, L.Dense(4, name="deep")(inside), name="nested")
    y = L.Dropout(0.5, seed=1, name="drop")(nested(y))
    built = keras.Model(x, L.Dense(3, name="head")(y))
    built.compile("adam", "mse", metrics=["mae"])
    return built


def read(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0}).Reload()


def scalars(folder: Path, tag: str) -> dict[int, float]:
    return {event.step: event.value for event in read(folder).Scalars(tag)}


def fit(built: Any, epochs: int, *callbacks: Any, **more: Any) -> Any:
    return built.fit(
        X, Y, epochs=epochs, batch_size=4, shuffle=False, verbose=0, callbacks=[*callbacks], **more
    )


def codes(run: Any) -> list[str]:
    with pytest.raises(PatchError) as caught:
        run()
    return [problem.code for problem in caught.value.problems]


def test_training_is_the_same_with_and_without_it(tmp_path: Path) -> None:
    """Dropout draws, BatchNormalization moves: neither by what is looked at."""
    plain, watched = model(), model()
    fit(plain, 3)
    fit(watched, 3, patchspec.Watch(tmp_path, tensors=["norm", "drop"], data=X))
    pairs = zip(plain.get_weights(), watched.get_weights(), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)
    assert all(len(layer._inbound_nodes) == 1 for layer in watched.layers)


def test_tensors_are_what_the_model_computes_at_the_end_of_each_epoch(tmp_path: Path) -> None:
    built = model()
    seen: list[Any] = []
    part = keras.Model(built.input, built.get_layer("body").output)
    after = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: seen.append(np.asarray(part(X), np.float64))
    )
    watch = patchspec.Watch(tmp_path, tensors=["body", "nested/deep"], data=X)
    fit(built, 2, watch, after)
    for what, number in (("mean", np.mean), ("max", np.max), ("zeros", lambda v: (v == 0).mean())):
        told = scalars(tmp_path, f"tensor/body/{what}")
        assert list(told) == [0, 1]
        assert list(told.values()) == pytest.approx([number(v) for v in seen], rel=1e-5)
    assert scalars(tmp_path, "tensor/body/nan") == {0: 0.0, 1: 0.0}
    assert list(scalars(tmp_path, "tensor/nested/deep/std")) == [0, 1]
    assert [one.step for one in read(tmp_path).Tensors("tensor/body")] == [0, 1]


def test_weights_are_told_with_how_far_they_moved(tmp_path: Path) -> None:
    built = model()
    kernel = built.get_layer("head").kernel
    before = np.asarray(kernel, np.float64)
    fit(built, 1, patchspec.Watch(tmp_path))
    after = np.asarray(kernel, np.float64)
    size, moved = np.linalg.norm(after), np.linalg.norm(after - before)
    told = {
        what: scalars(tmp_path, f"weights/head/kernel/{what}")[0]
        for what in ("norm", "update", "update_ratio")
    }
    wanted = {"norm": size, "update": moved, "update_ratio": moved / size}
    assert told == pytest.approx(wanted, rel=1e-5)
    tags = {tag.split("/")[1] for tag in read(tmp_path).Tags()["scalars"] if "weights" in tag}
    assert tags == {"body", "norm", "nested", "head"}


def test_weights_can_be_chosen_and_histograms_left_out(tmp_path: Path) -> None:
    fit(model(), 1, patchspec.Watch(tmp_path, weights="nested", histograms=False))
    found = read(tmp_path).Tags()
    assert {tag for tag in found["scalars"] if tag.startswith("weights")} == {
        f"weights/nested/deep/{name}/{what}"
        for name in ("kernel", "bias")
        for what in ("norm", "update", "update_ratio")
    }
    assert not found["tensors"]


def test_losses_metrics_and_the_learning_rate_are_told_too(tmp_path: Path) -> None:
    built = model()
    history = fit(built, 2, patchspec.Watch(tmp_path), validation_data=(X, Y)).history
    for name in ("loss", "mae", "val_loss"):
        told = list(scalars(tmp_path, f"epoch/{name}").values())
        assert told == pytest.approx(history[name], rel=1e-5)
    assert list(scalars(tmp_path, "epoch/learning_rate").values()) == pytest.approx([1e-3] * 2)


def test_a_second_fit_goes_on_behind_the_first(tmp_path: Path) -> None:
    built = model()
    watch = patchspec.Watch(tmp_path)
    fit(built, 2, watch)
    fit(built, 1, watch)
    fit(built, 5, watch, initial_epoch=4)
    # Two files of one second are read in the order of numbers that TensorBoard compares as text.
    steps = sorted(event.step for event in read(tmp_path).Scalars("epoch/loss"))
    assert steps == [0, 1, 2, 4]


def test_a_longer_second_fit_goes_on_behind_the_first_to_its_end(tmp_path: Path) -> None:
    built = model()
    watch = patchspec.Watch(tmp_path)
    fit(built, 2, watch)
    fit(built, 5, watch)
    fit(built, 4, watch, initial_epoch=2)
    # Files of the same second are read in any order.
    steps = sorted(event.step for event in read(tmp_path).Scalars("epoch/loss"))
    assert steps == list(range(9))


def test_a_copy_of_it_holds_neither_the_file_nor_the_model(tmp_path: Path) -> None:
    """Of a `fit` that was broken off the file is still open."""
    built = model()
    watch = patchspec.Watch(tmp_path, tensors="body", data=X)

    def broken(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(built, 2, watch, keras.callbacks.LambdaCallback(on_epoch_end=broken))
    copied = copy.deepcopy(watch, {id(built): None})
    assert (copied._log, copied._job, copied._pairs, copied._last) == (None, None, [], 0)
    fit(built, 1, watch)
    assert list(scalars(tmp_path, "tensor/body/mean")) == [0, 1]


def test_what_is_nan_is_written_and_stops_nothing(tmp_path: Path) -> None:
    built = model()
    built.get_layer("head").kernel.assign(np.full((4, 3), np.nan))
    fit(built, 1, patchspec.Watch(tmp_path, tensors="head", data=X))
    assert scalars(tmp_path, "tensor/head/nan") == {0: X.shape[0] * 3.0}
    assert np.isnan(scalars(tmp_path, "weights/head/kernel/norm")[0])
    assert "tensor/head/mean" not in read(tmp_path).Tags()["scalars"]


def test_it_watches_a_variant_and_writes_nowhere_else(tmp_path: Path) -> None:
    base = model()
    variant = patchspec.apply(base, patch_of("- {op: expose-output, outputs: [body]}"))
    before = set(tmp_path.rglob("*"))
    fit(variant.model, 1, patchspec.Watch(tmp_path / "logs", tensors="body", data=X))
    made = set(tmp_path.rglob("*")) - before
    assert {path.relative_to(tmp_path).parts[0] for path in made} == {"logs"}


def test_a_wrong_name_stops_fit_before_it_begins(tmp_path: Path) -> None:
    built = model()
    weights = built.get_weights()
    for more in ({"tensors": "bdy", "data": X}, {"weights": "hed"}):
        watch = patchspec.Watch(tmp_path, **more)
        assert codes(lambda watch=watch: fit(built, 1, watch)) == ["PS301"]
    wrong = patchspec.Watch(tmp_path, tensors="body", data=X[:, :2])
    assert codes(lambda: fit(built, 1, wrong)) == ["PS941"]
    assert all(np.array_equal(a, b) for a, b in zip(weights, built.get_weights(), strict=True))


def test_tensors_need_data(tmp_path: Path) -> None:
    assert codes(lambda: patchspec.Watch(tmp_path, tensors="body")) == ["PS961"]


def test_without_the_package_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "find_spec", lambda _: None)
    assert codes(lambda: patchspec.Watch(tmp_path)) == ["PS960"]
