"""More of what users ask for most, on real architectures, and what no other tool does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.applications.surgery_models import load_old, new_architecture
from tests.applications.test_asks import cut, named_values, outputs, patch
from tests.conftest import patch_of
from tests.zoo import A, image, randomised, zoo


@pytest.fixture(scope="module")
def effnet() -> Any:
    keras.backend.clear_session()
    return randomised(A.EfficientNetB0(weights=None, input_shape=(224, 224, 3), classes=10))


def kernel(model: Any, name: str) -> Any:
    return np.asarray(model.get_layer(name).kernel)


def test_ask_4_three_of_ten_classes_keep_their_rows(effnet: Any) -> None:
    """E4: the policy for a shape that changes is declared, and reported."""
    variant = patchspec.apply(effnet, patch("keep-some-classes"))
    assert np.array_equal(
        kernel(variant.model, "predictions"), kernel(effnet, "predictions")[:, [0, 4, 7]]
    )
    x = np.random.default_rng(0).normal(size=(3, 1280)).astype("float32")
    mine, theirs = (
        x @ kernel(m, "predictions") + np.asarray(m.get_layer("predictions").bias)
        for m in (variant.model, effnet)
    )
    assert np.allclose(mine, theirs[:, [0, 4, 7]], atol=1e-5)


def test_ask_6_weights_by_name_with_a_report_of_every_variable(tmp_path: Path) -> None:
    """E3: names that moved are mapped."""
    (tmp_path / "new.json").write_text(new_architecture().to_json())
    old = load_old()
    there = patch("load-by-name")
    variant = patchspec.apply(tmp_path / "new.json", there, models={"old": old})
    assert np.array_equal(kernel(variant.model, "block_a_7"), kernel(old, "stage1_7"))
    assert np.array_equal(kernel(variant.model, "head"), kernel(old, "fc"))
    assert np.array_equal(
        kernel(variant.model, "embed"), kernel(old, "embed").reshape(1, 1, 64, 32)
    )
    counts = {action: row["variables"] for action, row in variant.report.items()}
    assert counts == {"kept": 0, "adapted": 0, "loaded": 38, "initialised": 4, "dropped": 0}
    strict = there.read_text().replace("skip", "refuse")
    with pytest.raises(PatchError) as caught:
        patchspec.apply(tmp_path / "new.json", strict, models={"old": old})
    assert {p.code for p in caught.value.problems} == {"PS501"}


def test_ask_7_frozen_normalisation_keeps_its_statistics_through_training() -> None:
    """A28: what freezing means for BatchNormalization is declared."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("frozen-normalization"))
    trainable = {v.path.split("/")[0] for v in variant.model.trainable_variables}
    assert trainable == {"block_16_expand", "block_16_depthwise", "block_16_project"}
    before = named_values(variant.model)
    variant.model.compile("sgd", "sparse_categorical_crossentropy")
    variant.model.fit(image(model) / 255, np.zeros(2), verbose=0)
    after = named_values(variant.model)
    moving = [name for name in before if "moving" in name]
    assert len(moving) == 104
    assert all(np.array_equal(before[name], after[name]) for name in moving)
    assert not np.array_equal(before["block_16_expand/kernel"], after["block_16_expand/kernel"])


def test_ask_12_stem_and_tail_piped_together_are_the_model() -> None:
    """A9, A10, A11: what ends at a tensor, and what begins at it with an input of its own."""
    model = zoo("MobileNetV2")
    stem, tail = (patchspec.apply(model, patch(name)) for name in ("stem", "tail"))
    x = image(model)
    assert np.array_equal(outputs(tail.model, outputs(stem.model, x)), outputs(model, x))
    parts = stem.model.count_params() + tail.model.count_params()
    assert parts == model.count_params()


