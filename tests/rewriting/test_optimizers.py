"""The state of optimizers in files that no model was made for: it is what Keras saves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.rewriting.obstacles import obstacle
from tests.conftest import patch_of

O = keras.optimizers  # noqa: E741
OPTIMIZERS = {
    "sgd": lambda: O.SGD(0.2),
    "momentum": lambda: O.SGD(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: O.Adam(1e-4, clipnorm=1.0),
    "amsgrad": lambda: O.Adam(amsgrad=True),
    "adamw": lambda: O.AdamW(weight_decay=0.01),
    "lamb": O.Lamb,
    "adamax": O.Adamax,
    "adadelta": O.Adadelta,
    "lion": O.Lion,
    "rmsprop": O.RMSprop,
    "centered": lambda: O.RMSprop(momentum=0.5, centered=True),
    "adagrad": lambda: O.Adagrad(initial_accumulator_value=0.3),
    "ftrl": O.Ftrl,
    "scaled": lambda: O.LossScaleOptimizer(O.Adam()),
    "ema": lambda: O.SGD(0.1, use_ema=True),
    "schedule": lambda: O.Adam(O.schedules.CosineDecay(0.1, 100)),
}
HEAD = "- {op: replace, layers: head, new: {class: Dense, name: head, config: {units: 2}, "
STEPS = f"{HEAD}weights: init}}}}\n- {{op: freeze, layers: conv}}"


def trained(optimizer: Any, folder: Path) -> Path:
    x = keras.Input((6, 6, 3), name="x")
    y = L.BatchNormalization(name="norm")(L.Conv2D(4, 3, name="conv")(x))
    inside = keras.Input((4, 4, 4))
    nested = keras.Model(inside, L.Conv2D(2, 1, name="one")(inside), name="nested")
    y = L.Dense(3, name="head")(L.Flatten(name="flat")(nested(y)))
    model = keras.Model(x, y, name="m")
    model.compile(optimizer, "mse")
    random = np.random.default_rng(0)
    model.fit(random.random((4, 6, 6, 3)), random.random((4, 3)), verbose=0)
    model.save(folder / "base.keras")
    return folder / "base.keras"


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps", [STEPS, "- {op: rename, layers: conv, name: c}"])
def test_the_state_is_what_building_and_saving_gives(name: str, steps: str, tmp_path: Path) -> None:
    """Fresh for variables that are new, else as it was."""
    plan = patchspec.resolve(patch_of(steps), trained(OPTIMIZERS[name](), tmp_path))
    if name in ("scaled", "ema"):
        assert obstacle(plan) == "only Keras knows what its optimizer starts with"
        return
    assert obstacle(plan) is None
    one = patchspec.rewrite(plan, tmp_path / "one.keras")
    other = patchspec.build(plan).save(tmp_path / "other.keras")
    assert one.read_bytes() == other.read_bytes()
    loaded = keras.saving.load_model(one)
    assert int(loaded.optimizer.iterations) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: O.Adam(use_ema=True),
        lambda: O.Adam(gradient_accumulation_steps=2),
        O.Adafactor,
        lambda: O.LossScaleOptimizer(O.Adam()),
    ],
)
def test_an_optimizer_that_holds_more_is_left_to_keras(make: Any, tmp_path: Path) -> None:
    plan = patchspec.resolve(patch_of(STEPS), trained(make(), tmp_path))
    assert obstacle(plan) == "only Keras knows what its optimizer starts with"


def test_layers_with_parts_are_left_to_keras(tmp_path: Path) -> None:
    """The order of their variables is their own."""
    x = keras.Input((4, 3), name="x")
    y = L.Dense(1, name="head")(L.Bidirectional(L.LSTM(2), name="both")(x))
    model = keras.Model(x, y)
    model.compile("adam", "mse")
    model.save(tmp_path / "base.keras")
    plan = patchspec.resolve(patch_of(f"{HEAD}weights: init}}}}"), tmp_path / "base.keras")
    assert obstacle(plan) == "only Keras knows what its optimizer starts with"


SAID = (
    "adam",
    "sgd",
    "ftrl",
    "adadelta",
    {"class": "Lamb"},
    {"class": "Adagrad"},
    {"class": "Lion"},
    {"class": "Adamax"},
    {"class": "SGD", "config": {"momentum": 0.9}},
    {"class": "RMSprop", "config": {"centered": True}},
    {"class": "AdamW", "config": {"learning_rate": 0.5}},
)


@pytest.mark.parametrize("said", SAID, ids=str)
def test_what_a_patch_leaves_out_of_an_optimizer_is_keras_s_default(
    said: Any, tmp_path: Path
) -> None:
    x = keras.Input((4,), name="x")
    keras.Model(x, L.Dense(2, name="d")(x), name="m").save(tmp_path / "base.keras")
    patch = patch_of([], compile={"optimizer": said, "loss": "mse"})
    plan = patchspec.resolve(patch, tmp_path / "base.keras")
    assert obstacle(plan) is None
    one = patchspec.rewrite(plan, tmp_path / "one.keras")
    other = patchspec.build(plan).save(tmp_path / "other.keras")
    assert one.read_bytes() == other.read_bytes()
    assert float(keras.saving.load_model(one).optimizer.learning_rate) > 0


@pytest.mark.parametrize("rate", ["fast", [1], True, None])
def test_an_optimizer_that_is_not_as_keras_writes_it_is_left_to_keras(
    rate: Any, tmp_path: Path
) -> None:
    plan = patchspec.resolve(patch_of(STEPS), trained(O.Adam(), tmp_path))
    plan.document["compile_config"]["optimizer"]["config"]["learning_rate"] = rate
    assert obstacle(plan) == "only Keras knows what its optimizer starts with"


def test_a_model_that_was_compiled_and_never_fitted_starts_anew(tmp_path: Path) -> None:
    """Keras saves the number of steps and the rate of such a model, and no slots."""
    x = keras.Input((4,), name="x")
    model = keras.Model(x, L.Dense(2, name="d")(x), name="m")
    model.compile("adam", "mse")
    model.save(tmp_path / "base.keras")
    plan = patchspec.resolve(
        patch_of("- {op: rename, layers: d, name: e}"), tmp_path / "base.keras"
    )
    one = patchspec.rewrite(plan, tmp_path / "one.keras")
    assert one.read_bytes() == patchspec.build(plan).save(tmp_path / "two.keras").read_bytes()
