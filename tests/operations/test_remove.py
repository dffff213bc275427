"""remove: bypass, with the input that survives."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.models.opening import open_base
from tests import configs
from tests.operations.test_insert import outs, reads


def test_readers_read_what_the_layer_read(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b", "c"), "- {op: remove, layers: b}")
    assert reads(plan, "c") == ["a"]
    assert plan.layers.removed == ("b",)


def test_several_are_bypassed_one_by_one(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b", "c"), "- {op: remove, layers: [b, c]}")
    assert outs(plan) == ["a"]


@pytest.mark.parametrize("keep", ["0", "b", "{layer: b}"])
def test_a_merging_layer_keeps_the_input_that_is_said(lowers: Any, keep: str) -> None:
    plan = lowers(
        configs.diamond(), f"- {{op: remove, layers: sum, keep: {keep}}}\n- {{op: extract}}"
    )
    assert reads(plan, "d") == ["b"]
    assert plan.layers.removed == ("c", "sum")


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: remove, layers: sum}", "PS403"),
        ("{op: remove, layers: sum, keep: 5}", "PS403"),
        ("{op: remove, layers: sum, keep: a}", "PS403"),
        ("{op: remove, layers: x}", "PS405"),
        ("{op: remove, layers: sum, keep: b}", "PS402"),
        ("{op: remove, layers: nosuch}", "PS301"),
    ],
)
def test_what_cannot_be_bypassed_is_refused(refuses: Any, step: str, code: str) -> None:
    assert refuses(configs.diamond(), f"- {step}") == [(code, 3)]


def test_two_outputs_on_one_tensor_are_refused(refuses: Any) -> None:
    """T18: a bypass must not merge two outputs."""
    document = configs.chain("a", "b")
    document["config"]["output_layers"] = [["a", 0, 0], ["b", 0, 0]]
    assert refuses(document, "- {op: remove, layers: b}") == [("PS406", 3)]


def test_an_input_does_not_become_an_output(refuses: Any) -> None:
    """T18: a bypass must not lead an input straight out."""
    assert refuses(configs.chain("a"), "- {op: remove, layers: a}") == [("PS406", 3)]


def test_readers_of_a_further_output_are_refused(refuses: Any) -> None:
    lstm = configs.layer(
        "LSTM", "lstm", [configs.node(configs.tensor("x"))], units=4, return_state=True
    )
    read = configs.layer("Dense", "h", [configs.node(configs.tensor("lstm", 0, 1))], units=4)
    document = configs.model([configs.entrance(), lstm, read], ["h", 0, 0])
    assert refuses(document, "- {op: remove, layers: lstm}") == [("PS404", 3)]


def test_all_calls_of_a_shared_layer_are_bypassed(lowers: Any) -> None:
    plan = lowers(configs.shared(), "- {op: remove, layers: twin}")
    assert reads(plan, "total") == ["p", "q"]


def test_attention_keeps_its_query(lowers: Any, sample: Any) -> None:
    document = dict(open_base(sample("mha_kwargs")).document)
    plan = lowers(
        document,
        "- {op: extract, outputs: 'mha2'}\n"
        "- {op: insert, after: mha2, new: {class: ReLU, name: r}}\n"
        "- {op: remove, layers: mha2}\n- {op: extract}",
    )
    assert reads(plan, "r") == ["q"]


def test_an_output_that_is_read_inside_too_is_redirected_in_both(lowers: Any) -> None:
    """T17: the output would lose its producer."""
    document = configs.chain("a", "b", "c")
    document["config"]["output_layers"] = [["b", 0, 0], ["c", 0, 0]]
    plan = lowers(document, "- {op: remove, layers: b}")
    assert (outs(plan), reads(plan, "c")) == (["a", "c"], ["a"])


def test_what_a_keyword_reads_follows_its_producer(lowers: Any) -> None:
    """T11: the value of an attention is read by name."""
    attention = configs.layer(
        "MultiHeadAttention", "att", [configs.node(configs.tensor("x"), value=configs.tensor("v"))]
    )
    layers = [configs.entrance(), configs.dense("v", "x"), attention]
    plan = lowers(configs.model(layers, ["att", 0, 0]), "- {op: remove, layers: v}")
    assert reads(plan, "att") == ["x", "x"]
    assert plan.graph.layers["att"].calls[0].data["kwargs"].keys() == {"value"}


def test_an_input_that_nothing_reads_any_more_is_refused_until_it_is_dropped(
    lowers: Any, refuses: Any
) -> None:
    """T23: what a model takes does not change unsaid."""
    step = "- {op: remove, layers: total, keep: 0}"
    assert refuses(configs.shared(), step) == [("PS402", 3)]
    plan = lowers(configs.shared(), f"{step}\n- {{op: extract}}")
    assert plan.document["config"]["input_layers"] == [["p", 0, 0]]
