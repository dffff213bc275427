"""What must hold for all graphs and all steps."""

from __future__ import annotations

import copy
import json
from typing import Any

import keras
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import patchspec
from patchspec.graph.graph import Graph
from patchspec.models.base import Base
from patchspec.models.document import checked_document
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from tests import configs
from tests.conftest import patch_of


@st.composite
def documents(draw: Any) -> Any:
    """Random functional graphs: several inputs and outputs, shared layers, merges, any order."""
    inputs = [configs.entrance(f"x{i}") for i in range(draw(st.integers(1, 3)))]
    tensors = [(layer["name"], 0) for layer in inputs]
    layers: list[Any] = []
    for i in range(draw(st.integers(1, 7))):
        name = f"l{i}"
        if draw(st.booleans()):
            calls = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=2))
            nodes = [configs.node(configs.tensor(n, c)) for n, c in calls]
            layers.append(configs.layer("Dense", name, nodes, units=4))
        else:
            read = draw(st.lists(st.sampled_from(tensors), min_size=2, max_size=3))
            nodes = [configs.node([configs.tensor(n, c) for n, c in read])]
            layers.append(configs.layer("Add", name, nodes))
        tensors += [(name, j) for j in range(len(nodes))]
    unread = [t for t in tensors if not _is_read(t, layers)]
    ends: Any = [[n, c, 0] for n, c in unread]
    form = draw(st.sampled_from(["list", "dict", "lone"]))
    if form == "dict":
        ends = {f"o{i}": end for i, end in enumerate(ends)}
    elif form == "lone" and len(ends) == 1:
        ends = ends[0]
    shuffled = draw(st.permutations([*inputs, *layers]))
    return configs.model(list(shuffled), ends)


def _is_read(tensor: tuple[str, int], layers: list[Any]) -> bool:
    text = json.dumps(layers)
    return json.dumps([*tensor, 0]) in text


STEPS = ["insert", "before", "remove", "rewire", "rename", "expose", "extract", "freeze", "replace"]


@st.composite
def cases(draw: Any) -> Any:
    document = draw(documents())
    known = [entry["name"] for entry in document["config"]["layers"]]
    steps = []
    for i in range(draw(st.integers(1, 5))):
        name, other = (draw(st.sampled_from([*known, "ghost"])) for _ in range(2))
        call = f"@{draw(st.integers(0, 1))}" if draw(st.booleans()) else ""
        new = {"class": draw(st.sampled_from(["ReLU", "Identity"])), "name": f"n{i}"}
        kind = draw(st.sampled_from(STEPS))
        known.append(new["name"])
        steps.append(
            {
                "insert": {"op": "insert", "after": name + call, "new": new},
                "before": {"op": "insert", "before": name, "input": "all", "new": new},
                "remove": {"op": "remove", "layers": name, "keep": 0},
                "rewire": {"op": "rewire", "layers": name, "inputs": {"0": other}},
                "rename": {"op": "rename", "layers": name, "name": f"r{i}"},
                "expose": {"op": "expose-output", "outputs": {f"e{i}": name + call}},
                "extract": {"op": "extract", "outputs": [name + call]},
                "freeze": {"op": "freeze", "layers": name},
                "replace": {"op": "replace", "layers": name + call, "new": new},
            }[kind]
        )
    if draw(st.booleans()):
        steps.append({"op": "extract"})
    return document, steps


def whole(document: Any) -> bool:
    """Every reference leads somewhere, there is no loop, and everything leads to an output."""
    checked_document(document, "the variant")
    graph = Graph.of(document)
    for layer in graph.layers.values():
        for index in range(len(layer.calls) - 1):
            later = {(layer.name, i) for i in range(index + 1, len(layer.calls))}
            if later & set(graph.call_reads[(layer.name, index)]):
                return False
    return not graph.dead and not graph.loop()


@given(cases())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_keeps_the_graph_whole_or_is_refused_with_a_place(case: Any) -> None:
    document, steps = case
    before = copy.deepcopy(document)
    base = Base(checked_document(document, "base"), origin="base")
    try:
        plan = resolve(patch_of(steps), base)
    except PatchError as error:
        assert all(problem.span is not None for problem in error.problems)
    else:
        assert whole(plan.document)
        order = [entry["name"] for entry in plan.written_document["config"]["layers"]]
        assert order == list(Graph.of(plan.document).order.layers)
    assert document == before


@given(cases())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_resolves_with_keras_is_built_by_keras(case: Any) -> None:
    document, steps = case
    try:
        keras.backend.clear_session()
        model = keras.saving.deserialize_keras_object(copy.deepcopy(document))
    except ValueError as error:
        assert "disconnected" in str(error)
        return
    before = [np.asarray(v) for v in model.variables]
    try:
        variant = patchspec.apply(model, patch_of(steps))
    except PatchError as error:
        assert all(problem.span is not None for problem in error.problems)
        return
    names = [layer.name for layer in variant.model.layers]
    order = [x.name for x in variant.plan.graph.in_order if not x.is_operation]
    assert names == order
    after = json.loads(variant.model.to_json())["config"]
    mine = variant.plan.written_document["config"]
    assert after["output_layers"] == mine["output_layers"]
    assert [x["inbound_nodes"] for x in after["layers"]] == [
        x["inbound_nodes"] for x in mine["layers"]
    ]
    assert all(
        np.array_equal(a, np.asarray(b)) for a, b in zip(before, model.variables, strict=True)
    )
