"""`share=True`: the variant is a new graph over the layers of the live base."""

from __future__ import annotations

import copy
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.conftest import SAMPLES, patch_of
from tests.nested_models import batch, deep, outer, outputs, same, twice
from tests.planning.test_properties import cases
from tests.zoo import ARCHITECTURES, image, randomised, values

INSERT = "- {op: insert, after: body, new: {class: Dense, name: more, config: {units: 5}}}"
BRANCH = """- op: insert
  before: head
  new: [{class: Dense, name: a, config: {units: 5}}, {class: Add, name: sum, inputs: [$here, a]}]
"""
EXPOSE = "- {op: expose-output, outputs: [body]}"


def model() -> Any:
    x = keras.Input((4,), name="x")
    y = L.BatchNormalization(name="norm")(L.Dense(5, name="body")(x))
    return randomised(keras.Model(x, L.Dense(3, name="head")(y), name="m"))


def both(base: Any, steps: str) -> tuple[Any, Any]:
    """The variant that shares and the one that does not."""
    shared = patchspec.apply(base, patch_of(steps), share=True)
    return shared.model, patchspec.apply(base, patch_of(steps)).model


@pytest.mark.parametrize(
    "steps",
    [
        "[]",
        INSERT,
        EXPOSE,
        "- {op: remove, layers: norm}",
        "- {op: extract, outputs: norm}",
        "- {op: replace, layers: head, new: {class: Dense, name: cls, config: {units: 2}}}",
        BRANCH,
        "- {op: insert, after: body, new: {layer: norm, inputs: $here}}",
    ],
)
def test_both_ways_give_equal_outputs_and_one_shares_the_layers(steps: str) -> None:
    base = model()
    shared, independent = both(base, steps)
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    for one, other in zip(
        keras.tree.flatten(shared.predict(x, verbose=0)),
        keras.tree.flatten(independent.predict(x, verbose=0)),
        strict=True,
    ):
        assert np.array_equal(one, other)
    for layer in shared.layers:
        names = [one.name for one in base.layers]
        assert (layer.name in names) == any(layer is one for one in base.layers)
        assert all(layer is not one for one in independent.layers)


def test_tensors_above_a_change_are_those_of_the_base() -> None:
    """So `layer.output` of what is exposed stays what it was, for the base too."""
    base = model()
    shared = patchspec.apply(base, patch_of(EXPOSE), share=True).model
    assert shared.input is base.input
    assert shared.outputs[1] is base.get_layer("body").output
    assert all(len(layer._inbound_nodes) == 1 for layer in base.layers)


def test_what_one_learns_both_have_learnt() -> None:
    base = model()
    shared, independent = both(base, INSERT)
    before = independent.get_weights()
    shared.compile("sgd", "mse")
    kernel, mean = base.get_layer("head").kernel, base.get_layer("norm").moving_mean
    was = [np.asarray(v) for v in (kernel, mean)]
    shared.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    assert not np.array_equal(was[0], kernel)
    assert not np.array_equal(was[1], mean)
    assert all(np.array_equal(a, b) for a, b in zip(before, independent.get_weights(), strict=True))
    base.get_layer("head").set_weights([np.zeros((5, 3)), np.ones(3)])
    assert np.array_equal(shared.predict(np.ones((1, 4)), verbose=0), np.ones((1, 3)))


def test_the_base_computes_and_is_saved_as_before() -> None:
    base = model()
    config, weights = base.get_config(), base.get_weights()
    x = np.ones((2, 4), "float32")
    result = base.predict(x, verbose=0)
    patchspec.apply(base, patch_of(INSERT), share=True)
    assert base.get_config() == config
    assert all(np.array_equal(a, b) for a, b in zip(weights, base.get_weights(), strict=True))
    assert np.array_equal(base.predict(x, verbose=0), result)


def test_a_variant_that_shares_is_saved_as_one_that_does_not(tmp_path: Any) -> None:
    base = model()
    shared = patchspec.apply(base, patch_of(INSERT), share=True)
    independent = patchspec.apply(base, patch_of(INSERT))
    one, other = shared.save(tmp_path / "one.keras"), independent.save(tmp_path / "other.keras")
    assert one.read_bytes() == other.read_bytes()
    assert shared.shared
    assert not independent.shared


@pytest.mark.parametrize(
    "steps",
    [
        "- {op: rename, layers: head, name: species}",
        "- {op: freeze, layers: body}",
        "- {op: set, layers: head, config: {activation: relu}}",
        "- {op: set, layers: body, weights: {kernel: zeros}}",
    ],
)
def test_what_would_change_a_shared_layer_is_refused_at_its_step(steps: str) -> None:
    base = model()
    plan = patchspec.resolve(patch_of("- {op: remove, layers: norm}\n" + steps), base)
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan, share=True)
    [problem] = caught.value.problems
    assert problem.code == "PS512"
    assert problem.span is not None
    assert problem.span.line == 4
    assert patchspec.build(plan).model


