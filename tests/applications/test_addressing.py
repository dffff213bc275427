"""What can be named: calls, outputs, tensors in arguments, bare operations; values are compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.applications.test_asks import outputs, siamese
from tests.conftest import patch_of
from tests.zoo import A, image, randomised, zoo

HALVE = "new: {class: Rescaling, name: half, config: {scale: 0.5}}"


def apply(model: Any, steps: str, **header: Any) -> Any:
    return patchspec.apply(model, patch_of(steps), **header)


def close(mine: Any, theirs: Any) -> bool:
    pairs = zip(keras.tree.flatten(mine), keras.tree.flatten(theirs), strict=True)
    return all(np.allclose(p, q, rtol=1e-5, atol=1e-6) for p, q in pairs)


@pytest.mark.parametrize(
    ("place", "first", "second"),
    [("shared@0", 0.5, 1), ("'shared@1'", 1, 0.5), ("shared", 0.5, 0.5)],
)
def test_one_call_of_a_shared_layer_is_meant_or_all(
    place: str, first: float, second: float
) -> None:
    """B1: by the number of the call; the weights stay shared."""
    model = siamese()
    x = [np.random.default_rng(n).normal(size=(3, 4)).astype("float32") for n in (0, 1)]
    shared = model.get_layer("shared")
    variant = apply(model, f"- {{op: insert, after: {place}, {HALVE}}}").model
    ends = [np.asarray(shared(one)) for one in x]
    assert close(outputs(variant, x), first * ends[0] + second * ends[1])
    assert len(variant.weights) == len(model.weights)


def recurrent() -> Any:
    i = keras.Input((5, 3), name="steps")
    sequence, h, c = L.LSTM(4, return_sequences=True, return_state=True, name="lstm")(i)
    last = L.Dense(2, name="last")(h)
    return randomised(keras.Model(i, [last, L.Dense(2, name="cell")(c), sequence]))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_output_of_a_layer_is_meant_by_its_number(number: int, tmp_path: Path) -> None:
    """B2: the sequence, the hidden state or the cell state of an LSTM, and only its readers."""
    model = recurrent()
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    states = [np.array(one) for one in model.get_layer("lstm")(x)]
    states[number] = states[number] * 0.5
    expected = [
        model.get_layer("last")(states[1]), model.get_layer("cell")(states[2]), states[0]
    ]  # fmt: skip
    place = f"{{layer: lstm, output: {number}}}"
    variant = apply(model, f"- {{op: insert, after: {place}, {HALVE}}}")
    assert close(outputs(variant.model, x), expected)
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert close(outputs(loaded, x), expected)
    exposed = apply(model, f"- {{op: extract, outputs: {{state: 'lstm@0:{number}'}}}}").model
    assert close(outputs(exposed, x)["state"], model.get_layer("lstm")(x)[number])


@keras.saving.register_keras_serializable("patchspec_tests")
class Mixed(L.Layer):
    """Reads tensors by position, by name, in a list, and in a mapping of lists."""

    def call(self, inputs: Any, extra: Any = None, state: Any = None) -> Any:
        one, many = inputs
        return one + 10 * sum(many) + 100 * extra + 1000 * (state["a"][0] + 2 * state["b"]["c"])


SLOTS = {"first": 1, "second": 10, "third": 10, "named": 100, "listed": 1000, "deep": 2000}


def mixed() -> Any:
    i = keras.Input((4,), name="x")
    one, two, three, named, listed, deep = (L.Dense(4, name=name)(i) for name in SLOTS)
    nested = {"a": [listed], "b": {"c": deep}}
    out = Mixed(name="mixed")([one, [two, three]], extra=named, state=nested)
    return randomised(keras.Model(i, out))


@pytest.mark.parametrize("name", SLOTS)
def test_a_tensor_is_reached_wherever_a_call_holds_it(name: str, tmp_path: Path) -> None:
    """B4: in a list, by keyword, in a list in a mapping, and deeper; live and through a file."""
    model = mixed()
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    parts = {n: np.asarray(model.get_layer(n)(x)) * weight for n, weight in SLOTS.items()}
    assert close(outputs(model, x), sum(parts.values()))
    parts[name] = parts[name] * 0.5
    variant = apply(model, f"- {{op: insert, after: {name}, {HALVE}}}")
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    for built in (variant.model, loaded):
        assert np.allclose(outputs(built, x), sum(parts.values()), rtol=1e-4, atol=1e-3)


def test_what_a_layer_reads_by_keyword_is_rewired_by_keyword() -> None:
    """B4: the value of an attention, while its query stays."""
    i = keras.Input((5, 8), name="x")
    a, b, c = (L.Dense(8, name=name)(i) for name in "abc")
    out = L.MultiHeadAttention(2, 4, name="attention")(a, value=b, key=c)
    model = randomised(keras.Model(i, out))
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    variant = apply(
        model, "- {op: rewire, layers: attention, inputs: {value: c}}\n- {op: extract}"
    ).model
    read = {name: model.get_layer(name)(x) for name in "ac"}
    expected = model.get_layer("attention")(read["a"], value=read["c"], key=read["c"])
    assert close(outputs(variant, x), expected)


def sums() -> Any:
    """((x + 2) * 3) through relu, minus a convolution of it: bare operations with constants."""
    i = keras.Input((4,), name="x")
    y = keras.ops.relu((L.Dense(4, name="d")(i) + 2.0) * 3.0)
    return randomised(keras.Model(i, y - L.Dense(4, name="e")(y)))


def test_bare_operations_are_places_to_edit_and_keep_their_constants(tmp_path: Path) -> None:
    """B5: insertion behind one, its removal, its replacement, and reading something else."""
    model = sums()
    classes = {x.class_name: n for n, x in patchspec.open_base(model).graph.layers.items()}
    add, multiply, relu, minus = (classes[n] for n in ("Add", "Multiply", "Relu", "Subtract"))
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    d = np.asarray(model.get_layer("d")(x))
    end: Callable[[Any], Any] = lambda y: y - np.asarray(model.get_layer("e")(y))  # noqa: E731
    edits = {
        "[]": np.maximum((d + 2) * 3, 0),
        f"- {{op: insert, after: {add}, {HALVE}}}": np.maximum((d + 2) / 2 * 3, 0),
        f"- {{op: insert, before: {relu}, {HALVE}}}": np.maximum((d + 2) * 3 / 2, 0),
        f"- {{op: remove, layers: {multiply}}}": np.maximum(d + 2, 0),
        "- {op: remove, layers: {class: Relu}}": (d + 2) * 3,
        f"- {{op: replace, layers: {relu}, new: {{class: Activation, name: t, "
        "config: {activation: tanh}}}": np.tanh((d + 2) * 3),
        f"- {{op: rename, layers: {add}, name: plus_two}}": np.maximum((d + 2) * 3, 0),
    }
    for steps, expected in edits.items():
        variant = apply(model, steps)
        (tmp_path / "v.keras").unlink(missing_ok=True)
        loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
        for built in (variant.model, loaded):
            assert np.allclose(outputs(built, x), end(expected), atol=1e-4), steps
    swapped = apply(
        model, f"- {{op: rewire, layers: {minus}, inputs: {{1: d}}}}\n- {{op: extract}}"
    )
    assert close(outputs(swapped.model, x), np.maximum((d + 2) * 3, 0) - d)


def test_bare_operations_of_a_real_network_are_found_by_their_class() -> None:
    """B5: they are named one by one, as `inspect` lists them."""
    model = zoo("MobileNetV3Small")
    graph = patchspec.open_base(model).graph
    operations = [n for n, x in graph.layers.items() if x.is_operation]
    assert len(operations) > 5
    assert {graph.layers[name].class_name for name in operations} == {"Add", "Multiply"}
    step = f"- {{op: insert, after: [{', '.join(operations)}], new: {{class: Activation, name: "
    variant = apply(model, step + "l_$(target), config: {activation: linear}}}")
    assert len(variant.plan.layers.added) == len(operations)
    x = image(model)
    assert np.array_equal(outputs(variant.model, x), outputs(model, x))


def normalised(document: Any, names: list[str]) -> Any:
    """A document in which each of the names, where it is a value, is its place in the list."""
    places = {name: f"#{place}" for place, name in enumerate(names)}
    if isinstance(document, dict):
        return {key: normalised(value, names) for key, value in document.items()}
    if isinstance(document, list):
        return [normalised(v, names) for v in document]
    return places.get(document, document) if isinstance(document, str) else document


def test_a_patch_that_names_by_class_and_place_fits_a_model_built_again() -> None:
    """B6, T72: the variants of both are one config but for the names that Keras made up."""
    keras.backend.clear_session()
    first, second = (A.InceptionV3(weights=None, input_shape=(75, 75, 3)) for _ in range(2))
    steps = (
        "- {op: insert, after: {class: Conv2D, nth: 4}, "
        "new: {class: Dropout, name: drop, config: {rate: 0.5}}}\n"
        "- {op: freeze, layers: {class: BatchNormalization, first: 3}}\n"
        "- {op: remove, layers: {class: Activation, nth: [7, 30]}}\n"
        "- {op: set, layers: {class: AveragePooling2D, last: 1}, config: {pool_size: 3}}"
    )
    made = []
    for model in (first, second):
        plan = patchspec.resolve(patch_of(steps), model, shapes=False)
        document = {key: plan.document["config"][key] for key in
                    ("layers", "input_layers", "output_layers")}  # fmt: skip
        names = [layer.name for layer in model.layers]
        made.append((names, normalised(document, [*names, "drop"])))
    (names, one), (others, other) = made
    assert sum(a != b for a, b in zip(names, others, strict=True)) > 200
    assert one == other
    named = f"- {{op: freeze, layers: {names[50]}}}"
    with pytest.raises(PatchError):
        patchspec.resolve(patch_of(named), second, shapes=False)