@pytest.mark.parametrize("name", ["input-size", "any-input-size"])
def test_ask_13_another_input_size_changes_no_weight(name: str) -> None:
    """A20: a fixed size, or any."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch(name))
    assert variant.report["kept"]["variables"] == len(model.weights)
    x = np.random.default_rng(0).uniform(size=(1, 64, 64, 3)).astype("float32")
    theirs = A.MobileNetV2(weights=None, input_shape=(64, 64, 3))
    theirs.set_weights(model.get_weights())
    assert np.array_equal(outputs(variant.model, x), outputs(theirs, x))


def test_ask_13_a_size_that_a_dense_layer_depends_on_fails_in_the_plan() -> None:
    """D3, D4: both shapes are named before anything is allocated."""
    model = zoo("VGG16")
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch("input-size"), model, settings={"size": 96})
    [problem] = caught.value.problems
    assert problem.code == "PS501"
    assert all(shape in problem.message for shape in ("`fc1`", "(512, 4096)", "(4608, 4096)"))
    assert "pad" in str(problem.hint)


def test_ask_14_a_fourth_channel_starts_as_the_mean_of_the_others(effnet: Any) -> None:
    """A22: its kernel is the mean of theirs."""
    variant = patchspec.apply(effnet, patch("four-channels"))
    mine, theirs = kernel(variant.model, "stem_conv"), kernel(effnet, "stem_conv")
    assert mine.shape == (3, 3, 4, 32)
    assert np.array_equal(mine[:, :, :3], theirs)
    assert np.allclose(mine[:, :, 3], theirs.mean(axis=2), atol=1e-7)


def test_ask_14_channels_padded_with_zeros_count_for_nothing() -> None:
    """A22: equal to the last bit."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("five-channels"))
    x = image(model)
    noise = np.random.default_rng(5).uniform(0, 255, (2, 32, 32, 2)).astype("float32")
    padded = np.concatenate([x, noise], axis=-1)
    zeros = np.concatenate([x, np.zeros_like(noise)], axis=-1)
    assert np.array_equal(outputs(variant.model, zeros), outputs(model, x))
    assert np.array_equal(outputs(variant.model, padded), outputs(model, x))


@pytest.mark.parametrize(("name", "first"), [("MobileNetV2", "Conv1"), ("ResNet50", "conv1_conv")])
def test_ask_14_one_grey_channel_does_what_three_equal_ones_did(name: str, first: str) -> None:
    """A22: the rule that preserves the sum."""
    model = zoo(name)
    variant = patchspec.apply(model, patch("grey-input"), settings={"first": first})
    grey = image(model)[..., :1] / 255
    theirs = outputs(model, np.repeat(grey, 3, axis=-1))
    assert np.allclose(outputs(variant.model, grey), theirs, atol=1e-5)


def test_ask_15_regularizers_take_effect_and_strides_become_dilation() -> None:
    """A24, A25, A26: on all that a selector matches."""
    model = zoo("ResNet50")
    variant = patchspec.apply(model, patch("dilated-l2"))
    convolutions = [x for x in variant.model.layers if isinstance(x, L.Conv2D)]
    assert len(variant.model.losses) == len(convolutions) == 53
    expected = sum(1e-4 * float(np.sum(np.square(x.kernel))) for x in convolutions)
    assert float(sum(variant.model.losses)) == pytest.approx(expected, rel=1e-4)
    assert cut(model, "conv5_block3_out").output_shape[1:3] == (1, 1)
    assert cut(variant.model, "conv5_block3_out").output_shape[1:3] == (2, 2)
    assert variant.report["kept"]["variables"] == len(model.weights)


