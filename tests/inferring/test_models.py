"""A nested model of known layers is known too; else Keras is asked about the whole of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import pytest

from patchspec.building.inference import KerasInferrer
from patchspec.building.live import resolve_with_keras
from patchspec.graph.tensors import Spec
from patchspec.inferring.kinds import DeclinedError
from patchspec.inferring.models import native
from patchspec.inferring.resolving import resolve_lightly
from patchspec.models.base import Base
from patchspec.planning.shapes import InferredLayer
from patchspec.review.plans import plan_json
from tests.conftest import patch_of
from tests.inferring.test_native import INTEGER, facts
from tests.zoo import ARCHITECTURES

L = keras.layers
IMAGE = (8, 8, 3)


def branched() -> Any:
    x = keras.Input(IMAGE, name="i")
    # The graph order of Keras is not the one in which these are made.
    side = L.Conv2D(4, 3, name="b")(x)
    main = L.BatchNormalization(name="n")(L.Conv2D(4, 3, name="a")(x))
    y = keras.ops.relu(side * 2.0 + main)
    twice = L.Dense(4, name="twice")
    return keras.Model(x, [twice(y), twice(L.Dropout(0.1, name="d")(y))], name="m")


def two_inputs() -> Any:
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y", dtype="float16")
    return keras.Model([x, y], L.Add(name="s")([x, y]), name="m")


def chain() -> Any:
    layers = [keras.Input(IMAGE), L.Conv2D(4, 3, name="c"), L.BatchNormalization(name="n")]
    model = keras.Sequential(layers, name="m")
    model.layers[0].trainable = False
    return model


def deep() -> Any:
    x = keras.Input(IMAGE, name="x")
    return keras.Model(x, L.Flatten(name="f")(chain()(x)), name="m")


MODELS: Mapping[str, Callable[[], Any]] = {
    "branched": branched,
    "two inputs": two_inputs,
    "chain": chain,
    "deep": deep,
    **{name: ARCHITECTURES[name] for name in ("MobileNetV2", "EfficientNetB0")},
}


def entry_of(model: Any) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    return {**said, "name": model.name}


def arguments(model: Any) -> list[Any]:
    specs = [Spec(tuple(t.shape), t.dtype) for t in model.inputs]
    return specs if len(specs) == 1 else [specs]


def known(entry: dict[str, Any]) -> InferredLayer:
    found = native(entry, INTEGER)
    assert found is not None
    return found


@pytest.mark.parametrize("name", MODELS)
def test_a_nested_model_is_answered_as_keras_answers(name: str) -> None:
    model = MODELS[name]()
    entry, args = entry_of(model), arguments(model)
    mine, theirs = known(entry), KerasInferrer().layer(entry)
    for kwargs in ({}, {"mask": None}, {"training": False}):
        assert mine.call(args, kwargs) == theirs.call(args, kwargs)
    assert facts(mine, entry) == facts(theirs, entry)


def test_other_inputs_are_left_to_keras() -> None:
    mine = known(entry_of(branched()))
    for spec in (Spec((2, *IMAGE), "float32"), Spec((None, *IMAGE), "float16")):
        with pytest.raises(DeclinedError):
            mine.call([spec], {})


def masked() -> Any:
    x = keras.Input((4, 3), name="x")
    return keras.Model(x, L.LSTM(2, name="l")(L.Masking(name="mask")(x)), name="m")


def partly_unknown() -> Any:
    x = keras.Input((4, 3), name="x")
    return keras.Model(x, L.TimeDistributed(L.Dense(2), name="t")(x), name="m")


@pytest.mark.parametrize("make", [masked, partly_unknown])
def test_a_model_with_layers_that_are_not_known_is_left_to_keras(make: Callable[[], Any]) -> None:
    assert native(entry_of(make()), INTEGER) is None


def test_a_model_that_is_not_whole_is_left_to_keras() -> None:
    entry = entry_of(branched())
    entry["config"]["layers"] = entry["config"]["layers"][:-1]
    assert native(entry, INTEGER) is None
    double = entry_of(branched())
    double["config"]["layers"].append(double["config"]["layers"][1])
    assert native(double, INTEGER) is None


def test_a_patch_inside_a_nested_model_asks_keras_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = branched()
    x = keras.Input(IMAGE, name="x")
    document = entry_of(keras.Model(x, L.Dense(2, name="head")(inner(x)[0]), name="whole"))
    patch = patch_of(
        "- {op: insert, after: m/n, new: {class: Dropout, name: new, config: {rate: 0.2}}}"
    )
    wanted = plan_json(resolve_with_keras(patch, Base(document)), with_config=True)
    monkeypatch.setattr(KerasInferrer, "layer", None)
    assert plan_json(resolve_lightly(patch, Base(document)), with_config=True) == wanted
