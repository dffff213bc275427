"""insert: after, before, both, neither; one layer, a chain, a branch that merges."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.graph.graph import Graph
from tests import configs


def reads(plan: Any, name: str) -> list[str]:
    layer = Graph.of(plan.document).layers[name]
    return [str(slot.tensor) for call in layer.calls for slot in call.slots]


def outs(plan: Any) -> list[str]:
    return [str(slot.tensor) for slot in plan.graph.outputs]


DROP = "{class: Dropout, name: drop, config: {rate: 0.5}}"


def test_after_redirects_every_reader(lowers: Any) -> None:
    plan = lowers(configs.diamond(), f"- {{op: insert, after: a, new: {DROP}}}")
    assert (reads(plan, "b"), reads(plan, "c"), reads(plan, "drop")) == (["drop"], ["drop"], ["a"])


@pytest.mark.parametrize("form", [["d", 0, 0], [["d", 0, 0]], {"y": ["d", 0, 0]}])
def test_after_an_output_keeps_the_structure_of_the_outputs(lowers: Any, form: Any) -> None:
    """T9: a lone output, a list and a dict are three forms of `output_layers`."""
    document = configs.diamond()
    document["config"]["output_layers"] = form
    plan = lowers(document, f"- {{op: insert, after: d, new: {DROP}}}")
    after = plan.document["config"]["output_layers"]
    assert type(after) is type(form)
    assert outs(plan) == ["drop"]


def test_after_the_output_by_its_own_word(lowers: Any) -> None:
    assert outs(lowers(configs.chain("a"), f"- {{op: insert, after: $output, new: {DROP}}}")) == [
        "drop"
    ]


def test_a_layer_that_is_an_output_and_read_inside_is_redirected_in_both(lowers: Any) -> None:
    """T17: an output is a reader too."""
    document = configs.chain("a", "b")
    document["config"]["output_layers"] = [["a", 0, 0], ["b", 0, 0]]
    plan = lowers(document, f"- {{op: insert, after: a, new: {DROP}}}")
    assert (outs(plan), reads(plan, "b")) == (["drop", "b"], ["drop"])


def test_before_leaves_other_readers_of_the_tensor_alone(lowers: Any) -> None:
    """T14: a shortcut that reads the same tensor stays as it is."""
    plan = lowers(configs.diamond(), f"- {{op: insert, before: b, new: {DROP}}}")
    assert (reads(plan, "b"), reads(plan, "c")) == (["drop"], ["a"])


def test_after_and_before_change_the_one_edge(lowers: Any) -> None:
    plan = lowers(configs.diamond(), f"- {{op: insert, after: b, before: sum, new: {DROP}}}")
    assert reads(plan, "sum") == ["drop", "c"]


def test_every_layer_of_both_must_take_part(refuses: Any) -> None:
    step = f"- {{op: insert, after: a, before: [b, d], new: {DROP}}}"
    assert refuses(configs.diamond(), step) == [("PS407", 3)]
    step = f"- {{op: insert, after: [a, d], before: b, new: {DROP}}}"
    assert refuses(configs.diamond(), step) == [("PS407", 3)]


def test_a_chain_keeps_its_order(lowers: Any) -> None:
    """T15: inserted one after another at one place, they would come out reversed."""
    step = "- {op: insert, after: a, new: [{class: ReLU, name: r}, {class: Identity, name: i}]}"
    plan = lowers(configs.chain("a", "b"), step)
    assert (reads(plan, "r"), reads(plan, "i"), reads(plan, "b")) == (["a"], ["r"], ["i"])


def test_a_branch_merges_again(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a", "b"),
        """
- op: insert
  after: a
  new:
    - {class: Dense, name: left, config: {units: 4}}
    - {class: Dense, name: right, config: {units: 4}, inputs: $here}
    - {class: Add, name: merged, inputs: [left, right, $here]}
""",
    )
    assert reads(plan, "merged") == ["left", "right", "a"]
    assert reads(plan, "b") == ["merged"]
    args = plan.graph.layers["merged"].calls[0].data["args"]
    assert len(args) == 1
    assert len(args[0]) == 3


def test_neither_redirects_nothing(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a", "b"),
        """
