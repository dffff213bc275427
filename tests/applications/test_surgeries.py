"""Surgeries that people did by hand in public code, as patches, on models with their names."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.applications.surgery_models import (
    CUSTOM,
    captcha,
    char_cnn,
    deep_moji,
    stack,
    tiny_xception,
)
from tests.applications.test_asks import cut, outputs, patch
from tests.zoo import image, randomised, zoo


def apply(model: Any, name: str, **more: Any) -> Any:
    return patchspec.apply(model, patch(name), custom_objects=CUSTOM, **more)


@pytest.fixture(scope="module")
def faces() -> Any:
    return randomised(tiny_xception())


def test_s01_another_input_size_keeps_all_weights_or_names_the_layer_that_cannot() -> None:
    model = zoo("ResNet50")
    assert apply(model, "input-size").report["kept"]["variables"] == len(model.weights)
    i = keras.Input((32, 32, 3))
    flat = keras.Model(i, L.Dense(10, name="dense")(L.Flatten()(L.Conv2D(4, 3, name="c")(i))))
    with pytest.raises(PatchError, match="PS501 the `kernel` of `dense`"):
        apply(flat, "input-size")


def test_s04_every_addition_becomes_a_drop_connect_of_a_rate_of_its_own(faces: Any) -> None:
    variant = apply(faces, "drop-connect")
    rates = [x.rate for x in variant.model.layers if type(x).__name__ == "DropConnect"]
    assert rates == pytest.approx([0.0, 0.2 / 3, 0.4 / 3, 0.2])
    names = [x.name for x in variant.model.layers if x.name.startswith("drop_conn")]
    assert names == [f"drop_conn_{n}" for n in range(1, 5)]
    x = image(faces)
    assert np.array_equal(outputs(variant.model, x), outputs(faces, x))


def test_s11_a_mask_over_the_classes_is_a_layer_with_constant_weights(faces: Any) -> None:
    """A39: values in the patch."""
    variant = apply(faces, "class-score")
    x = image(faces)
    features, score = outputs(variant.model, x)
    assert np.array_equal(features, outputs(cut(faces, "conv2d_7"), x))
    assert np.array_equal(score[:, 0], outputs(faces, x)[:, 3])


def test_s12_every_relu_becomes_a_registered_function(faces: Any, tmp_path: Any) -> None:
    variant = apply(faces, "guided-backprop")
    activations = [x.activation for x in variant.model.layers if type(x).__name__ == "Activation"]
    assert activations[:-1] == [CUSTOM["guided_relu"]] * 6
    assert activations[-1].__name__ == "softmax"
    variant.save(tmp_path / "v.keras")
    loaded = keras.models.load_model(tmp_path / "v.keras")
    x = image(faces)
    assert np.array_equal(outputs(loaded, x), outputs(faces, x))


def test_s14_old_words_keep_their_rows_and_new_ones_start_anew() -> None:
    model = randomised(deep_moji())
    variant = apply(model, "larger-vocabulary")
    mine, theirs = (np.asarray(m.get_layer("embedding").embeddings) for m in (variant.model, model))
    assert mine.shape == (50100, 8)
    assert np.array_equal(mine[:50000], theirs)
    assert 0 < np.abs(mine[50000:]).max() < 0.06
    assert variant.model.output_shape == (None, 1)
    assert [m.action for m in variant.plan.moves if m.path.startswith("softmax/")][:2] == [
        "initialised",
        "initialised",
    ]


def test_s19_what_serves_training_only_goes() -> None:
    """A17: an input goes with the layer that read it."""
    model = captcha()
    variant = apply(model, "serving-part")
    assert [t.name for t in variant.model.inputs] == ["image"]
    assert variant.checks[-1].holds
    assert variant.plan.layers.removed == ("label", "ctc_loss")


def test_s22_a_sequential_loses_its_last_layer_shows_any_and_learns_with_its_last() -> None:
    """A40: cut, opened, and frozen in part."""
    model = stack()
    x = np.ones((2, 4), "float32")
    popped = apply(model, "drop-last-layer").model
    assert isinstance(popped, keras.Sequential)
    ends = [outputs(keras.Model(model.inputs[0], layer.output), x) for layer in model.layers]
    assert np.array_equal(outputs(popped, x), ends[1])
    every = outputs(apply(model, "every-layer").model, x)
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(every, ends, strict=True))
    one = outputs(apply(model, "one-layer").model, x)
    assert np.array_equal(keras.tree.flatten(one)[0], every[1])
    frozen = apply(model, "freeze-all-but-last").model
    assert [v.path.split("/")[-2] for v in frozen.trainable_variables] == ["dense_2"] * 2


def test_s25_every_input_is_followed_by_a_layer_that_all_its_readers_read() -> None:
    ends = [keras.Input((2,), name=name) for name in ("a", "b", "c")]
    x = L.Concatenate(name="join")(ends)
    model = keras.Model(ends, [L.Dense(2, name="head")(x), L.ReLU(name="side")(ends[1])])
    variant = apply(model, "quantize-inputs")
    layers = variant.plan.graph.layers
    reads = {n: [str(s.tensor) for s in layers[n].calls[0].slots] for n in ("join", "side")}
    assert reads == {
        "join": ["quantize_a", "quantize_b", "quantize_c"],
        "side": ["quantize_b"],
    }
    assert [tensor.name for tensor in variant.model.inputs] == ["a", "b", "c"]


def test_s29_a_tail_of_five_layers_makes_way_for_another() -> None:
    model = char_cnn()
    variant = apply(model, "new-tail", settings={"classes": 4})
    assert isinstance(variant.model, keras.Sequential)
    names = [layer.name for layer in variant.model.layers]
    assert names == ["conv", "pool", "d_cl_1", "a_cl_1", "drop_cl_1", "d_cl_2", "a_cl_2"]
    assert variant.model.output_shape == (None, 4)
    with pytest.raises(PatchError, match="PS218"):
        apply(model, "new-tail")