def test_regularizers_and_constraints_in_bulk_take_effect() -> None:
    """A26: each adds its loss, and holds in the layer."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("regularizers"), settings={"l2": "0.01"})
    kernels = [x for x in variant.model.layers if isinstance(x, (L.Conv2D, L.Dense))]
    depthwise = [x for x in variant.model.layers if isinstance(x, L.DepthwiseConv2D)]
    assert len(variant.model.losses) == len(kernels) + len(depthwise) == 53
    dense = variant.model.get_layer("predictions")
    assert isinstance(dense.kernel_constraint, keras.constraints.MaxNorm)
    assert float(dense.kernel_regularizer.l2) == pytest.approx(0.01)


def test_ask_33_two_layers_that_were_trained_apart_become_one() -> None:
    """Live on top of the base, too, where the layer is the base's own."""
    p, q = keras.Input((4,), name="p"), keras.Input((4,), name="q")
    ends = [L.Dense(5, name="a")(p), L.Dense(5, name="b")(q)]
    base = randomised(keras.Model([p, q], L.Concatenate(name="both")(ends)))
    steps = patch_of("- {op: replace, layers: b, new: {layer: a}}")
    x = [np.ones((2, 4), "float32"), np.full((2, 4), 2.0, "float32")]
    for share in (False, True):
        variant = patchspec.apply(base, steps, share=share).model
        assert variant.count_params() == base.count_params() / 2
        assert np.array_equal(variant(x)[:, 5:], base.get_layer("a")(x[1]))
        assert (variant.get_layer("a") is base.get_layer("a")) == share


@pytest.mark.slow
def test_ask_20_a_backbone_trained_three_steps_goes_on_under_another_head(tmp_path: Path) -> None:
    """E10: the steps are counted on, what stays has its slots, the new head none."""
    base = A.MobileNetV2(weights=None, alpha=0.35, input_shape=(32, 32, 3), classes=10)
    base.compile("adam", "sparse_categorical_crossentropy")
    random = np.random.default_rng(0)
    x, y = random.random((6, 32, 32, 3), "float32"), random.integers(0, 3, 6)
    base.fit(x, y, batch_size=2, verbose=0)
    base.save(tmp_path / "base.keras")
    steps = "- op: replace\n  layers: predictions\n  new: {class: Dense, name: species, "
    steps += "config: {units: 3, activation: softmax}}\n"
    variants = [patchspec.apply(one, patch_of(steps)) for one in (base, tmp_path / "base.keras")]
    for variant in variants:
        optimizer = variant.model.optimizer
        assert int(optimizer.iterations) == 3
        mine = dict(zip(_names(variant.model), optimizer._velocities, strict=True))
        theirs = dict(zip(_names(base), base.optimizer._velocities, strict=True))
        assert len(mine) == len(theirs)
        for name, slot in mine.items():
            if name.startswith("species"):
                assert not np.asarray(slot).any()
            else:
                assert np.array_equal(slot, theirs[name])
        loaded = keras.saving.load_model(variant.save(tmp_path / "variant.keras", force=True))
        stored = loaded.optimizer._velocities
        assert all(np.array_equal(a, b) for a, b in zip(stored, mine.values(), strict=True))


def _names(model: Any) -> list[str]:
    """The trainable variables of a flat model in its order, by layer and name."""
    found = {id(v): f"{layer.name}/{v.name}" for layer in model.layers for v in layer.weights}
    return [found[id(v)] for v in model.trainable_variables]


def test_ask_22_step_by_step_a_stateful_lstm_is_the_whole_sequence() -> None:
    """A21: for serving, of one sample and with a state that stays."""
    i = keras.Input((None, 4), name="steps")
    x = L.LSTM(8, return_sequences=True, name="lstm")(i)
    model = randomised(keras.Model(i, L.Dense(3, name="out")(x)))
    sequence = np.random.default_rng(2).normal(size=(1, 5, 4)).astype("float32")
    variant = patchspec.apply(model, patch("streaming-lstm"))
    steps = [outputs(variant.model, sequence[:, t : t + 1]) for t in range(5)]
    assert np.allclose(np.concatenate(steps, axis=1), outputs(model, sequence), atol=1e-6)


