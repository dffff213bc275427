"""What of a model is drawn."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from patchspec.models.opening import open_base
from patchspec.review.drawing.details import details_of
from patchspec.review.drawing.picture import closed, picture_of
from patchspec.review.drawing.scene import Node, Scene, scene_of
from tests import configs
from tests.conftest import SAMPLES
from tests.planning.test_properties import documents
from tests.review.graphs import recorded, scene


def sample(name: str) -> Scene:
    base = open_base(SAMPLES / name)
    return scene_of(base, recorded(base.graph))


def named(one: Scene) -> dict[str, Node]:
    return {node.label: node for node in one.nodes if node.kind != "output"}


def arrows(one: Scene) -> list[tuple[str, str]]:
    labels = [f"${n.name}" if n.kind == "output" else n.label for n in one.nodes]
    return [(labels[edge.source], labels[edge.target]) for edge in one.edges]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_every_call_and_every_edge_is_drawn_exactly_once(document: Any) -> None:
    whole = scene(document)

    def check(drawn: Scene, config: Any) -> None:
        calls = Counter(
            (entry["name"], i if len(entry["inbound_nodes"]) > 1 else None)
            for entry in config["layers"]
            for i in range(len(entry["inbound_nodes"]) or 1)
        )
        assert calls == Counter((n.name, n.call) for n in drawn.nodes if n.kind != "output")
        made = {(n.name, n.call or 0): i for i, n in enumerate(drawn.nodes) if n.kind != "output"}
        read = {
            (*one["config"]["keras_history"], made[entry["name"], i])
            for entry in config["layers"]
            for i, call in enumerate(entry["inbound_nodes"])
            for one in _tensors(call)
        }
        inner = [edge for edge in drawn.edges if drawn.nodes[edge.target].kind != "output"]
        assert len(inner) == len(read)
        assert {(made[name, call], output, target) for name, call, output, target in read} == {
            (edge.source, edge.output, edge.target) for edge in inner
        }
        placed = picture_of(drawn)
        assert [one.node for one in placed.nodes] == list(drawn.nodes)
        assert [edge for edge, _ in placed.lines] == list(drawn.edges)
        for entry in config["layers"]:
            if "input_layers" in entry["config"]:
                [inside] = [n.inside for n in drawn.nodes if n.name == entry["name"] and n.inside]
                check(inside, entry["config"])

    check(whole, document["config"])


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [found for item in items for found in _tensors(item)]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_no_two_nodes_of_a_model_overlap_and_boxes_hold_what_is_theirs(document: Any) -> None:
    placed = list(picture_of(scene(document)).walk())
    for i, (one, x, y) in enumerate(placed):
        inside = set() if one.inside is None else {id(n) for n, _, _ in one.inside.walk()}
        for other, left, top in placed[i + 1 :]:
            across = max(x, left) < min(x + one.width, left + other.width)
            down = max(y, top) < min(y + one.height, top + other.height)
            if id(other) in inside:
                assert x < left
                assert left + other.width < x + one.width
                assert y < top
                assert top + other.height < y + one.height
            else:
                assert not (across and down)


def test_a_shared_layer_is_seen_to_be_one_layer() -> None:
    nodes = named(scene(configs.shared()))
    assert [nodes[f"twin@{i}"].shared for i in (0, 1)] == [1, 1]
    assert nodes["total"].shared is None


def test_inputs_and_outputs_are_marked() -> None:
    whole = scene(configs.diamond())
    assert [node.name for node in whole.nodes if node.kind == "input"] == ["x"]
    assert [node.name for node in whole.nodes if node.kind == "output"] == ["d"]
    assert ("d", "$d") in arrows(whole)


def test_a_nested_model_is_drawn_as_a_box() -> None:
    inner = named(scene(configs.nested()))["inner"]
    assert inner.kind == "model"
    assert inner.inside is not None
    assert arrows(inner.inside) == [("e", "id"), ("id", "id2"), ("id2", "$id2")]


def test_a_model_that_is_called_twice_is_opened_once() -> None:
    nodes = named(sample("nested_multi_call.keras"))
    assert nodes["inner@0"].inside is not None
    assert nodes["inner@1"].inside is None
    assert nodes["inner@0"].shared == nodes["inner@1"].shared


def test_wrappers_and_cells_are_boxes_too() -> None:
    nodes = named(sample("composite.keras"))
    for name, held in (
        ("bi", ["forward_lstm_in", "backward_lstm_in"]),
        ("td", ["td_dense"]),
        ("stack", ["stacked_rnn_cells"]),
    ):
        inside = nodes[name].inside
        assert nodes[name].kind == "wrapper"
        assert inside is not None
        assert [node.name for node in inside.nodes] == held
        assert nodes[name].parameters
        assert {node.parameters for node in inside.walk()} == {None}
    stack = nodes["stack"].inside
    assert stack is not None
    [cells] = stack.nodes
    assert cells.inside is not None


def test_a_wrapped_model_that_is_not_wired_whole_is_drawn_closed() -> None:
    inside = configs.model([configs.entrance("e"), configs.dense("d", "ghost")], ["d", 0, 0])
    inside["config"]["name"] = "inside"
    wrapper = configs.layer(
        "TimeDistributed", "td", [configs.node(configs.tensor("x"))], layer=inside
    )
    whole = scene(configs.model([configs.entrance(), wrapper], ["td", 0, 0]))
    held = named(whole)["td"].inside
    assert held is not None
    assert [node.inside for node in held.nodes] == [None]


def test_operations_are_nodes() -> None:
    whole = sample("ops_nodes.keras")
    assert named(whole)["matmul"].kind == "operation"
    assert ("transpose", "matmul") in arrows(whole)


def test_an_edge_says_which_output_it_is_and_how_it_is_passed() -> None:
    whole = sample("lstm_state_mask.keras")
    read = [edge for edge in whole.edges if whole.nodes[edge.target].name == "lstm2"]
    states = [edge for edge in read if edge.tensor.startswith("lstm:")]
    assert [(edge.output, edge.labelled) for edge in states] == [(1, True), (2, True)]
    assert {argument for edge in states for argument in edge.arguments} == {"initial_state"}
    assert [edge.spec for edge in read if edge.tensor == "d"] == ["float32[?, 5, 3]"]


def test_a_tensor_that_a_call_reads_twice_is_one_edge() -> None:
    square = configs.add("square", "x", "x")
    whole = scene(configs.model([configs.entrance(), square], ["square", 0, 0]))
    assert arrows(whole) == [("x", "square"), ("square", "$square")]


def test_nodes_have_class_shape_and_parameters() -> None:
    node = named(sample("functional_linear.keras"))["d1"]
    assert node.class_name == "Dense"
    assert node.shapes == ("float32[?, 4]",)
    assert node.parameters == 36


def test_without_weights_nothing_is_said_of_parameters() -> None:
    assert {node.parameters for node in scene(configs.diamond()).walk()} == {None}


def test_a_closed_scene_has_the_same_edges() -> None:
    whole = scene(configs.nested())
    assert whole.depth == 1
    shut = closed(whole, 0)
    assert shut.depth == 0
    assert arrows(shut) == arrows(whole)
    assert closed(whole, 1) == whole


@pytest.mark.parametrize("name", ["sequential.keras", "tfk_nested.h5", "tfk_tfops.h5"])
def test_models_of_every_kind_have_a_scene(name: str) -> None:
    assert picture_of(sample(name)).nodes


def test_details_tell_what_differs_from_the_defaults_alone() -> None:
    base = open_base(SAMPLES / "nested.keras")
    details = details_of(base)
    assert details["inner/id"].config == (("units", "4"),)
    assert details["inner/id"].variables == ("vars/0 float32[8, 4]", "vars/1 float32[4]")
    bi = details_of(open_base(SAMPLES / "composite.keras"))
    assert "bi/forward_lstm_in" in bi
    assert "layer" not in dict(bi["bi"].config)
