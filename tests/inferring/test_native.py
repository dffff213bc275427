"""What is known without Keras is what Keras says, class by class; else nothing is said."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchspec.building.inference import KerasInferrer
from patchspec.inferring.kinds import DeclinedError
from patchspec.inferring.native import NativeLayer, known_layer
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


def facts(layer: Any, said: dict[str, Any]) -> dict[str, Any]:
    """All that a plan may ask of a layer that was called."""
    recorded = [
        {**said, "build_config": {"input_shape": "stale"}},
        {**said, "build_config": layer.entry().get("build_config")},
        said,
    ]
    return {
        "variables": [(v, v.initializer) for v in layer.variables()],
        "carries_masks": layer.carries_masks,
        "build_config": layer.entry().get("build_config"),
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
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
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


REFUSED: dict[str, tuple[dict[str, Any], list[Any]]] = {}


def test_what_keras_refuses_is_not_answered() -> None:
    """`check` has Keras make and call everything that is answered: it raises where that fails."""
    with pytest.raises(PatchError):
        KERAS.layer(entry("Dense", {"units": 0}))
    assert native(entry("Dense", {"units": 0})) is None
