"""Callbacks come along as copies, with what they have counted and kept."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.conftest import patch_of
from tests.training.fitting import (
    EXPOSE,
    A,
    X,
    fit,
    model,
    same,
)


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


def test_a_callback_that_cannot_be_copied_is_refused_by_name() -> None:
    class Locked(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lock = threading.Lock()

    base = model()
    variant = patchspec.apply(base, patch_of(EXPOSE["list"]))
    with pytest.raises(PatchError, match=r"PS963.*Locked"):
        patchspec.clone_training(base, variant, callbacks=[Locked()])
