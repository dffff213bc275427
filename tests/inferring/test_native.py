"""What is known without Keras is what Keras says, class by class; else nothing is said."""

from __future__ import annotations

import json
from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchspec.building.inference import KerasInferrer
from patchspec.graph.tensors import Spec
from patchspec.inferring.kinds import DeclinedError
from patchspec.inferring.light import LightInferrer
from patchspec.inferring.native import NativeLayer, known_layer
from patchspec.inferring.operations import OPERATIONS
from patchspec.inferring.registry import KINDS
from patchspec.planning.refreshing import _derived
from patchspec.problems import PatchError
from tests.inferring.entries import calls, entries, entry, ordinary

KERAS = KerasInferrer()
INTEGER = keras.backend.standardize_dtype("int")

Call = tuple[list[Any], dict[str, Any]]


def native(said: dict[str, Any]) -> NativeLayer | None:
    found = known_layer(said)
    return None if found is None else NativeLayer(found, INTEGER)


def settled(initializer: Any, said: dict[str, Any]) -> Any:
    """An initializer without the seed that some layers draw anew each time they are made."""
    own = said["config"].get("kernel_initializer") or {}
    if own.get("config", {}).get("seed", 0) is None and "input_axes" in (initializer or {}).get(
        "config", {}
    ):
        return {**initializer, "config": {**initializer["config"], "seed": None}}
    return initializer


def facts(layer: Any, said: dict[str, Any]) -> dict[str, Any]:
    """All that a plan may ask of a layer that was called."""
    recorded = [
        {**said, "build_config": {"input_shape": "stale"}},
        {**said, "build_config": layer.entry().get("build_config")},
        said,
    ]
    return {
        "variables": [(v, settled(v.initializer, said)) for v in layer.variables()],
        "carries_masks": layer.carries_masks,
        "build_config": json.dumps(layer.entry().get("build_config")),
        "edits": [list(_derived(one, layer.entry(), ())) for one in recorded],
    }


def check(said: dict[str, Any], made: list[Call]) -> int:
    """How many of the calls are answered; each as Keras does."""
    mine = native(said)
    if mine is None:
        return 0
    theirs = KERAS.layer(said)
    assert mine.carries_masks == theirs.carries_masks
    for answered, call in enumerate(made):
        try:
            found = mine.call(*call)
        except DeclinedError:
            return answered
        assert found == theirs.call(*call)
        assert facts(mine, said) == facts(theirs, said)
    return len(made)


@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_answered_is_what_keras_answers(name: str, data: st.DataObject) -> None:
    made = data.draw(st.lists(calls(name), min_size=1, max_size=2))
    check(data.draw(entries(name)), made)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(KINDS))
@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_answered_is_what_keras_answers_at_length(
    name: str, data: st.DataObject
) -> None:
    made = data.draw(st.lists(calls(name), min_size=1, max_size=3))
    check(data.draw(entries(name)), made)


def operation(module: str, name: str) -> dict[str, Any]:
    head = {"module": module, "class_name": name, "registered_name": name, "name": "it"}
    return {**head, "config": {"name": "it"}}


@st.composite
def operands(draw: st.DrawFn, count: int) -> list[Any]:
    size = st.sampled_from([None, 1, 1, 2, 3])
    dtype = draw(st.sampled_from(["float32", "float32", "float16", "int32", "bool"]))
    shape = tuple(draw(st.lists(size, max_size=3)))
    others = [st.just(shape), st.lists(size, max_size=3).map(tuple)]
    spec = st.builds(Spec, st.one_of(*others), st.sampled_from([dtype, dtype, "float32"]))
    one = st.one_of(spec, spec, spec, st.sampled_from([2, 0.5, -1, True]))
    found = draw(st.lists(one, min_size=count, max_size=count))
    return found if any(isinstance(o, Spec) for o in found) else [Spec(shape, dtype), *found[1:]]


@pytest.mark.parametrize("named", sorted(OPERATIONS))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_operations_are_answered_as_keras_answers(
    named: tuple[str, str], data: st.DataObject
) -> None:
    count = OPERATIONS[named].operands
    made = data.draw(st.lists(operands(count).map(lambda o: (o, {})), min_size=1, max_size=2))
    check(operation(*named), made)
    spec = Spec((None, 3), "float32")
    assert check(operation(*named), [([spec] * count, {})]) == 1


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("dtype", ["float32", "mixed_float16", "bfloat16"])
@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_ordinary_is_answered(name: str, dtype: str, data_format: str) -> None:
    """Declining everything would be right, and slow."""
    dims = {"dims": [2, 1]} if name == "Permute" else {}
    groups = {"groups": 4} if name == "GroupNormalization" else {}
    for trainable in (True, False):
        said = entry(
            name, {**dims, **groups}, dtype=dtype, trainable=trainable, data_format=data_format
        )
        assert check(said, [(ordinary(name), {}), (ordinary(name), {"training": False})]) == 2


REFUSED = [
    ("Dense", {"units": 0}),
    ("Dense", {"activation": "nothing"}),
    ("Conv2D", {"strides": [2, 2], "dilation_rate": [2, 2]}),
    ("Conv1D", {"filters": 3, "groups": 2}),
    ("Conv2DTranspose", {"strides": [2, 2], "output_padding": [2, 2]}),
    ("Dropout", {"rate": 2}),
    ("Reshape", {"target_shape": [-1, -1]}),
    ("Permute", {"dims": [1, 3]}),
    ("Embedding", {"input_dim": True}),
    ("LayerNormalization", {"axis": None}),
    ("MaxPooling2D", {"pool_size": [1, 2, 3]}),
]


@pytest.mark.parametrize(("name", "config"), REFUSED)
def test_what_keras_refuses_is_not_answered(name: str, config: dict[str, Any]) -> None:
    said = entry(name, config)
    with pytest.raises(PatchError):
        KERAS.layer(said)
    assert native(said) is None


ODD = [
    {"registered_name": "own>Dense"},
    {"module": "own.layers"},
    {"module": None},
    {"config": {**entry("Dense", {})["config"], "lora_rank": 2}},
    {"config": {**entry("Dense", {})["config"], "activation": {"class_name": "function"}}},
    {"config": {**entry("Dense", {})["config"], "dtype": "int8_from_float32"}},
    {"config": {**entry("Dense", {})["config"], "dtype": None}},
    {"config": {**entry("Dense", {})["config"], "unknown": None}},
]


@pytest.mark.parametrize("odd", ODD)
def test_what_is_out_of_the_ordinary_is_left_to_keras(odd: dict[str, Any]) -> None:
    assert native(entry("Dense", {})) is not None
    assert native({**entry("Dense", {}), **odd}) is None


def test_a_call_that_is_left_to_keras_finds_the_layer_as_it_was_called_before() -> None:
    """A layer that two calls share is built by the first."""
    light = LightInferrer(lambda: KERAS)
    said = entry("Dense", {})
    made, theirs = light.layer(said), KERAS.layer(said)
    for shape in ((None, 4), (None, 8, 4), (2, 4)):
        spec = Spec(shape, "float32")
        assert made.call([spec], {}) == theirs.call([spec], {})
        assert facts(made, said) == facts(theirs, said)
    with pytest.raises(PatchError) as mine:
        made.call([Spec((None, 5), "float32")], {})
    with pytest.raises(PatchError) as keras_s:
        theirs.call([Spec((None, 5), "float32")], {})
    assert mine.value.problems == keras_s.value.problems
