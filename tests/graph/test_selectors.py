"""Selectors match whole names, in graph order, and never nothing."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.graph.graph import Graph
from patchspec.graph.selectors import select
from patchspec.models.opening import open_base
from patchspec.problems import PatchError
from tests import configs
from tests.conftest import SAMPLES


def names(said: Any, document: Any = None) -> list[str]:
    graph = Graph.of(document or configs.diamond())
    return [match.layer.path for match in select(said, graph)]


def refusal(said: Any, document: Any = None) -> Any:
    with pytest.raises(PatchError) as caught:
        names(said, document)
    return caught.value.problems[0]


def test_a_name_is_one_layer() -> None:
    assert names("a") == ["a"]


def test_matches_come_in_graph_order_each_once() -> None:
    assert names(["d", "b", "*"]) == ["x", "a", "b", "c", "sum", "d"]


def test_a_glob_matches_whole_names() -> None:
    document = configs.chain("block_1", "block_10", "block_16")
    assert names("block_1", document) == ["block_1"]
    assert names("block_1*", document) == ["block_1", "block_10", "block_16"]
    assert names("*_1", document) == ["block_1"]


def test_no_other_sign_of_a_glob_is_special() -> None:
    document = configs.chain("a.b", "a-b", "axb")
    assert names("a.*", document) == ["a.b"]


def test_stars_stay_in_a_level_and_double_stars_do_not() -> None:
    graph = open_base(SAMPLES / "nested.keras").graph
    assert all("/" not in m.layer.path for m in select("*", graph))
    assert any("/" in m.layer.path for m in select("**", graph))
    inner = [m.layer.path for m in select("inner/**", graph)]
    assert inner
    assert all(path.startswith("inner/") for path in inner)
    assert "head" in [m.layer.path for m in select("**/head", graph)]


def test_what_the_one_star_stood_for_is_kept() -> None:
    graph = Graph.of(configs.chain("add_1", "add_2"))
    assert [m.star for m in select("add_*", graph)] == ["1", "2"]


def test_conditions_must_all_hold() -> None:
    assert names({"class": "Dense"}) == ["a", "b", "c", "d"]
    assert names({"class": ["Dense", "Add"], "not": ["a", "d"]}) == ["b", "c", "sum"]
    assert names({"name": "*", "where": {"units": 4}}) == ["a", "b", "c", "d"]
    assert names({"where": {"units": 4.0}, "count": 4}) == ["a", "b", "c", "d"]


def test_true_is_not_one() -> None:
    assert refusal({"where": {"trainable": 1}}).code == "PS303"


def test_the_input_layer_has_a_name_of_its_own() -> None:
    assert names("$input") == ["x"]
    assert names("$input:q", configs.shared()) == ["q"]
    assert names("$input:1", configs.shared()) == ["q"]
    assert refusal("$input", configs.shared()).code == "PS304"


def test_operations_match_when_named_whole_or_by_class_only() -> None:
    graph = open_base(SAMPLES / "ops_nodes.keras").graph
    operations = [x.name for x in graph.layers.values() if x.is_operation]
    assert operations
    assert not {m.layer.name for m in select("**", graph)} & set(operations)
    assert select(operations[0], graph)[0].layer.name == operations[0]
    name = graph.layers[operations[0]].class_name
    assert operations[0] in [m.layer.name for m in select({"class": name}, graph)]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nosuch", "PS301"),
        ("nosuch*", "PS303"),
        (["a", "FAKE"], "PS301"),
        (["a", "FAKE*"], "PS303"),
        ({"class": "Densse"}, "PS303"),
        ({"class": "Dense", "where": {"units": 5}}, "PS303"),
        ({"class": "Dense", "where": {"unit": 4}}, "PS303"),
        ({"class": "Dense", "count": 1}, "PS302"),
        ({"class": "Dense", "count": [5, None]}, "PS302"),
        ({"class": "Dense", "not": "**"}, "PS303"),
        ({"class": "Dense", "not": "typo*"}, "PS303"),
        ("a/b", "PS301"),
        ("$output", "PS310"),
    ],
)
def test_nothing_matched_or_a_wrong_count_is_an_error(said: Any, code: str) -> None:
    assert refusal(said).code == code


def test_a_miss_names_the_nearest_layer() -> None:
    assert refusal("summ").hint == "did you mean `sum`?"


def test_a_near_miss_says_which_condition_failed_on_the_closest_layer() -> None:
    problem = refusal({"class": "Dense", "where": {"units": 5}})
    assert problem.at == ("where",)
    assert "`units` is 4, not 5" in problem.notes[0]


def test_a_count_that_may_be_none_matches_none() -> None:
    assert names({"class": "ReLU", "count": [0, None]}) == []
