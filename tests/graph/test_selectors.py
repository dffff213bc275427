"""Selectors match whole names, in graph order, and never nothing."""

from __future__ import annotations

from typing import Any

import pytest

from patchspec.graph.graph import Graph
from patchspec.graph.selectors import select, select_runs
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
    """T62: `block_1` is not `block_10`."""
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
    """T10: bare operations are in the config, though not in `model.layers`."""
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
    """B7, T60, T61: an entry that matches nothing is an error among entries that match."""
    assert refusal(said).code == code


def test_a_miss_names_the_nearest_layer() -> None:
    """B8, T60: a typo is answered."""
    assert refusal("summ").hint == "did you mean `sum`?"


def test_a_near_miss_says_which_condition_failed_on_the_closest_layer() -> None:
    """B8, D14: the reason is traced for the layer that came closest."""
    problem = refusal({"class": "Dense", "where": {"units": 5}})
    assert problem.at == ("where",)
    assert "`units` is 4, not 5" in problem.notes[0]


def test_a_count_that_may_be_none_matches_none() -> None:
    assert names({"class": "ReLU", "count": [0, None]}) == []


def test_an_expression_matches_whole_paths_and_cannot_take_for_ever() -> None:
    """T62: anchored at both ends."""
    document = configs.chain("block_1", "block_10", "head")
    assert names({"regex": "block_1"}, document) == ["block_1"]
    assert names({"regex": "block_[0-9]+"}, document) == ["block_1", "block_10"]
    for text in ("(a+)+", r"(a)\1", "(", "x" * 300):
        assert refusal({"regex": text}, document).code == "PS312"


def test_a_layer_has_a_key_whatever_its_value() -> None:
    document = configs.chain("a", "b")
    document["config"]["layers"][1]["config"]["kernel_regularizer"] = {"class_name": "L2"}
    document["config"]["layers"][2]["config"]["kernel_regularizer"] = None
    assert names({"has": "kernel_regularizer"}, document) == ["a", "b"]
    assert "is not there" in refusal({"name": "b", "has": "rate"}, document).notes[0]


def test_after_and_before_follow_the_graph_and_leave_themselves_out() -> None:
    assert names({"after": "b"}) == ["sum", "d"]
    assert names({"before": "b"}) == ["x", "a"]
    assert names({"after": ["b", "sum"]}) == ["d"]
    assert names({"after": "a", "before": "d"}) == ["b", "c", "sum"]


def test_a_nested_model_depends_on_what_its_layers_depend_on() -> None:
    document = configs.nested()
    assert names({"after": "x"}, document) == ["inner", "inner/e", "inner/id", "inner/id2", "d"]
    assert names({"after": "inner/id"}, document) == ["inner", "inner/id2", "d"]
    assert names({"before": "inner/id"}, document) == ["x", "inner", "inner/e"]


def test_reads_means_directly() -> None:
    assert names({"reads": "a"}) == ["b", "c"]
    assert names({"reads": ["b", "c"]}) == ["sum"]


def test_a_layer_trains_if_it_and_all_around_it_say_so() -> None:
    document = configs.nested()
    document["config"]["layers"][1]["config"]["layers"][1]["config"]["trainable"] = False
    assert names({"trainable": False}, document) == ["inner/id"]
    assert names({"trainable": True, "name": "**"}, document) == ["inner", "inner/id2", "d"]
    document["config"]["layers"][1]["config"]["trainable"] = False
    assert names({"trainable": True}, document) == ["d"]


def test_a_shape_is_that_of_what_a_layer_makes() -> None:
    assert names({"output_shape": [None, 4]}) == ["x", "a", "b", "c", "sum"]
    assert "is not known here" in refusal({"name": "d", "output_shape": [None, 4]}).notes[0]
    assert "it makes [null, 4]" in refusal({"name": "a", "output_shape": [None, 5]}).notes[0]


def test_places_are_those_of_what_is_left_in_graph_order() -> None:
    assert names({"class": "Dense", "nth": 0}) == ["a"]
    assert names({"class": "Dense", "nth": [-1, 1]}) == ["b", "d"]
    assert names({"class": "Dense", "first": 2}) == ["a", "b"]
    assert names({"class": "Dense", "last": 2}) == ["c", "d"]
    assert names({"class": "Dense", "not": "a", "nth": 0}) == ["b"]
    for said in ({"class": "Dense", "nth": 4}, {"class": "Dense", "first": 5}):
        problem = refusal(said)
        assert problem.code == "PS303"
        assert "4 layers are left" in problem.message


def blocks() -> Any:
    """x -> (c -> n -> r) -> (c -> n -> r), the second n read by the end as well."""
    layers = [configs.entrance()]
    for i in range(2):
        for kind, name in (("Conv2D", "c"), ("BatchNormalization", "n"), ("ReLU", "r")):
            node = configs.node(configs.tensor(layers[-1]["name"]))
            layers.append(configs.layer(kind, f"{name}{i}", [node]))
    return configs.model(layers, ["r1", 0, 0])


RUN = [{"class": "Conv2D"}, {"class": "BatchNormalization"}, {"class": "ReLU"}]


def test_a_run_is_one_target_of_adjacent_layers() -> None:
    graph = Graph.of(blocks())
    found = select_runs({"run": RUN}, graph)
    assert [[layer.name for layer in match.run] for match in found] == [
        ["c0", "n0", "r0"],
        ["c1", "n1", "r1"],
    ]
    assert names({"run": RUN, "nth": 1}, blocks()) == ["c1", "n1", "r1"]
    assert names({"run": RUN[:2], "not": "c0"}, blocks()) == ["c1", "n1"]


def test_no_layer_lies_in_two_runs() -> None:
    """T20: overlapping matches would edit what is gone."""
    graph = Graph.of(configs.chain("a", "b", "c", "d", "e"))
    found = select_runs({"run": [{"class": "Dense"}, {"class": "Dense"}]}, graph)
    assert [[layer.name for layer in match.run] for match in found] == [["a", "b"], ["c", "d"]]


def test_a_run_whose_inside_is_read_elsewhere_is_refused_with_the_reader() -> None:
    """T21: what reads the inside would lose what it reads."""
    document = blocks()
    document["config"]["output_layers"] = [["r1", 0, 0], ["n1", 0, 0]]
    problem = refusal({"run": RUN}, document)
    assert problem.code == "PS313"
    assert "`n1`" in problem.message
    assert "an output of the model" in problem.message
    assert names({"run": RUN[:2]}, document) == ["c0", "n0", "c1", "n1"]


def test_layers_that_do_not_follow_one_another_are_no_run() -> None:
    assert refusal({"run": ["c0", "c1"]}, blocks()).code == "PS303"


def test_a_glob_into_a_wrapper_is_told_that_what_it_holds_is_named_whole() -> None:
    document = configs.chain("a", "b")
    entry = document["config"]["layers"][1]
    inner = {**configs.dense("in", "x"), "inbound_nodes": []}
    entry |= {"class_name": "TimeDistributed", "config": {"name": "a", "layer": inner}}
    assert "a/in" in str(refusal("a/*", document).hint)