def test_ask_26_preprocessing_goes_inside(tmp_path: Path) -> None:
    """A19: what a script did before the model is a layer of it."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("preprocessing-inside"))
    pixels = image(model)
    scaled = (pixels * np.float32(1 / 127.5) - 1).astype("float32")
    assert np.allclose(outputs(variant.model, pixels), outputs(model, scaled), atol=1e-5)
    variant.save(tmp_path / "v.keras")
    loaded = keras.models.load_model(tmp_path / "v.keras")
    assert np.array_equal(outputs(loaded, pixels), outputs(variant.model, pixels))


def test_ask_27_pooling_strides_and_dilation_change_and_no_weight_does() -> None:
    model = zoo("ResNet50")
    variant = patchspec.apply(model, patch("segmentation-backbone"))
    assert cut(model, "conv4_block6_out").output_shape[1:3] == (2, 2)
    assert variant.model.output_shape[1:3] == (8, 8)
    assert {move.action for move in variant.plan.moves} == {"kept", "dropped"}


def test_ask_28_mixed_precision_spares_what_it_is_told_to(tmp_path: Path) -> None:
    """A29: all but normalisation and the softmax, and variables in full precision."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("mixed-precision"))
    compute = {layer.name: layer.compute_dtype for layer in variant.model.layers}
    assert compute["Conv1"] == "float16"
    assert compute["bn_Conv1"] == compute["predictions"] == "float32"
    assert all(v.dtype == "float32" for v in variant.model.weights)
    variant.save(tmp_path / "v.keras")
    loaded = keras.models.load_model(tmp_path / "v.keras")
    assert {layer.name: layer.compute_dtype for layer in loaded.layers} == compute


def test_a_second_input_counts_for_nothing_until_it_is_trained(effnet: Any) -> None:
    """A18: merged in before the head, which starts without it."""
    variant = patchspec.apply(effnet, patch("metadata-input"))
    x = image(effnet)
    meta = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    both = keras.tree.map_structure(np.asarray, variant.model([x, meta], training=False))
    assert np.allclose(both, outputs(effnet, x), atol=1e-6)


def test_every_variable_of_the_base_is_accounted_for() -> None:
    """E5, E6: copied and dropped make up the whole; a layer that nobody names cannot go."""
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("stem"))
    plan = variant.plan
    taken = {path for m in plan.moves for _, path in m.sources}
    dropped = {m.path for m in plan.moves if m.action == "dropped"}
    assert taken | dropped == set(plan.base.variables or {})
    assert not taken & dropped
    values = sum(row["values"] for row in variant.report.values())
    assert values == model.count_params()
    cut_off = (
        "patchspec: 1\noperations:\n"
        "  - {op: rewire, layers: block_9_expand, inputs: block_7_add}\n"
        "  - {op: rewire, layers: block_9_add, inputs: [block_7_add, block_9_project_BN]}\n"
    )
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(cut_off, model)
    assert {p.code for p in caught.value.problems} == {"PS402"}


def test_new_layers_start_from_the_same_bits_on_every_run(effnet: Any) -> None:
    """E12: and from others with another seed."""
    first, second = (patchspec.apply(effnet, patch("new-head")) for _ in range(2))
    assert first.state == second.state
    other = patchspec.apply(effnet, patch("new-head").read_text().replace("seed: 7", "seed: 8"))
    assert other.state != first.state


def test_a_mask_survives_an_insertion_and_one_that_no_longer_fits_is_refused() -> None:
    """D7: a finding names what drops it."""
    i = keras.Input((8,), name="ids")
    x = L.Embedding(20, 4, mask_zero=True, name="embed")(i)
    model = keras.Model(i, L.LSTM(3, name="lstm")(x))
    ids = np.array([[1, 2, 3, 0, 0, 0, 0, 0]])
    step = "patchspec: 1\noperations:\n  - {{op: insert, after: embed, new: {}}}\n"
    dropout = "{class: Dropout, name: d, config: {rate: 0.1}}"
    variant = patchspec.apply(model, step.format(dropout))
    assert np.array_equal(outputs(variant.model, ids), outputs(model, ids))
    same = "{class: Conv1D, name: c, config: {filters: 4, kernel_size: 1}}"
    plan = patchspec.resolve(step.format(same), model)
    assert [f.problem.code for f in plan.findings] == ["PS414"]
    shorter = "{class: MaxPooling1D, name: p, config: {pool_size: 2}}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(step.format(shorter), model)
    assert [p.code for p in caught.value.problems] == ["PS413"]
