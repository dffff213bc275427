"""extract: the model becomes exactly this."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.problems import PatchError
from tests import configs
from tests.conftest import lower
from tests.operations.test_insert import outs, reads


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
    """T4: Keras drops a layer without readers in silence."""
    steps = "- {op: rewire, layers: d, inputs: a}"
    assert refuses(configs.diamond(), steps) == [("PS402", 3)]
    plan = lowers(configs.diamond(), f"{steps}\n- {{op: extract}}")
    assert list(plan.graph.layers) == ["x", "a", "d"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: extract, inputs: p, outputs: total}", "PS421"),
        ("{op: extract, inputs: twin@0, outputs: total}", "PS405"),
        ("{op: extract, outputs: twin}", "PS304"),
        ("{op: extract, outputs: []}", "PS205"),
    ],
)
def test_what_cannot_be_cut_out_is_refused(step: str, code: str) -> None:
    with pytest.raises(PatchError) as caught:
        lower(configs.shared(), f"- {step}")
    assert caught.value.problems[0].code == code
