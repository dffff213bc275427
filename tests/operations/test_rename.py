"""rename: every reference follows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchspec.problems import PatchError
from tests import configs
from tests.conftest import lower
from tests.operations.test_insert import outs, reads


def test_both_names_and_every_reference_follow(lowers: Any) -> None:
    """T5: Keras builds under the name inside, references use the one outside."""
    plan = lowers(configs.diamond(), "- {op: rename, layers: a, name: root}")
    assert (reads(plan, "b"), reads(plan, "c")) == (["root"], ["root"])
    assert plan.graph.layers["root"].config["name"] == "root"
    assert '"a"' not in json.dumps(plan.document)
    assert plan.layers.renamed == (("a", "root"),)


def test_outputs_and_inputs_follow(lowers: Any) -> None:
    plan = lowers(
        configs.chain("a"),
        "- {op: rename, layers: a, name: y}\n- {op: rename, layers: $input, name: i}",
    )
    assert outs(plan) == ["y"]
    assert plan.document["config"]["input_layers"] == ["i", 0, 0]


def test_the_key_of_a_dict_input_follows_and_that_of_a_dict_output_stays(lowers: Any) -> None:
    document = configs.chain("a")
    document["config"]["input_layers"] = {"x": ["x", 0, 0]}
    document["config"]["output_layers"] = {"out": ["a", 0, 0]}
    plan = lowers(
        document, "- {op: rename, layers: x, name: pixels}\n- {op: rename, layers: a, name: y}"
    )
    assert plan.document["config"]["input_layers"] == {"pixels": ["pixels", 0, 0]}
    assert plan.document["config"]["output_layers"] == {"out": ["y", 0, 0]}


def test_many_are_renamed_by_what_they_are_called(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), '- {op: rename, layers: "*", name: l_$(target)}')
    assert list(plan.graph.order.layers) == ["l_x", "l_a", "l_b"]


def test_compile_keys_follow(lowers: Any) -> None:
    """T5, T44: losses and metrics are keyed by the names of outputs."""
    document = configs.chain("a")
    document["compile_config"] = {
        "loss": {"a": "mse"},
        "metrics": {"a": ["mae"]},
        "optimizer": "sgd",
    }
    plan = lowers(document, "- {op: rename, layers: a, name: y}")
    assert plan.document["compile_config"]["loss"] == {"y": "mse"}
    assert plan.document["compile_config"]["metrics"] == {"y": ["mae"]}


@pytest.mark.parametrize(
    ("name", "code"),
    [("b", "PS306"), ("'a:0'", "PS205"), ("'1'", "PS307"), ("''", "PS205"), ("'a~b'", "PS205")],
)
def test_names_that_are_taken_or_odd_are_refused(name: str, code: str) -> None:
    """T6, T28: Keras takes nearly any name, the language only names it can refer to."""
    with pytest.raises(PatchError) as caught:
        lower(configs.chain("a", "b"), f"- {{op: rename, layers: a, name: {name}}}")
    assert caught.value.problems[0].code == code


def test_an_odd_name_in_the_base_is_escaped_in_pointers_and_can_be_renamed(lowers: Any) -> None:
    """T28: `~` and `/` have an escape in JSON pointers."""
    document = configs.chain("a b")
    document["config"]["output_layers"] = {"o~1/x": ["a b", 0, 0]}
    plan = lowers(document, "- {op: rename, layers: 'a b', name: y}")
    assert any("o~01~1x" in edit["path"] for edit in plan.json_patch)
