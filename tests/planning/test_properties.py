"""What must hold for all graphs and all steps."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import patchspec
import patchspec.planning.fold as folding
from patchspec.graph.graph import Graph
from patchspec.models.base import Base
from patchspec.models.document import checked_document
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from tests import configs
from tests.conftest import patch_of


@st.composite
def documents(draw: Any, deep: bool = True) -> Any:
    """Random functional graphs: several inputs and outputs, shared layers, merges, any order.

    With `deep` some layers are models: functional ones, called once or twice, and Sequentials.
    """
    inputs = [configs.entrance(f"x{i}") for i in range(draw(st.integers(1, 3)))]
    tensors = [(layer["name"], 0, 0) for layer in inputs]
    layers: list[Any] = []
    kinds = ["dense", "add", "chain", "model"] if deep else ["dense", "add"]
    for i in range(draw(st.integers(1, 7 if not deep else 5))):
        name, outputs = f"l{i}", 1
        kind = draw(st.sampled_from(kinds))
        calls = draw(st.lists(st.sampled_from(tensors), min_size=1, max_size=2))
        nodes = [configs.node(configs.tensor(*call)) for call in calls]
        if kind == "dense":
            layers.append(configs.layer("Dense", name, nodes, units=4))
        elif kind == "chain":
            layers.append(sequential(name, nodes, draw(st.integers(1, 3))))
        elif kind == "add":
            read = draw(st.lists(st.sampled_from(tensors), min_size=2, max_size=3))
            nodes = [configs.node([configs.tensor(*t) for t in read])]
            layers.append(configs.layer("Add", name, nodes))
        else:
            inner = draw(documents(deep=False))
            graph = Graph.of(inner)
            outputs = len(graph.outputs)
            count = len(graph.inputs)
            read = draw(st.lists(st.sampled_from(tensors), min_size=count, max_size=count))
            given_tensors = [configs.tensor(*t) for t in read]
            nodes = [configs.node(given_tensors if count > 1 else given_tensors[0])]
            layers.append({**inner, "name": name, "inbound_nodes": nodes})
            layers[-1]["config"]["name"] = name
        tensors += [(name, j, k) for j in range(len(nodes)) for k in range(outputs)]
    unread = [t for t in tensors if not _is_read(t, layers)]
    models = {entry["name"] for entry in layers if "input_layers" in entry["config"]}
    ends: Any = [[name, call + (name in models), k] for name, call, k in unread]
    form = draw(st.sampled_from(["list", "dict", "lone"]))
    if form == "dict":
        ends = {f"o{i}": end for i, end in enumerate(ends)}
    elif form == "lone" and len(ends) == 1:
        ends = ends[0]
    shuffled = draw(st.permutations([*inputs, *layers]))
    return configs.model(list(shuffled), ends)


def sequential(name: str, nodes: list[Any], length: int) -> Any:
    """A Sequential of Dense layers, as a layer."""
    layers = [configs.entrance(f"{name}_in"), *(configs.dense(f"s{i}") for i in range(length))]
    for layer in layers:
        del layer["name"], layer["inbound_nodes"]
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": name, "trainable": True, "layers": layers},
        "registered_name": None,
        "name": name,
        "inbound_nodes": nodes,
    }


def _is_read(tensor: tuple[str, int, int], layers: list[Any]) -> bool:
    text = json.dumps([entry["inbound_nodes"] for entry in layers])
    return json.dumps([*tensor]) in text


STEPS = [
    "insert", "before", "remove", "rewire", "rename", "expose", "extract", "freeze", "unfreeze",
    "set", "replace", "skip",
]  # fmt: skip


@st.composite
def cases(draw: Any) -> Any:
    document = draw(documents())
    found = Graph.of(document).by_path
    known = [path for path, layer in found.items() if not layer.is_input]
    known.append(next(path for path, layer in found.items() if layer.is_input))
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
                "unfreeze": {"op": "unfreeze", "layers": name},
                "set": {"op": "set", "layers": name, "config": {"activation": "relu"}},
                "replace": {"op": "replace", "layers": name + call, "new": new},
                "skip": {
                    "op": "insert",
                    "after": name + call,
                    "new": {"class": "Add", "name": f"n{i}", "inputs": [name + call, "$here"]},
                },
            }[kind]
        )
    if draw(st.booleans()):
        steps.append({"op": "extract"})
    return document, steps


def whole(document: Any) -> bool:
    """Every reference leads somewhere, there is no loop, and everything leads to an output."""
    checked_document(document, "the variant")
    return all(_is_sound(model) for model in Graph.of(document).models())


def _is_sound(graph: Graph) -> bool:
    for layer in graph.layers.values():
        for index in range(len(layer.calls) - 1):
            later = {(layer.name, i) for i in range(index + 1, len(layer.calls))}
            if later & set(graph.call_reads[(layer.name, index)]):
                return False
    return not graph.dead and not graph.loop()


def seen(graph: Graph) -> list[Any]:
    """All that a lens says of a document, in the order in which it says it."""
    return [
        [
            model.config,
            [(layer, layer.calls, layer.reads) for layer in model.layers.values()],
            list(model.readers.items()),
            list(model.read_outputs.items()),
            list(model.recorded.items()),
            (model.inputs, model.outputs, model.order, model.dead, model.unused_inputs),
        ]
        for model in graph.models()
    ]


@given(cases())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_lens_that_follows_the_edits_sees_what_a_new_one_sees(case: Any) -> None:
    document, steps = case

    def compared(state: Any, place: Any) -> None:
        assert seen(state.graph) == seen(Graph.of(state.document))
        settled(state, place)

    settled = folding._settle
    with pytest.MonkeyPatch.context() as patched, contextlib.suppress(PatchError):
        patched.setattr(folding, "_settle", compared)
        folding.fold(Base(document), [patch_of(steps)])


@given(cases())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_keeps_the_graph_whole_or_is_refused_with_a_place(case: Any) -> None:
    """T66: what is emitted gives the config that was planned, here and in every other test."""
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
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
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