def test_a_file_has_no_layers_to_share() -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.apply(SAMPLES / "shared.keras", patch_of("[]"), share=True)
    assert [problem.code for problem in caught.value.problems] == ["PS513"]


@pytest.mark.parametrize(
    ("make", "path", "tensor"),
    [(twice, "twin/hidden", "twin@0/hidden"), (deep, "a/b/c/core", "a/b/c/core"),
     (outer, "inner/id", "inner/id"), (outer, "block/sd1", "block/sd1")],
)  # fmt: skip
@pytest.mark.parametrize("op", ["expose", "insert"])
def test_inside_nested_models_layers_are_shared_too(
    make: Any, path: str, tensor: str, op: str
) -> None:
    base = make()
    steps = f"- {{op: insert, after: {path}, new: {{class: ReLU, name: extra}}}}"
    if op == "expose":
        steps = f"- {{op: expose-output, form: list, outputs: [{tensor}]}}"
    shared, independent = both(base, steps)
    inputs = batch(base)
    assert same(outputs(shared, inputs), outputs(independent, inputs))
    mine, theirs = shared, base
    for name in path.split("/"):
        mine, theirs = mine.get_layer(name), theirs.get_layer(name)
    assert mine is theirs
    assert len({id(v) for v in shared.variables}) == len({id(v) for v in independent.variables})


def test_a_sequential_stays_one_while_it_is_a_chain() -> None:
    base = randomised(keras.Sequential([keras.Input((4,)), L.Dense(3, name="a"), L.ReLU(name="r")]))
    shared, independent = both(base, "- {op: insert, after: a, new: {class: ReLU, name: more}}")
    assert isinstance(shared, keras.Sequential)
    assert shared.get_layer("a") is base.get_layer("a")
    x = np.random.default_rng(0).normal(size=(2, 4))
    assert np.array_equal(shared.predict(x, verbose=0), independent.predict(x, verbose=0))
    branched, _ = both(base, "- {op: expose-output, outputs: [a]}")
    assert branched.get_layer("a") is base.get_layer("a")


def test_masks_and_bare_operations_come_along() -> None:
    x = keras.Input((5,), dtype="int32", name="x")
    y = L.Embedding(10, 4, mask_zero=True, name="words")(x)
    y = L.LSTM(3, name="lstm")(keras.ops.multiply(y, 2.0) + y)
    base = randomised(keras.Model(x, L.Dense(2, name="head")(y)))
    steps = "- {op: insert, after: words, new: {class: Dropout, name: drop, config: {rate: 0.5}}}"
    shared, independent = both(base, steps)
    data = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 0, 0]])
    assert np.array_equal(shared.predict(data, verbose=0), independent.predict(data, verbose=0))


def test_a_compiled_base_gives_the_variant_an_optimizer_of_its_own() -> None:
    base = model()
    base.compile("adam", "mse")
    base.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    shared = patchspec.apply(base, patch_of(EXPOSE), share=True).model
    assert shared.optimizer is not base.optimizer
    shared.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0)
    assert (int(base.optimizer.iterations), int(shared.optimizer.iterations)) == (1, 2)


def test_features_of_a_real_network_are_exposed_without_another_call() -> None:
    """Asks 9 and 19: three stages of ResNet50 beside its own output."""
    base = ARCHITECTURES["ResNet50"]()
    names = ["conv2_block3_out", "conv3_block4_out", "conv4_block6_out"]
    steps = f"- {{op: expose-output, form: list, outputs: [{', '.join(names)}]}}"
    shared = patchspec.apply(base, patch_of(steps), share=True).model
    reference = keras.Model(base.input, [base.output, *(base.get_layer(n).output for n in names)])
    x = image(base)
    for one, other in zip(
        shared.predict(x, verbose=0), reference.predict(x, verbose=0), strict=True
    ):
        assert np.array_equal(one, other)
    assert values(shared).keys() == values(base).keys()
    assert all(len(layer._inbound_nodes) == 1 for layer in base.layers)


@given(case=cases())
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_for_every_graph_both_ways_compute_the_same(case: Any) -> None:
    document, steps = case
    try:
        keras.backend.clear_session()
        base = keras.saving.deserialize_keras_object(copy.deepcopy(document))
    except ValueError as error:
        assert "disconnected" in str(error)
        return
    randomised(base)
    try:
        plan = patchspec.resolve(patch_of(steps), base)
    except PatchError:
        return
    independent = patchspec.build(plan).model
    try:
        shared = patchspec.build(plan, share=True).model
    except PatchError as error:
        assert [problem.code for problem in error.problems] == ["PS512"]
        return
    data = [np.ones([n or 2 for n in x.shape], x.dtype) for x in independent.inputs]
    given_data = keras.tree.pack_sequence_as(independent._inputs_struct, data)
    results = [keras.tree.flatten(one(given_data)) for one in (shared, independent)]
    assert all(np.array_equal(a, b) for a, b in zip(*results, strict=True))
