"""What users ask for most, as the patch files under `patches/`, on real architectures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from tests.zoo import A, image, randomised, values, zoo

PATCHES = Path(__file__).parents[2] / "patches"


def patch(name: str) -> Path:
    return PATCHES / f"{name}.patchspec.yaml"


def outputs(model: Any, x: Any) -> Any:
    return keras.tree.map_structure(np.asarray, model(x, training=False))


def cut(model: Any, name: str) -> Any:
    return keras.Model(model.input, model.get_layer(name).output)


def named_values(model: Any) -> dict[str, Any]:
    """Variables by layer and name, for flat models."""
    return {f"{x.name}/{v.name}": np.asarray(v) for x in model.layers for v in x.weights}


def same_where_both(mine: dict[str, Any], theirs: dict[str, Any]) -> int:
    shared = mine.keys() & theirs.keys()
    assert all(np.array_equal(mine[k], theirs[k]) for k in shared)
    return len(shared)


@pytest.fixture(scope="module")
def effnet() -> Any:
    keras.backend.clear_session()
    return randomised(A.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=10))


@pytest.mark.parametrize("name", sorted(p.name for p in PATCHES.glob("*.yaml")))
def test_every_patch_file_is_valid(name: str) -> None:
    wanting = {"new-tail.patchspec.yaml": {"classes": 4}}
    assert patchspec.parse(PATCHES / name, wanting.get(name)).name


def test_ask_1_the_top_goes_and_the_26_tensors_before_it_stay() -> None:
    """A9: the variant ends at a tensor, and what it computes there is what it computed."""
    model = zoo("VGG16")
    variant = patchspec.apply(model, patch("remove-top"))
    x = image(model)
    assert variant.report["kept"]["variables"] == 26
    assert variant.report["dropped"]["variables"] == 6
    assert variant.model.output_shape == (None, 1, 1, 512)
    assert np.array_equal(outputs(variant.model, x), outputs(cut(model, "block5_pool"), x))
    assert same_where_both(named_values(variant.model), named_values(model)) == 26


def test_ask_1_two_layers_popped_are_the_model_that_ends_before_them() -> None:
    model = zoo("VGG16")
    variant = patchspec.apply(model, patch("pop-layers"))
    x = image(model)
    assert np.array_equal(outputs(variant.model, x), outputs(cut(model, "fc1"), x))


def test_ask_2_dropout_in_the_middle_changes_one_reader_and_no_prediction() -> None:
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("insert-dropout"))
    x = image(model)
    assert np.array_equal(outputs(variant.model, x), outputs(model, x))
    assert len(variant.model.layers) == len(model.layers) + 1
    readers = [s for s in variant.plan.graph.readers if s.layer == "block_6_drop"]
    assert len(variant.plan.graph.reading(readers[0])) == 1


def test_ask_2_a_fresh_normalization_scales_by_its_epsilon_alone() -> None:
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("insert-normalization"))
    x = image(model)
    mine = outputs(cut(variant.model, "block_6_norm"), x)
    theirs = outputs(cut(model, "block_6_expand_relu"), x)
    assert np.allclose(mine, theirs / np.sqrt(1 + 1e-3), rtol=1e-5)
    assert [m.action for m in variant.plan.moves if m.path.startswith("block_6_norm")] == [
        "initialised"
    ] * 4


def test_ask_3_every_residual_branch_is_scaled_and_no_shortcut() -> None:
    model = zoo("ResNet50")
    variant = patchspec.apply(model, patch("scale-residuals"))
    x = image(model)
    graph = variant.plan.graph
    assert sum(layer.class_name == "Rescaling" for layer in graph.layers.values()) == 16
    reads = [str(s.tensor) for s in graph.layers["conv3_block2_add"].calls[0].slots]
    assert reads == ["conv3_block1_out", "conv3_block2_3_bn_scale"]
    block = keras.Model(
        model.input,
        model.get_layer("conv2_block1_0_bn").output
        + 0.5 * model.get_layer("conv2_block1_3_bn").output,
    )
    assert np.array_equal(outputs(cut(variant.model, "conv2_block1_add"), x), outputs(block, x))


def test_ask_4_a_new_head_is_the_one_layer_initialised(effnet: Any) -> None:
    variant = patchspec.apply(effnet, patch("new-head"))
    assert variant.model.output_shape == (None, 3)
    assert [m.path for m in variant.plan.moves if m.action == "initialised"] == [
        "species/vars/0",
        "species/vars/1",
    ]
    count = same_where_both(named_values(variant.model), named_values(effnet))
    assert count == len(named_values(effnet)) - 2
    again = patchspec.apply(effnet, patch("new-head"))
    assert again.state == variant.state


def test_ask_5_activations_change_where_they_are_used(effnet: Any) -> None:
    variant = patchspec.apply(effnet, patch("silu-to-relu"))
    x = image(effnet)
    assert not np.array_equal(outputs(variant.model, x), outputs(effnet, x))
    source = outputs(cut(variant.model, "stem_bn"), x)
    assert np.array_equal(outputs(cut(variant.model, "stem_activation"), x), np.maximum(source, 0))


def test_ask_5_a_capped_relu_loses_its_cap() -> None:
    model = zoo("MobileNetV2")
    variant = patchspec.apply(model, patch("relu6-to-relu"))
    relus = [x for x in variant.model.layers if isinstance(x, keras.layers.ReLU)]
    assert len(relus) == 35
    assert all(relu.max_value is None for relu in relus)


def test_ask_8_part_of_a_nested_backbone_freezes_and_stays_frozen(tmp_path: Path) -> None:
    """A27: a flag of every leaf, which a file and Keras keep."""
    keras.backend.clear_session()
    base = A.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), name="base")
    inputs = keras.Input((32, 32, 3), name="image")
    head = keras.layers.GlobalAveragePooling2D(name="pool")(base(inputs))
    model = randomised(keras.Model(inputs, keras.layers.Dense(4, name="head")(head)))
    variant = patchspec.apply(model, patch("freeze-part"))
    free = [v.path for v in variant.model.trainable_variables]
    last = [
        x for x in base.layers if x.name.startswith(tuple(f"block_{n}_" for n in range(13, 17)))
    ]
    expected = sum(len(x.trainable_variables) for x in last) + 2
    assert len(free) == expected
    path = variant.save(tmp_path / "frozen.keras")
    loaded = keras.saving.load_model(path)
    assert len(loaded.trainable_variables) == expected
    thawed = patchspec.apply(
        variant.model,
        "patchspec: 1\noperations: [{op: unfreeze, layers: base, batchnorm: include}]\n",
    )
    assert len(thawed.model.trainable_variables) == len(model.trainable_variables)


def test_ask_9_features_of_three_stages_come_beside_the_prediction() -> None:
    """A16: and compute what they computed inside."""
    model = zoo("ResNet50")
    variant = patchspec.apply(model, patch("pyramid"))
    x = image(model)
    found = outputs(variant.model, x)
    assert list(found) == ["predictions", "low", "mid", "high"]
    assert np.array_equal(found["predictions"], outputs(model, x))
    assert np.array_equal(found["mid"], outputs(cut(model, "conv3_block4_out"), x))


@pytest.mark.parametrize("around", ["Sequential", "Functional"])
def test_ask_10_layers_of_a_nested_model_are_outputs_and_places_to_edit(
    around: str, tmp_path: Path
) -> None:
    """B3, T35, T36: 260 variables of five names, all by their paths."""
    mobile = zoo("MobileNetV2")
    base = keras.Model(mobile.input, mobile.get_layer("out_relu").output, name="base")
    head = [keras.layers.GlobalAveragePooling2D(name="gap"), keras.layers.Dense(3, name="end")]
    model: Any = keras.Sequential([keras.Input((32, 32, 3)), base, *head])
    if around == "Functional":
        x = keras.Input((32, 32, 3), name="image")
        model = keras.Model(x, head[1](head[0](base(x))))
    x = image(base)
    variant = patchspec.apply(model, patch("nested-targets"))
    assert variant.plan.branched == (("",) if around == "Sequential" else ())
    for built in (variant.model, keras.saving.load_model(variant.save(tmp_path / "v.keras"))):
        prediction, features = outputs(built, x)
        assert np.array_equal(prediction, outputs(model, x))
        assert np.array_equal(features, outputs(cut(base, "block_2_add"), x))
    assert variant.report["kept"]["variables"] == len(model.weights)


def test_ask_16_a_skip_is_cut_and_what_led_to_it_goes() -> None:
    model = zoo("ResNet50")
    variant = patchspec.apply(model, patch("cut-a-skip"))
    names = {layer.name for layer in variant.model.layers}
    assert "conv2_block2_2_relu" not in names
    assert not {n for n in names if n.startswith("conv3_block2_") and n != "conv3_block2_out"}
    assert variant.report["dropped"]["variables"] == 18


def siamese() -> Any:
    keras.backend.clear_session()
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(4, name="shared")
    added = keras.layers.Add(name="add")([shared(a), shared(b)])
    return randomised(keras.Model([a, b], added))


def test_ask_18_calls_of_a_shared_layer_go_their_own_ways() -> None:
    """B1: each call by its number, and all."""
    model = siamese()
    variant = patchspec.apply(model, patch("siamese"))
    layers = {layer.name: layer for layer in variant.model.layers}
    assert len({id(v) for v in variant.model.variables}) == 2 + 2 + 4
    assert all(
        np.array_equal(p, q)
        for p, q in zip(
            layers["shared"].get_weights(), layers["shared_b"].get_weights(), strict=True
        )
    )
    graph = variant.plan.graph
    assert len(graph.layers["act"].calls) == 2
    assert len(graph.layers["shared"].calls) == 1
    random = np.random.default_rng(0)
    x = [random.normal(size=(3, 4)).astype("float32") for _ in range(2)]
    kernel, bias = model.get_layer("shared").get_weights()
    gone_through = np.maximum(x[1] @ kernel + bias, 0) / np.sqrt(1 + 1e-3)
    expected = np.maximum(x[0] @ kernel + bias, 0) + gone_through
    assert np.allclose(outputs(variant.model, x), expected, atol=1e-5)


def test_ask_19_a_clone_is_equal_in_weights_flags_and_compile_config(effnet: Any) -> None:
    model = patchspec.apply(effnet, patch("identity")).model
    model.get_layer("stem_conv").trainable = False
    # Eagerly: to trace the training of a whole network takes longer than one step of it.
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    before = values(model)
    variant = patchspec.apply(model, patch("identity"))
    assert [x.trainable for x in variant.model.layers] == [x.trainable for x in model.layers]
    assert variant.model.get_compile_config() == model.get_compile_config()
    x, y = image(effnet), np.eye(10, dtype="float32")[:2]
    variant.model.fit(x, y, verbose=0)
    after = values(model)
    assert all(np.array_equal(before[k], after[k]) for k in before)


def test_ask_21_a_second_head_comes_behind_the_first(effnet: Any) -> None:
    variant = patchspec.apply(effnet, patch("auxiliary-head"))
    x = image(effnet)
    main, aux = outputs(variant.model, x)
    assert variant.model.output_names == ["predictions", "aux"]
    assert np.array_equal(main, outputs(effnet, x))
    assert aux.shape == (2, 10)


def test_ask_21_the_order_of_arguments_survives_a_change_elsewhere() -> None:
    """T13: by declaration `c` comes before `b`, in the call as well."""
    keras.backend.clear_session()
    a, c, b = (keras.Input((3,), name=n) for n in "acb")
    difference = keras.layers.Subtract(name="difference")([c, b])
    model = keras.Model([a, c, b], [keras.layers.Dense(2, name="d")(a), difference])
    text = "patchspec: 1\noperations: [{op: insert, after: d, new: {class: ReLU, name: r}}]\n"
    variant = patchspec.apply(model, text)
    random = np.random.default_rng(0)
    x = [random.normal(size=(2, 3)).astype("float32") for _ in range(3)]
    assert np.array_equal(outputs(variant.model, x)[1], x[1] - x[2])


def test_ask_25_a_custom_layer_survives_and_can_be_set() -> None:
    model = zoo("InceptionResNetV2")
    variant = patchspec.apply(model, patch("custom-scale"))
    scales = [x for x in variant.model.layers if type(x).__name__ == "CustomScaleLayer"]
    assert len(scales) == 40
    assert {float(layer.scale) for layer in scales} == {0.2}


def test_ask_20_compile_keys_follow_a_renamed_output() -> None:
    """T44: `fit` would not find the loss of an output with a new name."""
    model = patchspec.apply(zoo("MobileNetV2"), patch("identity")).model
    model.compile("sgd", loss={"predictions": "categorical_crossentropy"})
    variant = patchspec.apply(model, patch("species"))
    x, y = image(model), np.eye(1000, dtype="float32")[:2]
    assert variant.model.get_compile_config()["loss"] == {"species": "categorical_crossentropy"}
    variant.model.fit(x, y, verbose=0)