- {op: insert, new: {class: Dense, name: side, inputs: a, config: {units: 2}}}
- {op: expose-output, outputs: [side]}
""",
    )
    assert reads(plan, "b") == ["a"]
    assert outs(plan) == ["b", "side"]


def test_a_shared_layer_gets_one_new_layer_called_as_often(lowers: Any) -> None:
    plan = lowers(configs.shared(), f"- {{op: insert, after: twin, new: {DROP}}}")
    assert reads(plan, "drop") == ["twin", "twin@1"]
    assert reads(plan, "total") == ["drop", "drop@1"]


def test_one_call_of_a_shared_layer_is_meant_with_an_at_sign(lowers: Any) -> None:
    plan = lowers(configs.shared(), f'- {{op: insert, after: "twin@1", new: {DROP}}}')
    assert reads(plan, "total") == ["twin", "drop"]


def test_before_a_merging_layer_needs_the_input(lowers: Any, refuses: Any) -> None:
    step = f"- {{op: insert, before: sum, new: {DROP}}}"
    assert refuses(configs.diamond(), step) == [("PS408", 3)]
    plan = lowers(configs.diamond(), f"- {{op: insert, before: sum, input: 1, new: {DROP}}}")
    assert reads(plan, "sum") == ["b", "drop"]
    plan = lowers(configs.diamond(), f"- {{op: insert, before: sum, input: all, new: {DROP}}}")
    assert reads(plan, "sum") == ["drop", "drop_1"]


def test_the_same_tensor_twice_passes_once(lowers: Any) -> None:
    """T11: `Add([h, h])` reads one tensor in two places."""
    layers = [configs.entrance(), configs.dense("a", "x"), configs.add("twice", "a", "a")]
    document = configs.model(layers, ["twice", 0, 0])
    plan = lowers(document, f"- {{op: insert, before: twice, input: all, new: {DROP}}}")
    assert reads(plan, "twice") == ["drop", "drop"]
    assert reads(plan, "drop") == ["a"]


def test_many_targets_need_a_placeholder_in_the_name(lowers: Any, refuses: Any) -> None:
    assert refuses(configs.chain("a", "b"), f"- {{op: insert, after: [a, b], new: {DROP}}}") == [
        ("PS306", 3)
    ]
    plan = lowers(
        configs.chain("a_1", "a_2"),
        '- {op: insert, after: "a_*", new: {class: ReLU, name: r_$(*)_$(target)_$(index)}}',
    )
    assert {"r_1_a_1_0", "r_2_a_2_1"} <= set(plan.graph.layers)


def test_new_layers_are_never_targets_of_their_own_step(lowers: Any) -> None:
    """T19: a rule that matches its own result would never end."""
    step = "- {op: insert, after: {class: ReLU}, new: {class: ReLU, name: again_$(target)}}"
    document = configs.chain("a")
    first = "- {op: insert, after: a, new: {class: ReLU, name: r}}"
    plan = lowers(document, f"{first}\n{step}")
    assert sum(x.class_name == "ReLU" for x in plan.graph.layers.values()) == 2


def test_a_new_layer_is_written_in_full(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a"),
        "- {op: insert, after: a, new: {class: Dense, name: n, config: {units: 3}}}",
    )
    config = plan.graph.layers["n"].config
    assert config["use_bias"] is True
    assert config["dtype"]["config"] == {"name": "float32"}
    assert isinstance(config["kernel_initializer"]["config"]["seed"], int)
    other = lowers(
        configs.chain("a"),
        "- {op: insert, after: a, new: {class: Dense, name: n, config: {units: 3}}}",
        seed=1,
    )
    theirs = other.graph.layers["n"].config["kernel_initializer"]["config"]["seed"]
    assert theirs != config["kernel_initializer"]["config"]["seed"]


def test_a_new_layer_takes_the_policy_of_its_producer_but_never_a_quantized_one(
    lowers: Any,
) -> None:
    document = configs.chain("a")
    quantized = {
        "module": "keras",
        "class_name": "QuantizedDTypePolicy",
        "config": {"mode": "int8", "source_name": "float16"},
        "registered_name": None,
    }
    document["config"]["layers"][1]["config"]["dtype"] = quantized
    plan = lowers(document, f"- {{op: insert, after: a, new: {DROP}}}")
    assert plan.graph.layers["drop"].config["dtype"]["config"] == {"name": "float16"}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        (f"{{op: insert, after: nosuch, new: {DROP}}}", "PS301"),
        ("{op: insert, after: a, new: {class: ReLU, name: b}}", "PS306"),
        ("{op: insert, after: a, new: {class: ReLU, name: $(nope)}}", "PS218"),
        ("{op: insert, after: a, new: {class: ReLU, name: r_$(*)}}", "PS309"),
        ("{op: insert, after: a, new: {class: ReLU}}", "PS213"),
        ("{op: insert, new: {class: ReLU, name: r}}", "PS213"),
        ("{op: insert, new: {class: ReLU, name: r, inputs: $here}}", "PS310"),
        (f"{{op: insert, before: x, new: {DROP}}}", "PS405"),
        (f"{{op: insert, after: 'a@3', new: {DROP}}}", "PS305"),
        (f"{{op: insert, after: a, input: 0, new: {DROP}}}", "PS216"),
        (f"{{op: insert, before: b, input: 4, new: {DROP}}}", "PS408"),
        (f"{{op: insert, before: b, input: mask, new: {DROP}}}", "PS408"),
        ("{op: insert, after: a, new: [{class: ReLU, name: r}, {class: ReLU, name: r}]}", "PS306"),
        ("{op: insert, after: 'a::b', new: {class: ReLU, name: r}}", "PS311"),
    ],
)
def test_what_means_nothing_is_refused_with_a_place(refuses: Any, step: str, code: str) -> None:
    """D1, T6: of two layers of one name Keras keeps the later."""
    assert refuses(configs.chain("a", "b"), f"- {step}") == [(code, 3)]


def test_a_layer_that_reads_what_depends_on_it_is_a_loop(refuses: Any) -> None:
    step = "- {op: insert, after: a, new: {class: Add, name: s, inputs: [$here, b]}}"
    assert refuses(configs.chain("a", "b"), step) == [("PS401", 3)]


def test_each_call_of_a_shared_layer_that_is_an_output_leads_to_its_own(lowers: Any) -> None:
    """T16: both outputs are the new layer, each by the call that reads its own input."""
    document = configs.shared()
    del document["config"]["layers"][-1]
    document["config"]["output_layers"] = [["twin", 1, 0], ["twin", 0, 0]]
    plan = lowers(document, f"- {{op: insert, after: twin, new: {DROP}}}")
    assert outs(plan) == ["drop@1", "drop"]
    assert reads(plan, "drop") == ["twin", "twin@1"]


@pytest.mark.parametrize("form", [["x", 0, 0], [["x", 0, 0]], {"i": ["x", 0, 0]}])
def test_the_structure_of_the_inputs_stays(lowers: Any, form: Any) -> None:
    """T24: a list of one input is not a lone input."""
    document = configs.chain("a", "b")
    document["config"]["input_layers"] = form
    plan = lowers(document, f"- {{op: insert, after: x, new: {DROP}}}")
    assert plan.document["config"]["input_layers"] == form
    assert reads(plan, "a") == ["drop"]


def test_after_reaches_tensors_in_keywords_lists_and_mappings(lowers: Any) -> None:
    """T11: an argument is wherever a call holds a tensor."""
    call = configs.node(
        [configs.tensor("a"), [configs.tensor("a")]],
        value=configs.tensor("a"),
        state={"h": [configs.tensor("a"), configs.tensor("x")]},
    )
    layers = [configs.entrance(), configs.dense("a", "x"), configs.layer("Own", "reader", [call])]
    document = configs.model(layers, ["reader", 0, 0])
    plan = lowers(document, f"- {{op: insert, after: a, new: {DROP}}}")
    assert sorted(reads(plan, "reader")) == ["drop"] * 4 + ["x"]
