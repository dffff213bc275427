"""rewire: one layer or call reads something else."""

from __future__ import annotations

from typing import Any

import pytest

from tests import configs
from tests.operations.test_insert import reads


def test_a_list_says_all_inputs_anew(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: rewire, layers: sum, inputs: [c, b]}")
    assert reads(plan, "sum") == ["c", "b"]


def test_a_merging_layer_may_read_another_number(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: rewire, layers: sum, inputs: [a, b, c]}")
    assert reads(plan, "sum") == ["a", "b", "c"]


def test_a_mapping_says_these_only(lowers: Any) -> None:
    plan = lowers(configs.diamond(), "- {op: rewire, layers: sum, inputs: {1: a}}\n- {op: extract}")
    assert reads(plan, "sum") == ["b", "a"]


def test_one_call_is_meant_with_an_at_sign(lowers: Any) -> None:
    plan = lowers(
        configs.shared(),
        '- {op: rewire, layers: "twin@1", inputs: p}\n- {op: extract, outputs: total}',
    )
    assert reads(plan, "twin") == ["p", "p"]


def test_a_keyword_takes_a_list_of_tensors(lowers: Any) -> None:
    lstm = configs.layer("LSTM", "lstm", [configs.node(configs.tensor("x"))], units=4)
    document = configs.model(
        [configs.entrance(), configs.dense("h", "x"), lstm], [["lstm", 0, 0], ["h", 0, 0]]
    )
    plan = lowers(document, "- {op: rewire, layers: lstm, inputs: {initial_state: [h, h]}}")
    assert reads(plan, "lstm") == ["x", "h", "h"]


def test_calls_that_can_no_longer_run_in_order_are_sorted_and_renumbered(lowers: Any) -> None:
    plan = lowers(
        configs.shared(),
        """
- {op: insert, after: "twin@1", new: {class: ReLU, name: r}}
- {op: rewire, layers: "twin@0", inputs: r}
- {op: extract, outputs: total}
""",
    )
    assert reads(plan, "twin") == ["q", "r"]
    assert reads(plan, "r") == ["twin"]
    assert reads(plan, "total") == ["twin@1", "r"]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: rewire, layers: a, inputs: d}", "PS401"),
        ("{op: rewire, layers: a, inputs: [x, b]}", "PS408"),
        ("{op: rewire, layers: sum, inputs: {7: a}}", "PS408"),
        ("{op: rewire, layers: [a, b], inputs: x}", "PS302"),
        ("{op: rewire, layers: x, inputs: a}", "PS405"),
        ("{op: rewire, layers: a, inputs: nosuch}", "PS301"),
        ("{op: rewire, layers: d, inputs: a}", "PS402"),
    ],
)
def test_what_cannot_be_read_is_refused(refuses: Any, step: str, code: str) -> None:
    assert refuses(configs.diamond(), f"- {step}") == [(code, 3)]


def test_a_shared_layer_needs_its_call(refuses: Any) -> None:
    assert refuses(configs.shared(), "- {op: rewire, layers: twin, inputs: p}") == [("PS304", 3)]


def test_a_call_that_nothing_reads_any_more_goes_and_the_others_are_renumbered(lowers: Any) -> None:
    twin = configs.layer("Dense", "twin", [configs.node(configs.tensor("x"))] * 2, units=4)
    total = configs.layer(
        "Add", "total", [configs.node([configs.tensor("twin"), configs.tensor("twin", 1)])]
    )
    document = configs.model([configs.entrance(), twin, total], [["total", 0, 0]])
    plan = lowers(document, "- {op: rewire, layers: total, inputs: ['twin@1', 'twin@1']}")
    assert len(plan.graph.layers["twin"].calls) == 1
    assert [str(slot.tensor) for slot in plan.graph.layers["total"].calls[0].slots] == ["twin"] * 2
