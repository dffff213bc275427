"""extract: the model becomes exactly this."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from patchspec.problems import PatchError
from tests import configs
from tests.conftest import lower
from tests.operations.test_insert import outs, reads
from tests.zoo import image, zoo


def test_what_is_not_needed_goes(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: extract, outputs: b}")
    assert list(plan.graph.layers) == ["x", "a", "b"]
    assert plan.document["config"]["output_layers"] == ["b", 0, 0]


def test_a_list_is_a_list_in_its_order(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: extract, outputs: [c, b]}")
    assert plan.document["config"]["output_layers"] == [["c", 0, 0], ["b", 0, 0]]


def test_names_make_a_dict(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: extract, outputs: {low: a, high: d}}")
    assert plan.document["config"]["output_layers"] == {"low": ["a", 0, 0], "high": ["d", 0, 0]}


def test_names_in_a_list_are_given_by_identities(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: extract, form: list, outputs: {low: a}}")
    assert outs(plan) == ["low"]


def test_an_input_that_is_not_needed_goes_too(lowers: Any) -> None:
    """T23: an input goes only where nothing needs it."""
    plan = lowers(configs.shared(), '- {op: extract, outputs: "twin@1"}')
    assert plan.document["config"]["input_layers"] == [["q", 0, 0]]
    assert reads(plan, "twin") == ["q"]
    assert outs(plan) == ["twin"]


def test_inputs_can_be_named_and_ordered(lowers: Any) -> None:
    plan = lowers(configs.shared(), "- {op: extract, inputs: [q, p], outputs: total}")
    assert plan.document["config"]["input_layers"] == [["q", 0, 0], ["p", 0, 0]]


def test_alone_it_drops_what_leads_nowhere(lowers: Any, refuses: Any) -> None:
    """D1, D6, T4: Keras drops a layer without readers in silence."""
    steps = "- {op: rewire, layers: d, inputs: a}"
    assert refuses(configs.diamond(), steps) == [("PS402", 3)]
    plan = lowers(configs.diamond(), f"{steps}\n- {{op: extract}}")
    assert list(plan.graph.layers) == ["x", "a", "d"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: extract, inputs: p, outputs: total}", "PS421"),
        ("{op: extract, inputs: twin@0, outputs: total}", "PS421"),
        ("{op: extract, outputs: twin}", "PS304"),
        ("{op: extract, outputs: []}", "PS205"),
    ],
)
def test_what_cannot_be_cut_out_is_refused(step: str, code: str) -> None:
    with pytest.raises(PatchError) as caught:
        lower(configs.shared(), f"- {step}")
    assert caught.value.problems[0].code == code


def test_a_tensor_under_inputs_becomes_a_fresh_input_of_its_shape(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b", "c"), "- {op: extract, inputs: {mid: a}}")
    config = plan.document["config"]
    assert [entry["name"] for entry in config["layers"]] == ["b", "c", "mid"]
    assert config["input_layers"] == [["mid", 0, 0]]
    assert plan.graph.layers["mid"].config["batch_shape"] == [None, 4]
    assert str(plan.graph.layers["b"].calls[0].slots[0].tensor) == "mid"


def test_a_fresh_input_without_a_name_takes_that_of_the_layer_that_goes(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: extract, inputs: a}")
    assert plan.graph.layers["a"].is_input
    assert plan.document["config"]["input_layers"] == ["a", 0, 0]
    assert plan.layers.removed == ("x", "a")
    assert plan.layers.added == ("a",)


def test_a_cut_needs_the_shape_of_what_crosses_it(refuses: Any) -> None:
    document = configs.chain("a", "b")
    config = document["config"]["layers"][2]["inbound_nodes"][0]["args"][0]["config"]
    config["shape"] = []
    assert refuses(document, "- {op: extract, inputs: a}") == [("PS410", 3)]


@pytest.mark.parametrize("name", ["block_3_expand", "block_6_project_BN", "block_13_project_BN"])
def test_head_and_tail_piped_together_are_the_model(name: str, builds: Any) -> None:
    """Ask 12, at single-tensor cuts."""
    model = zoo("MobileNetV2")
    head = builds(model, f"- {{op: extract, outputs: {name}}}").model
    tail = builds(model, f"- {{op: extract, inputs: {name}}}").model
    x = image(model)
    assert np.array_equal(tail(head(x, training=False)), model(x, training=False))
    assert len(head.weights) + len(tail.weights) == len(model.weights)


def test_a_cut_through_several_tensors_takes_each(builds: Any) -> None:
    """A10: ask 12, where a skip crosses the cut."""
    model = zoo("MobileNetV2")
    outputs = "[block_3_project_BN, block_4_expand]"
    head = builds(model, f"- {{op: extract, outputs: {outputs}}}").model
    tail = builds(model, f"- {{op: extract, inputs: {outputs}}}").model
    x = image(model)
    assert np.array_equal(tail(head(x, training=False)), model(x, training=False))


def test_a_body_is_cut_out_of_the_middle(builds: Any) -> None:
    """A10, A11: a fresh input at the cut, and head, body and tail piped together are the model."""
    model = zoo("MobileNetV2")
    step = "- {op: extract, inputs: block_1_project_BN, outputs: block_6_project_BN}"
    body = builds(model, step).model
    head = builds(model, "- {op: extract, outputs: block_1_project_BN}").model
    tail = builds(model, "- {op: extract, inputs: block_6_project_BN}").model
    x = image(model)
    middle = body(head(x, training=False), training=False)
    assert np.array_equal(tail(middle, training=False), model(x, training=False))
    assert sum(len(part.weights) for part in (head, body, tail)) == len(model.weights)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: extract, inputs: d}", "PS406"),
        ("{op: extract, inputs: b}", "PS421"),
        ("{op: extract, inputs: [a, b, c], outputs: d}", "PS421"),
        ("{op: extract, inputs: {d: sum}}", "PS306"),
    ],
)
def test_a_cut_that_does_not_divide_the_graph_is_refused(
    step: str, code: str, refuses: Any
) -> None:
    assert refuses(configs.diamond(), f"- {step}")[0] == (code, 3)
