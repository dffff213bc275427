"""expose-output: more outputs, behind the present ones."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.models.opening import open_base
from tests import configs
from tests.operations.test_insert import outs


def test_a_lone_output_becomes_a_list(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: expose-output, outputs: a}")
    assert plan.document["config"]["output_layers"] == [["b", 0, 0], ["a", 0, 0]]


def test_a_name_in_a_list_is_given_by_an_identity(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: expose-output, outputs: {emb: a}}")
    assert outs(plan) == ["b", "emb"]
    assert plan.graph.layers["emb"].class_name == "Identity"


def test_a_name_that_the_layer_has_needs_no_identity(lowers: Any) -> None:
    assert not lowers(
        configs.chain("a", "b"), "- {op: expose-output, outputs: {a: a}}"
    ).layers.added


def test_a_dict_takes_the_name_as_its_key(lowers: Any) -> None:
    document = configs.chain("a", "b")
    document["config"]["output_layers"] = {"y": ["b", 0, 0]}
    plan = lowers(document, "- {op: expose-output, outputs: {emb: a}}")
    assert plan.document["config"]["output_layers"] == {"y": ["b", 0, 0], "emb": ["a", 0, 0]}


def test_form_makes_a_dict_of_a_lone_output(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: expose-output, form: dict, outputs: {emb: a}}")
    assert plan.document["config"]["output_layers"] == {"b": ["b", 0, 0], "emb": ["a", 0, 0]}


def test_form_makes_a_list_of_a_dict_and_keeps_the_names(lowers: Any) -> None:
    document = configs.chain("a", "b")
    document["config"]["output_layers"] = {"b": ["b", 0, 0]}
    plan = lowers(document, "- {op: expose-output, form: list, outputs: [a]}")
    assert outs(plan) == ["b", "a"]


def test_a_selector_exposes_every_match(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: expose-output, outputs: {class: Dense, not: d}}")
    assert outs(plan) == ["d", "a", "b", "c"]
    assert len(plan.outputs) == 4


def test_every_call_of_a_shared_layer_can_be_exposed_by_name(lowers: Any) -> None:
    plan = lowers(
        configs.shared(),
        '- {op: expose-output, outputs: {first: twin, second: "twin@1"}}'.replace(
            "first: twin,", 'first: "twin@0",'
        ),
    )
    assert outs(plan) == ["total", "first", "second"]


def test_a_nested_model_among_outputs_keeps_keras_s_offset(lowers: Any, sample: Any) -> None:
    """T8: a Functional's calls count from 1 among outputs, a Sequential's from 0."""
    document = dict(open_base(sample("nested")).document)
    plan = lowers(document, "- {op: expose-output, outputs: [inner, seqblock]}")
    assert plan.document["config"]["output_layers"][1:] == [["inner", 1, 0], ["seqblock", 0, 0]]
    assert outs(plan) == ["head", "inner", "seqblock"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: expose-output, outputs: d}", "PS409"),
        ("{op: expose-output, outputs: {d: a}}", "PS409"),
        ("{op: expose-output, outputs: [a, a]}", "PS409"),
        ("{op: expose-output, outputs: {c: a}}", "PS306"),
        ("{op: expose-output, outputs: nosuch}", "PS301"),
        ("{op: expose-output, outputs: 'nosuch*'}", "PS303"),
        ("{op: expose-output, outputs: 'a:x'}", "PS311"),
    ],
)
def test_what_cannot_become_an_output_is_refused(refuses: Any, step: str, code: str) -> None:
    assert refuses(configs.diamond(), f"- {step}") == [(code, 3)]


def test_several_calls_without_a_choice_are_refused(refuses: Any) -> None:
    assert refuses(configs.shared(), "- {op: expose-output, outputs: twin}") == [("PS304", 3)]


def test_nested_outputs_are_not_flattened(refuses: Any) -> None:
    document = configs.diamond()
    document["config"]["output_layers"] = {"n": {"z": ["d", 0, 0], "y": ["a", 0, 0]}}
    step = "- {op: expose-output, form: list, outputs: [b]}"
    assert refuses(document, step) == [("PS422", 3)]


def test_an_output_may_be_called_as_a_condition_that_takes_a_number_is(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: expose-output, outputs: {first: a}}")
    assert "first" in plan.graph.layers
