"""set: constructor arguments, each key replaced whole."""

from __future__ import annotations

from typing import Any

import keras
import pytest

from patchspec.models.opening import open_base
from tests import configs


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
        ("{op: set, layers: x, config: {dtype: float16}}", "PS405"),
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
    plan = lowers(configs.chain("a"), step.format("{not: {class: InputLayer}}"))
    assert plan.graph.layers["x"].config["dtype"] == "float32"
