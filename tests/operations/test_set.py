"""set: constructor arguments, each key replaced whole."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from patchspec.models.opening import open_base
from patchspec.problems import PatchError
from tests import configs
from tests.zoo import randomised, zoo


def test_a_key_is_replaced(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a", "b"), "- {op: set, layers: {class: Dense}, config: {activation: relu}}"
    )
    assert [x.config["activation"] for x in plan.graph.layers.values() if not x.is_input] == [
        "relu"
    ] * 2


def test_objects_are_written_as_keras_writes_them(lowers: Any) -> None:
    step = "- {op: set, layers: a, config: {kernel_regularizer: {class: L2, config: {l2: 0.1}}}}"
    config = lowers(configs.chain("a"), step).graph.layers["a"].config
    assert config["kernel_regularizer"]["module"] == "keras.regularizers"


def test_unset_goes_back_to_the_default(lowers: Any) -> None:
    document = configs.chain("a")
    step = "- {op: set, layers: a, unset: [activation]}"
    document["config"]["layers"][1]["config"]["activation"] = "relu"
    assert lowers(document, step).graph.layers["a"].config["activation"] == "linear"


def test_a_dtype_is_a_policy(lowers: Any) -> None:
    plan = lowers(configs.chain("a"), "- {op: set, layers: a, config: {dtype: mixed_float16}}")
    assert plan.graph.layers["a"].config["dtype"]["config"] == {"name": "mixed_float16"}


def test_placeholders_of_the_match_are_filled_in(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a", "b"),
        "- {op: set, layers: [a, b], config: {bias_initializer: "
        "{class: Constant, config: {value: $(index)}}}}",
    )
    made = [plan.graph.layers[n].config["bias_initializer"] for n in "ab"]
    assert [one["config"]["value"] for one in made] == [0, 1]


def test_a_key_of_an_operation_can_be_set_if_it_is_there(
    lowers: Any, refuses: Any, sample: Any
) -> None:
    document = dict(open_base(sample("ops_nodes")).document)
    assert lowers(document, "- {op: set, layers: concatenate, config: {axis: 1}}").layers.changed
    assert refuses(document, "- {op: set, layers: concatenate, config: {axes: 1}}") == [
        ("PS420", 3)
    ]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: set, layers: a, config: {activaton: relu}}", "PS211"),
        ("{op: set, layers: a, config: {autocast: false}}", "PS212"),
        ("{op: set, layers: a, config: {units: '3'}}", "PS214"),
        ("{op: set, layers: a, config: {activation: reluu}}", "PS214"),
        ("{op: set, layers: a, config: {name: b}}", "PS215"),
        ("{op: set, layers: a, config: {trainable: false}}", "PS215"),
        ("{op: set, layers: a}", "PS213"),
        ("{op: set, layers: a, config: {activation: relu}, unset: [activation]}", "PS216"),
        ("{op: set, layers: a, unset: [nosuch]}", "PS420"),
        ("{op: set, layers: a, unset: [units]}", "PS420"),
        ("{op: set, layers: x, config: {dtype: mixed_float16}}", "PS214"),
    ],
)
def test_what_the_class_does_not_take_is_refused(refuses: Any, step: str, code: str) -> None:
    """T67: a `replace` of what is not there would add it."""
    assert refuses(configs.chain("a", "b"), f"- {step}") == [(code, 3)]


def test_two_wrong_keys_are_two_problems(refuses: Any) -> None:
    step = "- {op: set, layers: a, config: {activaton: relu, use_bais: true}}"
    assert refuses(configs.chain("a"), step) == [("PS211", 3), ("PS211", 3)]


def test_a_regularizer_takes_effect(builds: Any) -> None:
    """T41: set on a layer that is built, it would add no loss."""
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="d")(x))
    variant = builds(model, "- {op: set, layers: d, config: {kernel_regularizer: l2}}")
    assert len(variant.model.losses) == 1


def test_an_input_layer_has_no_policy_to_set(lowers: Any, refuses: Any) -> None:
    """T47: its dtype is a text that says what the model takes, so it is never part of a bulk."""
    step = "- {{op: set, layers: {}, config: {{dtype: mixed_float16}}}}"
    assert refuses(configs.chain("a"), step.format("'**'")) == [("PS405", 3)]
    assert refuses(configs.chain("a"), step.format("x")) == [("PS214", 3)]
    plan = lowers(configs.chain("a"), step.format("{not: {class: InputLayer}}"))
    assert plan.graph.layers["x"].config["dtype"] == "float32"


def test_the_shape_of_an_input_is_set_without_the_batch(lowers: Any) -> None:
    plan = lowers(configs.chain("a"), "- {op: set, layers: $input, config: {batch_size: 2}}")
    assert plan.graph.layers["x"].config["batch_shape"] == [2, 4]
    plan = lowers(configs.chain("a"), "- {op: set, layers: x, config: {shape: [null, 4]}}")
    assert plan.graph.layers["x"].config["batch_shape"] == [None, None, 4]


def test_another_input_size_keeps_every_weight(builds: Any) -> None:
    """Ask 13: MobileNetV2 from 32 to 64 pixels, and to any size."""
    model = zoo("MobileNetV2")
    for size in ("64", "null"):
        step = f"- {{op: set, layers: $input, config: {{shape: [{size}, {size}, 3]}}}}"
        variant = builds(model, step)
        assert variant.report["kept"]["variables"] == len(model.weights)
        x = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
        assert variant.model(x, training=False).shape == (1, 1000)
    assert variant.model.input_shape == (None, None, None, 3)


def test_a_size_that_a_flattened_kernel_does_not_fit_fails_in_the_plan(builds: Any) -> None:
    """Ask 13: VGG16 with its top."""
    with pytest.raises(PatchError) as caught:
        builds(zoo("VGG16"), "- {op: set, layers: $input, config: {shape: [96, 96, 3]}}")
    problem = caught.value.problems[0]
    assert (problem.code, problem.span and problem.span.line) == ("PS501", 3)
    assert "the shape (512, 4096) in the base and would need (4608, 4096)" in problem.message


def test_a_batch_size_makes_a_recurrent_layer_stateful(builds: Any) -> None:
    """A21: ask 22, step by step as in one sequence."""
    x = keras.Input((6, 3), name="x")
    model = randomised(keras.Model(x, keras.layers.LSTM(4, name="s")(x)))
    variant = builds(
        model,
        "- {op: set, layers: $input, config: {batch_size: 2, shape: [2, 3]}}\n"
        "- {op: set, layers: s, config: {stateful: true}}",
    )
    data = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    for start in (0, 2, 4):
        last = variant.model(data[:, start : start + 2])
    assert np.allclose(last, model(data), atol=1e-6)


def test_call_arguments_are_set_in_every_call(lowers: Any) -> None:
    document = configs.shared()
    document["config"]["layers"][2] |= {"class_name": "Dropout"}
    document["config"]["layers"][2]["config"]["rate"] = 0.5
    plan = lowers(document, "- {op: set, layers: twin, arguments: {training: true}}")
    assert [c.data["kwargs"] for c in plan.graph.layers["twin"].calls] == [{"training": True}] * 2


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: set, layers: x, config: {shape: 4}}", "PS214"),
        ("{op: set, layers: x, config: {shap: [4]}}", "PS211"),
        ("{op: set, layers: x, unset: [dtype]}", "PS405"),
        ("{op: set, layers: x, arguments: {training: true}}", "PS408"),
        ("{op: set, layers: a, arguments: {trainig: true}}", "PS408"),
        ("{op: set, layers: a}", "PS213"),
    ],
)
def test_what_an_input_or_a_call_does_not_take_is_refused(
    step: str, code: str, refuses: Any
) -> None:
    assert refuses(configs.chain("a"), f"- {step}") == [(code, 3)]


def test_values_that_a_rule_makes_count_as_new_ones_do(builds: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
    pad = "{pad: {axis: -1, with: zeros}}"
    through = "{resize: {axes: [0], method: nearest, size: [900000000]}}"
    back = "{take: {axis: 0, indices: [0, 1, 2, 3]}}"
    steps = (
        f"- {{op: set, layers: d, config: {{units: 400000000}}, weights: {{'*': {pad}}}}}",
        f"- {{op: set, layers: d, weights: {{kernel: [{through}, {back}]}}}}",
    )
    for step in steps:
        with pytest.raises(PatchError) as caught:
            builds(model, step)
        assert [p.code for p in caught.value.problems] == ["PS710"]
