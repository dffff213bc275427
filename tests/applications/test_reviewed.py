"""The patches that the page on reviews shows, on the models that it shows them with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

import examples.models
import patchspec
from tests.zoo import randomised

PATCHES = Path(__file__).parents[2] / "patches"


def made(name: str) -> Any:
    keras.backend.clear_session()
    return randomised(getattr(examples.models, name)())


def patch(name: str) -> Path:
    return PATCHES / f"{name}.patchspec.yaml"


def test_dropout_by_pattern_grows_and_changes_no_prediction() -> None:
    model = made("small")
    variant = patchspec.apply(model, patch("dropout-by-pattern"), settings={"most": 0.4}).model
    rates = [layer.rate for layer in variant.layers if isinstance(layer, keras.layers.Dropout)]
    assert rates == [0.1, 0.4]
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    assert np.array_equal(variant(x, training=False), model(x, training=False))


def test_swish_stands_wherever_a_relu_stood() -> None:
    variant = patchspec.apply(made("small"), patch("swish")).model
    found = [layer.activation.__name__ for layer in variant.layers if hasattr(layer, "activation")]
    assert "relu" not in found
    assert found.count("silu") == 4
    assert not any(isinstance(layer, keras.layers.ReLU) for layer in variant.layers)


def test_a_unet_without_its_first_skip_keeps_the_kernel_of_what_stays() -> None:
    model = made("unet")
    variant = patchspec.apply(model, patch("unet-skip")).model
    before = np.asarray(model.get_layer("dec1_conv1").kernel)
    after = np.asarray(variant.get_layer("dec1_conv1").kernel)
    assert np.array_equal(after, before[:, :, :8])
    # With nothing on the skip the old model computes what the new one does.
    model.get_layer("dec1_conv1").kernel.assign(np.where(np.arange(16)[:, None] < 8, before, 0))
    x = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    assert np.allclose(variant(x), model(x), atol=1e-5)
