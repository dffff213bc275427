"""One edit at a time, on real architectures: what it does is compared with Keras's own doing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.applications.test_asks import cut, named_values, outputs, patch
from tests.conftest import patch_of
from tests.zoo import image, randomised, zoo


def apply(model: Any, steps: str, **header: Any) -> Any:
    return patchspec.apply(model, patch_of(steps, **header))


def refused(model: Any, steps: str) -> Any:
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(steps), model)
    return caught.value.problems


def reloaded(variant: Any, tmp_path: Path) -> Any:
    """The variant as plain Keras loads it."""
    return keras.saving.load_model(variant.save(tmp_path / "v.keras"))


def all_equal(mine: Any, theirs: Any) -> bool:
    return all(np.array_equal(p, q) for p, q in zip(mine, theirs, strict=True))


def test_one_input_of_an_addition_reads_another_producer() -> None:
    """A12: the other input stays, and the model is the one that Keras makes of the same wires."""
    model = zoo("ResNet50")
    step = "- {op: rewire, layers: conv2_block3_add, inputs: {0: conv2_block1_out}}"
    variant = apply(model, f"{step}\n- {{op: extract, outputs: conv2_block3_out}}")
    ends = [model.get_layer(n).output for n in ("conv2_block1_out", "conv2_block3_3_bn")]
    theirs = keras.Model(model.input, keras.ops.relu(ends[0] + ends[1]))
    x = image(model)
    assert np.array_equal(outputs(variant.model, x), outputs(theirs, x))
    assert not np.array_equal(outputs(variant.model, x), outputs(cut(model, "conv2_block3_out"), x))


def test_a_renamed_layer_is_the_same_layer_for_its_readers_and_its_weights(tmp_path: Path) -> None:
    """A13, C15, E3: a rename is a move, and nothing is dropped and made anew for it."""
    model = zoo("ResNet50")
    variant = apply(model, "- {op: rename, layers: conv2_block1_out, name: stage}\n"
                    "- {op: rename, layers: conv1_conv, name: stem}")  # fmt: skip
    assert variant.plan.layers.renamed == (("conv1_conv", "stem"), ("conv2_block1_out", "stage"))
    assert (variant.plan.layers.added, variant.plan.layers.removed) == ((), ())
    assert {move.action for move in variant.plan.moves} == {"kept"}
    [kernel] = [m for m in variant.plan.moves if m.path == "stem/vars/0"]
    assert kernel.sources == (("base", "conv1_conv/vars/0"),)
    [addition] = variant.plan.graph.layers["conv2_block2_add"].calls
    assert str(addition.slots[0].tensor) == "stage"
    loaded = reloaded(variant, tmp_path)
    x = image(model)
    assert np.array_equal(outputs(loaded, x), outputs(model, x))
    assert all_equal(loaded.get_layer("stem").get_weights(),
                     model.get_layer("conv1_conv").get_weights())  # fmt: skip


def test_two_copies_of_a_backbone_whose_names_begin_or_end_apart_fit_in_one_model(
    tmp_path: Path,
) -> None:
    """A14: one rename prefixes or suffixes every name, and Keras takes both copies together."""
    model = patchspec.apply(zoo("MobileNetV2"), patch("stem")).model
    same = patchspec.apply(model, patch("identity")).model
    with pytest.raises(ValueError, match="unique"):
        keras.Model([model.input, same.input], [model.output, same.output])
    x = image(model)
    copies = []
    for said in ("l_$(target)", "$(target)_r"):
        variant = apply(model, f'- {{op: rename, layers: "*", name: {said}}}')
        names = [said.replace("$(target)", layer.name) for layer in model.layers]
        loaded = keras.saving.load_model(variant.save(tmp_path / f"{len(copies)}.keras"))
        assert [layer.name for layer in loaded.layers] == names
        assert np.array_equal(outputs(loaded, x), outputs(model, x))
        copies.append(loaded)
    left, right = copies
    both = keras.Model(
        [left.input, right.input], L.Concatenate(name="both")([left.output, right.output])
    )
    both.save(tmp_path / "both.keras")
    again = keras.saving.load_model(tmp_path / "both.keras")
    assert len(again.weights) == 2 * len(model.weights)
    expected = outputs(model, x)
    assert np.array_equal(outputs(again, [x, x]), np.concatenate([expected, expected], axis=-1))


def test_inputs_and_outputs_are_renamed_and_come_in_another_order(tmp_path: Path) -> None:
    """A15: the values go with the names, also through a file."""
    mobile = zoo("MobileNetV2")
    i, meta = keras.Input((32, 32, 3), name="image"), keras.Input((4,), name="meta")
    features = keras.Model(mobile.input, mobile.get_layer("global_average_pooling2d").output)
    joined = L.Concatenate(name="join")([features(i), meta])
    model = randomised(
        keras.Model([i, meta], [L.Dense(3, name="kind")(joined), L.Dense(1, name="size")(joined)])
    )
    steps = (
        "- {op: rename, layers: image, name: photo}\n"
        "- {op: rename, layers: size, name: metres}\n"
        "- {op: extract, inputs: [meta, photo], outputs: [metres, kind]}"
    )
    variant = apply(model, steps)
    assert set(variant.plan.layers.renamed) == {("image", "photo"), ("size", "metres")}
    x = image(mobile)
    more = np.random.default_rng(3).normal(size=(2, 4)).astype("float32")
    kind, size = outputs(model, [x, more])
    for built in (variant.model, reloaded(variant, tmp_path)):
        assert [tensor.name for tensor in built.inputs] == ["meta", "photo"]
        assert built.output_names == ["metres", "kind"]
        assert all_equal(outputs(built, [more, x]), [size, kind])


def test_a_dropped_output_takes_what_led_to_it_alone_and_says_so() -> None:
    """A17: what becomes dead is listed, its weights are reported, and the rest is as it was."""
    model = zoo("ResNet50")
    pyramid = patchspec.apply(model, patch("pyramid")).model
    variant = apply(pyramid, "- {op: extract, outputs: {low: conv2_block3_out, mid: "
                    "conv3_block4_out}}")  # fmt: skip
    removed = set(variant.plan.layers.removed)
    names = [layer.name for layer in pyramid.layers]
    alive = names[: names.index("conv3_block4_out") + 1]
    assert removed == set(names) - set(alive)
    dead = [v for n in removed for v in pyramid.get_layer(n).weights]
    assert variant.report["dropped"]["variables"] == len(dead) > 100
    x = image(model)
    found, before = outputs(variant.model, x), outputs(pyramid, x)
    assert list(found) == ["low", "mid"]
    assert all(np.array_equal(found[key], before[key]) for key in found)


def test_an_input_whose_last_reader_goes_is_an_error_until_it_is_dropped_on_purpose() -> None:
    """A17, D6: an input that nothing reads is neither kept nor lost in silence."""
    model = zoo("MobileNetV2")
    step = (
        "- {op: insert, after: global_average_pooling2d, new: [{class: InputLayer, name: meta, "
        "config: {shape: [4]}}, {class: Concatenate, name: join, inputs: [$here, meta]}]}\n"
        "- {op: set, layers: predictions, weights: {kernel: {pad: {axis: 0, with: zeros}}}}"
    )
    two = apply(model, step).model
    back = "- {op: rewire, layers: predictions, inputs: global_average_pooling2d}"
    kept = ", ".join(map(str, range(1280)))
    rule = f"weights: {{kernel: {{take: {{axis: 0, indices: [{kept}]}}}}}}"
    back += f"\n- {{op: set, layers: predictions, {rule}}}"
    [problem] = refused(two, back)
    assert problem.code == "PS402"
    assert "join" in problem.message
    one = apply(two, f"{back}\n- {{op: extract}}")
    assert set(one.plan.layers.removed) == {"meta", "join"}
    x = image(model)
    assert np.array_equal(outputs(one.model, [x]), outputs(model, x))


PREPARED = {
    "Normalization": (
        (
            "{class: Normalization, name: prepare, "
            "config: {mean: [100.0, 110.0, 120.0], variance: [4.0, 9.0, 16.0]}}"
        ),
        lambda x: (x - np.float32([100, 110, 120])) / np.float32([2, 3, 4]),
    ),
    "1x1 convolution": (
        (
            "{class: Conv2D, name: prepare, config: {filters: 3, kernel_size: 1, use_bias: false}, "
            "weights: {kernel: "
            "{constant: [[[[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]]]}}}"
        ),
        lambda x: x[..., ::-1],
    ),
}


@pytest.mark.parametrize("kind", PREPARED)
def test_a_layer_between_the_input_and_its_readers_prepares_it(kind: str, tmp_path: Path) -> None:
    """A19: as if what came in had been prepared outside."""
    new, outside = PREPARED[kind]
    model = zoo("MobileNetV2")
    variant = apply(model, f"- {{op: insert, after: $input, new: {new}}}")
    x = image(model)
    expected = outputs(model, np.ascontiguousarray(outside(x)))
    for built in (variant.model, reloaded(variant, tmp_path)):
        assert np.allclose(outputs(built, x), expected, rtol=1e-4, atol=1e-6)


CHANNELS = {
    "mean": (5, "{pad: {axis: -2, with: mean}}",
             lambda k: np.concatenate([k, np.repeat(k.mean(2, keepdims=True), 2, 2)], 2)),
    "repeat": (5, "{pad: {axis: -2, with: repeat}}",
               lambda k: np.concatenate([k, k[:, :, :2]], 2)),
    "zeros": (5, "{pad: {axis: -2, with: zeros}}",
              lambda k: np.concatenate([k, np.zeros_like(k[:, :, :2])], 2)),
    "slice": (2, "{take: {axis: -2, indices: [0, 2]}}", lambda k: k[:, :, [0, 2]]),
    "sum": (1, "{sum: -2}", lambda k: k.sum(2, keepdims=True)),
}  # fmt: skip


@pytest.mark.parametrize("rule", CHANNELS)
def test_the_first_kernel_follows_another_number_of_channels_by_the_rule(rule: str) -> None:
    """A22, E4: without a rule it is refused with both shapes and the rules that fit."""
    channels, said, expected = CHANNELS[rule]
    model = zoo("MobileNetV2")
    step = f"- {{op: set, layers: $input, config: {{shape: [32, 32, {channels}]}}}}"
    [problem] = refused(model, step)
    assert problem.code == "PS501"
    assert f"(3, 3, {channels}, 32)" in problem.message
    assert "(3, 3, 3, 32)" in problem.message
    assert str(said.split(":")[0][1:]) in str(problem.hint)
    variant = apply(model, f"{step}\n- {{op: set, layers: Conv1, weights: {{kernel: {said}}}}}")
    mine = np.asarray(variant.model.get_layer("Conv1").kernel)
    theirs = np.asarray(model.get_layer("Conv1").kernel)
    assert np.allclose(mine, expected(theirs), atol=1e-7)
    adapted = [m for m in variant.plan.moves if m.action == "adapted"]
    assert [(m.path, m.rule) for m in adapted] == [("Conv1/vars/0", adapted[0].rule)]
    assert variant.report["kept"]["variables"] == len(model.weights) - 1


def test_other_units_reach_the_layer_behind_and_each_variable_needs_its_rule() -> None:
    """A23: the error names every variable and rule; wider by zeros computes the same."""
    model = zoo("VGG16")
    found = refused(model, "- {op: set, layers: fc1, config: {units: 4100}}")
    assert [p.code for p in found] == ["PS501"] * 3
    told = [(p.message, str(p.hint)) for p in found]
    for (message, hint), words in zip(
        told,
        [
            ("`kernel` of `fc1`", "(512, 4096)", "(512, 4100)"),
            ("`bias` of `fc1`", "(4096,)", "(4100,)"),
            ("`kernel` of `fc2`", "(4096, 4096)", "(4100, 4096)"),
        ],
        strict=True,
    ):
        assert all(word in message for word in words)
        assert "pad" in hint
        assert "init" in hint
    pad = "{{pad: {{axis: {}, with: {}}}}}"
    first = f"{{kernel: {pad.format(-1, 'init')}, bias: {pad.format(0, 'ones')}}}"
    steps = (
        f"- {{op: set, layers: fc1, config: {{units: 4100}}, weights: {first}}}\n"
        f"- {{op: set, layers: fc2, weights: {{kernel: {pad.format(0, 'zeros')}}}}}"
    )
    variant = apply(model, steps)
    assert variant.model.get_layer("fc1").output.shape == (None, 4100)
    new = np.asarray(variant.model.get_layer("fc1").kernel)[:, 4096:]
    assert np.abs(new).max() > 0
    x = image(model) / 255
    assert np.allclose(outputs(variant.model, x), outputs(model, x), rtol=1e-4, atol=1e-7)


def test_other_classes_start_their_head_anew_and_keep_the_rest() -> None:
    """A23: in place, without another layer; the head is initialised from the seed."""
    model = zoo("MobileNetV2")
    step = "- {op: set, layers: predictions, config: {units: 7}, weights: init}"
    variant, again = (apply(model, step, seed=5) for _ in range(2))
    assert variant.model.output_shape == (None, 7)
    actions = {m.path: m.action for m in variant.plan.moves if m.path.startswith("predictions/")}
    assert set(actions.values()) <= {"initialised", "dropped"}
    assert variant.report["initialised"] == {
        "variables": 2, "values": 7 * 1281, "bytes": 4 * 7 * 1281
    }  # fmt: skip
    assert variant.state == again.state
    mine, theirs = named_values(variant.model), named_values(model)
    kept = [name for name in theirs if not name.startswith("predictions/")]
    assert all(np.array_equal(mine[name], theirs[name]) for name in kept)


def test_values_of_the_config_of_one_layer_are_set_and_take_effect(tmp_path: Path) -> None:
    """A24: an activation, strides, dilation, a rate, an epsilon, a bias."""
    model = zoo("ResNet50")
    steps = (
        "- {op: insert, after: avg_pool, new: {class: Dropout, name: d, config: {rate: 0.1}}}\n"
        "- {op: set, layers: d, config: {rate: 0.7}}\n"
        "- {op: set, layers: conv1_bn, config: {epsilon: 0.5}}\n"
        "- {op: set, layers: conv1_relu, config: {activation: tanh}}\n"
        "- {op: set, layers: conv2_block1_2_conv, config: {dilation_rate: 2}}\n"
        "- {op: set, layers: [conv3_block1_1_conv, conv3_block1_0_conv], config: {strides: 1}}\n"
    )
    off = "- {op: set, layers: conv2_block1_1_conv, config: {use_bias: false}}"
    [problem] = refused(model, off)
    assert problem.code == "PS502"
    variant = apply(model, steps)
    built = reloaded(variant, tmp_path)
    norm = built.get_layer("conv1_bn")
    x = outputs(cut(built, "conv1_conv"), image(model))
    mean, variance, gamma, beta = (
        np.asarray(getattr(norm, key))
        for key in ("moving_mean", "moving_variance", "gamma", "beta")
    )
    expected = np.tanh((x - mean) / np.sqrt(variance + 0.5) * gamma + beta)
    assert np.allclose(outputs(cut(built, "conv1_relu"), image(model)), expected, atol=1e-4)
    assert built.get_layer("conv2_block1_2_conv").dilation_rate == (2, 2)
    assert cut(model, "conv3_block4_out").output_shape[1:3] == (4, 4)
    assert cut(built, "conv3_block4_out").output_shape[1:3] == (8, 8)
    assert variant.report["kept"]["variables"] == len(model.weights)
    assert built.get_layer("d").rate == 0.7


def test_a_bias_that_is_switched_on_starts_where_the_rule_says() -> None:
    """A24: `use_bias` brings a variable, and what it starts from is declared."""
    model = zoo("MobileNetV2")
    step = "- {op: set, layers: Conv1, config: {use_bias: true}%s}"
    [problem] = refused(model, step % "")
    assert problem.code == "PS501"
    variant = apply(model, step % ", weights: {bias: zeros}")
    x = image(model)
    assert len(variant.model.get_layer("Conv1").weights) == 2
    assert np.array_equal(outputs(variant.model, x), outputs(model, x))


def nested_mobile() -> Any:
    """MobileNetV2 as one layer, with a layer beside it that has a name of its blocks."""
    i = keras.Input((32, 32, 3), name="image")
    base = zoo("MobileNetV2")
    inner = keras.Model(base.input, base.output, name="base")
    return keras.Model(i, L.Dense(3, name="block_1_head")(inner(i)))


def is_strided(layer: Any) -> bool:
    return isinstance(layer, L.DepthwiseConv2D) and tuple(layer.strides) == (2, 2)


BULK = {
    "{class: BatchNormalization}": lambda x, _: isinstance(x, L.BatchNormalization),
    '"base/block_1_*"': lambda x, inside: inside and x.name.startswith("block_1_"),
    '"**/block_1_*"': lambda x, _: x.name.startswith("block_1_"),
    "{regex: 'base/block_[0-9]_project'}": lambda x, inside: (
        inside and x.name in [f"block_{n}_project" for n in range(1, 10)]
    ),
    "{class: DepthwiseConv2D, where: {strides: [2, 2]}}": lambda x, _: is_strided(x),
    '{name: "base/**", class: [Conv2D, Dense]}': lambda x, inside: (
        inside and type(x) in (L.Conv2D, L.Dense)
    ),
    "[block_1_head, {class: ZeroPadding2D}]": lambda x, _: (
        x.name == "block_1_head" or isinstance(x, L.ZeroPadding2D)
    ),
}


@pytest.mark.parametrize("selector", BULK)
def test_a_key_is_set_on_all_that_a_selector_matches_and_on_no_other(selector: str) -> None:
    """A25, B3: by class, glob, expression, a value of the config, a subtree, a list of these."""
    model = nested_mobile()
    inside = model.get_layer("base").layers
    every = [(x, True) for x in inside] + [(x, False) for x in model.layers]
    wanted = {x.name for x, within in every if BULK[selector](x, within)}
    assert 0 < len(wanted) < len(every)
    step = f"- {{op: set, layers: {selector}, config: {{dtype: float64}}}}"
    plan = patchspec.resolve(patch_of(step), model, shapes=False)
    after = [x for x in plan.graph.walk() if not x.is_input and x.inner is None]
    found = {x.name for x in after if x.config["dtype"]["config"]["name"] == "float64"}
    assert found == wanted


def test_regularizers_go_and_come_constraints_hold_and_initializers_make_new_values() -> None:
    """A26: what is set on a layer of a built model has its effect, and what is unset has none."""
    model = zoo("MobileNetV2")
    l2 = "{class: L2, config: {l2: 0.5}}"
    on = apply(
        model,
        f"- {{op: set, layers: predictions, config: {{kernel_regularizer: {l2}, kernel_constraint: "
        "{class: MaxNorm, config: {max_value: 0.01}}}}\n"
        "- {op: set, layers: Conv1, config: {kernel_initializer: {class: Constant, "
        "config: {value: 0.25}}}, weights: {kernel: init}}",
    ).model
    kernel = np.asarray(on.get_layer("predictions").kernel)
    [loss] = on.losses
    assert float(loss) == pytest.approx(0.5 * float(np.square(kernel).sum()), rel=1e-4)
    assert np.all(np.asarray(on.get_layer("Conv1").kernel) == 0.25)
    on.compile(keras.optimizers.SGD(1e-6), "sparse_categorical_crossentropy", run_eagerly=True)
    on.train_on_batch(image(model) / 255, np.zeros(2))
    norms = np.linalg.norm(np.asarray(on.get_layer("predictions").kernel), axis=0)
    assert np.linalg.norm(kernel, axis=0).max() > 0.5
    assert norms.max() < 0.0101
    step = "- {op: set, layers: predictions, unset: [kernel_regularizer, kernel_constraint]}"
    off = apply(on, step).model
    assert off.losses == []
    assert off.get_layer("predictions").kernel_constraint is None


def normed(*, trainable: bool, training: bool | None) -> Any:
    x = keras.Input((4,), name="x")
    said = {} if training is None else {"training": training}
    norm = L.BatchNormalization(name="norm")
    model = keras.Model(x, L.Dense(1, name="d")(norm(L.Dense(4, name="before")(x), **said)))
    norm.trainable = trainable
    return model


def moved_by_a_fit(model: Any) -> set[str]:
    """The variables of the normalization that one step of training changes."""
    variables = model.get_layer("norm").variables
    before = {v.name: np.array(v) for v in variables}
    data = np.random.default_rng(0).normal(5, 2, (16, 4)).astype("float32")
    model.compile(keras.optimizers.SGD(0.01), "mse", run_eagerly=True)
    model.fit(data, data[:, :1], batch_size=16, verbose=0)
    return {v.name for v in variables if not np.array_equal(v, before[v.name])}


RULES = {
    "none": ("[]", None),
    "freeze": ('- {op: freeze, layers: "**"}\n- {op: unfreeze, layers: d}', False),
    "freeze, leave": (
        '- {op: freeze, layers: "**", batchnorm: leave}\n- {op: unfreeze, layers: d}', None
    ),
    "unfreeze, leave": ('- {op: unfreeze, layers: "**", batchnorm: leave}', None),
    "unfreeze, include": ('- {op: unfreeze, layers: "**", batchnorm: include}', True),
}  # fmt: skip
"""A rule, and what it makes of the flag of the normalization; none where it leaves it."""


@pytest.mark.parametrize("training", [None, True, False])
@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("rule", RULES)
def test_what_a_normalization_does_in_training_after_each_rule(
    rule: str, trainable: bool, training: bool | None, tmp_path: Path
) -> None:
    """A28: frozen, neither statistics nor weights move in a fit; else what Keras moves does.

    Whether a call with `training=False` keeps the statistics in a fit depends on the release of
    Keras, so a model made by hand with that flag says it.
    """
    steps, flag = RULES[rule]
    trains = trainable if flag is None else flag
    variant = apply(normed(trainable=trainable, training=training), steps)
    model = reloaded(variant, tmp_path)
    norm = model.get_layer("norm")
    assert norm.trainable is trains
    assert model.get_layer("before").trainable is (rule not in ("freeze", "freeze, leave"))
    [call] = variant.plan.graph.layers["norm"].calls
    assert call.data["kwargs"].get("training") is training
    moved = moved_by_a_fit(model)
    assert moved == moved_by_a_fit(normed(trainable=trains, training=training))
    if training is not False:
        everything = {"moving_mean", "moving_variance", "gamma", "beta"}
        assert moved == (everything if trains else set())
    assert trains or not moved


def test_one_layer_computes_in_another_precision_than_the_model(tmp_path: Path) -> None:
    """A29: a policy for one layer, and one for all but some; variables stay in full precision."""
    model = zoo("MobileNetV2")
    steps = (
        "- {op: set, layers: {not: {class: InputLayer}}, config: {dtype: mixed_bfloat16}}\n"
        "- {op: set, layers: [{class: BatchNormalization}, predictions], config: {dtype: float32}}"
    )
    for said, low in (
        (steps, lambda x: not isinstance(x, L.BatchNormalization) and x.name != "predictions"),
        ("- {op: set, layers: Conv1, config: {dtype: mixed_bfloat16}}",
         lambda x: x.name == "Conv1"),
    ):  # fmt: skip
        variant = apply(model, said)
        path = variant.save(tmp_path / "v.keras", force=True)
        for built in (variant.model, keras.saving.load_model(path)):
            layers = [x for x in built.layers if not isinstance(x, L.InputLayer)]
            assert {x.name for x in layers if x.compute_dtype == "bfloat16"} == {
                x.name for x in layers if low(x)
            }
            assert {v.dtype for v in built.weights} == {"float32"}
    assert built.get_layer("Conv1").output.dtype == "bfloat16"
    assert built.output.dtype == "float32"


def test_values_of_variables_are_zeros_scaled_constant_or_from_a_file(tmp_path: Path) -> None:
    """A39: each by its rule, and no other variable is touched."""
    model = zoo("MobileNetV2")
    there = tmp_path / "there.keras"
    randomised(patchspec.apply(model, patch("identity")).model, seed=9).save(there)
    steps = (
        "- {op: set, layers: Conv1, weights: {kernel: {from: {model: there, layer: Conv1, "
        "variable: kernel}}}}\n"
        "- {op: set, layers: bn_Conv1, weights: {beta: zeros, gamma: {constant: 0.5}}}\n"
        "- {op: set, layers: predictions, weights: {kernel: {scale: 2}}}"
    )
    variant = apply(model, steps, models={"there": str(there)})
    mine, theirs = named_values(variant.model), named_values(model)
    other = named_values(keras.saving.load_model(there))
    expected = {
        "Conv1/kernel": other["Conv1/kernel"],
        "bn_Conv1/beta": np.zeros(32, "float32"),
        "bn_Conv1/gamma": np.full(32, 0.5, "float32"),
        "predictions/kernel": theirs["predictions/kernel"] * 2,
    }
    assert not np.array_equal(other["Conv1/kernel"], theirs["Conv1/kernel"])
    for name, value in {**theirs, **expected}.items():
        assert np.array_equal(mine[name], value), name
