"""Layers made with less work are the layers that Keras makes."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.building import scope, shortcuts
from patchspec.building.door import make
from patchspec.graph.edits import plain
from tests.conftest import SAMPLES, patch_of
from tests.zoo import image, zoo

NAMES = ["functional_linear", "nested", "composite", "mha_kwargs", "lstm_state_mask", "seeded"]


def kept(value: Any, depth: int = 0) -> Any:
    """What an object holds, as far as it can be compared: types, numbers and names."""
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(kept(one, depth + 1) for one in value)]
    if depth > 3 or not hasattr(value, "__dict__") or inspect.isroutine(value):
        return type(value).__name__
    skipped = ("_inbound_nodes", "_outbound_nodes", "_unconditional_checkpoint_dependencies")
    held = {k: kept(v, depth + 1) for k, v in vars(value).items() if k not in skipped}
    return type(value).__name__, held


def everything(model: Any) -> list[Any]:
    """Every attribute of every layer, in its order, and what TensorFlow would save of it."""
    return [
        (kept(layer), sorted(getattr(layer, "_trackable_children", dict)()))
        for layer in model._flatten_layers()
    ]


def made(name: str) -> Any:
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    base = patchspec.open_base(SAMPLES / f"{name}.keras")
    document = {**plain(base.document), "compile_config": None}
    return scope.without_values(lambda: make(document, {}))


@pytest.mark.parametrize("name", NAMES)
def test_the_attributes_of_every_layer_are_those_that_keras_sets(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = everything(made(name))
    monkeypatch.setattr(shortcuts, "WAYS", ())
    assert mine == everything(made(name))


@pytest.mark.parametrize(
    "missing",
    [
        lambda patch: patch.setattr(shortcuts, "WAYS", ()),
        lambda patch: patch.setattr(shortcuts, "_module", lambda _: SimpleNamespace()),
        lambda patch: patch.setattr(shortcuts, "_sets_plainly", lambda _: False),
        lambda patch: patch.setattr(scope, "can_wait", lambda: False),
    ],
    ids=["no shortcut", "no module", "other bases", "no waiting"],
)
def test_where_a_private_part_of_keras_is_missing_the_variant_is_the_same(
    missing: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = zoo("MobileNetV3Small")
    plan = patchspec.resolve(patch_of([]), base)
    mine = patchspec.build(plan).model
    missing(monkeypatch)
    theirs = patchspec.build(plan).model
    pairs = zip(mine.get_weights(), theirs.get_weights(), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    x = image(base)
    assert np.array_equal(mine(x), theirs(x))


def test_keras_is_left_as_it_was() -> None:
    before = (keras.Layer.__setattr__, gc.isenabled())

    def fail() -> None:
        assert keras.Layer.__setattr__ is not before[0]
        assert not gc.isenabled()
        raise KeyError

    with pytest.raises(KeyError), shortcuts.no_collection(), shortcuts.shortcuts():
        fail()
    assert before == (keras.Layer.__setattr__, gc.isenabled())


def test_a_property_and_an_attribute_of_the_class_are_set_as_ever() -> None:
    class Odd(keras.layers.Layer):
        given = 3

        @property
        def doubled(self) -> int:
            return self.half * 2

        @doubled.setter
        def doubled(self, value: int) -> None:
            self.half = value // 2

    with shortcuts.shortcuts():
        layer = Odd(name="odd")
        layer.doubled = 8
        layer.given = 3
        layer.inner = None
        layer.inner = keras.layers.Dense(2)
        layer.inner = None
    assert layer.half == 4
    assert "given" not in vars(layer)
    assert layer.inner is None


def test_signatures_are_those_that_inspect_gives() -> None:
    layer = keras.layers.Dense(2)
    for called in (layer.call, keras.layers.Dense.__init__, len, keras.layers.Dense):
        try:
            expected = inspect.signature(called)
        except ValueError:
            continue
        assert shortcuts._signature(called) == expected
    assert shortcuts._specification(layer.call) == inspect.getfullargspec(layer.call)
    init = keras.layers.Dense.__init__
    assert shortcuts._specification(init) == inspect.getfullargspec(init)


def test_a_value_is_a_copy_of_the_base_s() -> None:
    """The variant and its base train apart."""
    x = keras.Input((4,), name="x")
    base = keras.Model(x, keras.layers.Dense(3, name="d")(x))
    before = [np.array(w) for w in base.get_weights()]
    plan = patchspec.resolve(patch_of([]), base)
    view = plan.base.variables["d/vars/0"].read()  # type: ignore[index]
    variant = patchspec.build(plan).model
    variant.layers[1].kernel.assign_add(np.ones((4, 3), "float32"))
    assert all(np.array_equal(a, b) for a, b in zip(before, base.get_weights(), strict=True))
    base.layers[1].kernel.assign(np.zeros((4, 3), "float32"))
    assert np.array_equal(variant.get_weights()[0], before[0] + 1)
    assert np.array_equal(view, before[0])
