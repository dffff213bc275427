"""The patch that turns one model into another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator

from patchspec.authoring.author import author
from patchspec.authoring.rules import rule_for
from patchspec.authoring.selecting import selector
from patchspec.authoring.text import patch_text
from patchspec.authoring.writing import undone, written
from patchspec.differences.difference import difference
from patchspec.graph.graph import Graph
from patchspec.language.patch import parse
from patchspec.models.base import Base, Variable
from patchspec.models.document import checked_document
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from patchspec.review.difference_json import difference_json
from patchspec.review.schemas import schema
from tests.authoring.recovering import COOKBOOK
from tests.configs import chain, dense, diamond, entrance, model, nested, shared
from tests.conftest import patch_of
from tests.planning.test_properties import cases, documents

TESTS = Path(__file__).parents[1]


def planned(document: Any, steps: Any, **header: Any) -> Plan:
    return resolve(patch_of(steps, **header), Base(document, origin="base.keras"))


def found(document: Any, steps: Any, **header: Any) -> list[Any]:
    """The operations found for the model that these steps make."""
    plan = planned(document, steps, **header)
    result = author(Base(document), Base(plan.document))
    assert not result.gaps.size
    return [dict(step) for step in result.steps]


@pytest.mark.parametrize(
    "steps",
    [
        [{"op": "rename", "layers": "d", "name": "head"}],
        [{"op": "insert", "after": "a", "new": {"class": "ReLU", "name": "r"}}],
        [{"op": "insert", "after": "a", "before": "b", "new": {"class": "ReLU", "name": "r"}}],
        [{"op": "remove", "layers": "sum", "keep": "b"}, {"op": "extract"}],
        [{"op": "set", "layers": "a", "config": {"activation": "relu"}}],
        [{"op": "freeze", "layers": ["a", "b"]}],
        [{"op": "expose-output", "outputs": ["b"]}],
        [{"op": "extract", "outputs": "sum"}],
        [{"op": "rewire", "layers": "sum", "inputs": {"0": "a"}}, {"op": "extract"}],
        [{"op": "replace", "layers": "d", "new": {"class": "Dense", "config": {"units": 9}}}],
    ],
    ids=lambda steps: steps[0]["op"],
)
def test_each_operation_is_found_again(steps: list[Any]) -> None:
    """C11: the difference of two models is a patch."""
    assert len(found(diamond(), steps)) <= len(steps)


def test_the_same_at_many_places_is_one_operation() -> None:
    document = chain("b1_conv", "b1_act", "b2_conv", "b2_act", "b3_conv", "b3_act")
    new = {"class": "Dropout", "name": "$(target)_drop", "config": {"rate": 0.3}}
    [step] = found(document, [{"op": "insert", "after": "b*_act", "new": new}])
    assert step["new"] == new
    assert step["after"] == "*_act"


def test_values_that_lie_on_a_line_are_said_as_a_line() -> None:
    document = chain("a1", "a2", "a3")
    new = {"class": "Dropout", "name": "$(target)_drop", "config": {"rate": "$(rate)"}}
    step = {"op": "insert", "after": "a*", "new": new, "each": {"rate": {"linear": [0.0, 0.4]}}}
    [again] = found(document, [step])
    assert again["each"] == {"rate": {"linear": [0.0, 0.4]}}


def test_a_shared_layer_comes_apart_in_three_steps() -> None:
    new = {"class": "Dense", "name": "twin_b", "config": {"units": 4}}
    assert len(found(shared(), [{"op": "replace", "layers": "twin@1", "new": new}])) == 1


def test_the_seed_of_a_patch_is_found_by_the_seeds_that_came_of_it() -> None:
    new = {"class": "Dense", "name": "e", "config": {"units": 4}}
    plan = planned(chain("a"), [{"op": "insert", "after": "a", "new": new}], seed=42)
    result = author(Base(chain("a")), Base(plan.document))
    assert result.seed == 42
    assert [dict(step) for step in result.steps] == [{"op": "insert", "after": "a", "new": new}]


def test_the_shortest_exact_selector_is_taken() -> None:
    graph = Graph.of(chain("conv1", "bn1", "conv2", "bn2", "other"))
    assert selector(["conv1", "conv2"], graph) == "conv*"
    assert selector(["conv1"], graph) == "conv1"
    long = Graph.of(model([entrance("input_layer"), dense("a", "input_layer")], ["a", 0, 0]))
    assert selector(["input_layer"], long) == "$input"
    assert selector(["bn1", "conv2"], graph) == ["bn1", "conv2"]


def test_models_that_differ_beyond_operations_are_said_to() -> None:
    document = model([entrance(), dense("a", "x")], ["a", 0, 0], name="other")
    result = written(Base(chain("a")), Base(document))
    assert "called `other`" in result.notes[0]
    assert f"# {result.notes[0]}" in result.text


def with_values(document: Any, **values: Any) -> Base:
    """A model whose layers hold these kernels."""
    variables = {
        f"{name}/vars/0": Variable(
            f"{name}/vars/0",
            value.shape,
            "float32",
            lambda v=value: v.astype("float32"),
            "kernel",
        )
        for name, value in values.items()
    }
    return Base(document, variables, "base.keras")


def test_trained_weights_are_none_of_a_patch_and_said() -> None:
    before = with_values(chain("a", "b"), a=np.ones((2, 2)), b=np.ones((2, 2)))
    after = with_values(chain("a", "b"), a=np.ones((2, 2)), b=np.zeros((2, 2)))
    result = written(before, after)
    assert "operations: []" in result.text
    assert result.notes == (
        "1 layer holds values that no patch makes: b; `op: load` takes them from a file",
    )


def test_a_nested_model_that_freezes_is_named_itself() -> None:
    assert found(nested(), [{"op": "freeze", "layers": "inner"}]) == [
        {"op": "freeze", "layers": "inner"}
    ]


def test_a_rule_for_one_variable_is_none_for_the_others() -> None:
    """The bias of a new head may look as if it were padded; its trained kernel does not."""
    random = np.random.default_rng(0)
    values = [("vars/0", random.normal(size=(4, 3)), random.normal(size=(4, 5))),
              ("vars/1", np.zeros(3), np.zeros(5))]  # fmt: skip
    new = {"class": "Dense", "name": "e", "config": {"units": 5}}
    plan = planned(chain("a", "d"), [{"op": "replace", "layers": "d", "new": new}])
    sides = []
    for place, (document, name) in enumerate(((chain("a", "d"), "d"), (plan.document, "e"))):
        variables = {}
        for inner, *both in values:
            value = both[place].astype("float32")
            path = f"{name}/{inner}"
            variables[path] = Variable(path, value.shape, "float32", lambda v=value: v)
        sides.append(Base(document, variables, "base.keras"))
    result = written(*sides)
    assert "weights" not in result.text.split("operations:")[1]
    assert result.notes[0].startswith("1 layer holds values that no patch makes: e")


@pytest.mark.parametrize(
    ("rule", "after"),
    [
        ("keep", lambda v: v),
        ({"sum": -2}, lambda v: v.astype("float64").sum(0, keepdims=True).astype("float32")),
        ({"mean": -2}, lambda v: v.astype("float64").mean(0, keepdims=True).astype("float32")),
        ({"take": {"axis": -1, "indices": [3, 0]}}, lambda v: v[:, [3, 0]]),
        ({"pad": {"axis": -2, "with": "zeros"}}, lambda v: np.concatenate([v, 0 * v[:1]])),
        ({"pad": {"axis": -1, "with": "init"}}, lambda v: np.concatenate([v, v[:, :1] * 9], 1)),
        (None, lambda v: v[:, :2] + 1),
    ],
)
def test_the_rule_is_found_that_made_a_value(rule: Any, after: Any) -> None:
    value = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    assert rule_for(value, after(value)) == rule


def test_text_is_read_back_as_what_was_meant() -> None:
    odd = {"op": "set", "layers": ["yes", "a:1", "no: x", "*", "1e5", "a b", "é#"], "unset": ["x"]}
    said = {"patchspec": 1, "name": "null", "operations": [odd]}
    assert parse(patch_text(said)).source.data == said


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_a_patch_that_is_found_makes_the_model_or_says_what_it_does_not(case: Any) -> None:
    """C11: for every graph and every patch of it."""
    document, steps = case
    base = Base(checked_document(document, "base"), origin="base")
    try:
        plan = resolve(patch_of(steps), base)
    except PatchError:
        return
    result = written(base, Base(plan.document))
    if not result.left:
        assert resolve(parse(result.text), base).architecture == plan.architecture


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_a_patch_and_the_one_that_undoes_it_come_to_the_base(case: Any) -> None:
    """C12: for every graph and every patch of it."""
    document, steps = case
    base = Base(checked_document(document, "base"), origin="base")
    try:
        plan = resolve(patch_of(steps), base)
    except PatchError:
        return
    result = undone(plan)
    if not result.left:
        variant = Base(plan.document, origin="variant")
        assert resolve(parse(result.text), variant).architecture == base.architecture


def test_every_patch_of_the_cookbook_is_found_from_its_two_models(
    recovered: set[str], request: pytest.FixtureRequest
) -> None:
    """G8: in at most the operations of its author; each is looked for as a test applies it."""
    run = {item.path for item in request.session.items}
    applying = {*(TESTS / "applications").glob("test_*.py"), TESTS / "docs" / "test_cookbook.py"}
    if not applying <= run:
        pytest.skip("the tests that apply the patches are not part of this run")
    assert recovered == {path.name for path in COOKBOOK.glob("*.yaml")}


def test_a_note_of_what_is_left_names_the_layers() -> None:
    after = json.loads(json.dumps(chain("a", "b")))
    after["config"]["layers"][2]["inbound_nodes"] = []
    after["config"]["output_layers"] = ["a", 0, 0]
    result = written(Base(chain("a")), Base(after))
    assert result.left
    assert result.problem.code == "PS985"


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), documents())
def test_two_models_that_have_nothing_in_common_are_compared_and_tried_all_the_same(
    one: Any, other: Any
) -> None:
    before, after = Base(one, origin="one"), Base(other, origin="other")
    found = difference(before, after)
    assert found.is_empty == (before.architecture == after.architecture)
    Draft7Validator(schema("diff")).validate(difference_json(found))
    result = written(before, after)
    if not result.left:
        assert (
            resolve(parse(result.text), before).graph.by_path.keys() == after.graph.by_path.keys()
        )
