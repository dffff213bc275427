"""What a probe gives is what Keras computes, and the model is as it was before."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import patchspec
from patchspec.probing.calls import function_of
from patchspec.probing.naming import find_tensors
from patchspec.probing.running import usual_batch
from tests.conftest import SAMPLES
from tests.probing import models
from tests.probing.feeding import codes, computed, feed, standing

MODELS = [models.nested, models.masked, models.chain, models.picture]


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_every_tensor_is_bit_for_bit_what_a_plain_model_over_it_gives(
    make: Callable[[], Any],
) -> None:
    model = make()
    data = feed(model)
    function = function_of(model)
    wanted = [t for t in find_tensors((), model, function) if len(t.call.steps) == 1]
    for tensor in wanted:
        # What is fetched decides what a backend fuses: both fetch this tensor alone.
        [got] = patchspec.probe(model, tensor.key, data).values()
        [value] = computed(model, [tensor.symbol], data)
        assert got.dtype == value.dtype
        assert got.tobytes() == value.tobytes(), tensor.key


@pytest.mark.parametrize("make", [*MODELS, models.stateful], ids=lambda make: make.__name__)
def test_a_model_is_left_as_it_was(make: Callable[[], Any]) -> None:
    model = make()
    data = feed(model)
    before = standing(model)
    patchspec.probe(model, ["**", "**:in"], data)
    assert standing(model) == before
    for layer in model.layers:
        if len(layer._inbound_nodes) == 1:
            assert layer.output is not None


def test_a_model_is_left_as_it_was_where_it_fails() -> None:
    x = keras.Input((3,), name="x")
    y = layers.Dense(3, activation="relu", name="dense")(x)
    model = keras.Model(x, models.Fails(name="fails")(y))
    before = standing(model)
    assert codes(lambda: patchspec.probe(model, ["dense:pre", "fails"], feed(model))) == ["PS945"]
    patchspec.probe(model, ["dense:pre"], feed(model))
    assert standing(model) == before


def test_what_no_wanted_tensor_depends_on_is_not_run() -> None:
    x = keras.Input((3,), name="x")
    inner = keras.Input((3,), name="i")
    y = layers.Dense(3, name="first")(inner)
    inside = keras.Model(inner, models.Fails(name="inner_fails")(y), name="inside")
    model = keras.Model(x, models.Fails(name="fails")(inside(layers.Dense(3, name="dense")(x))))
    got = patchspec.probe(model, ["dense", "inside/first", "inside:in"], feed(model))
    assert list(got) == ["dense", "inside:in", "inside/first"]
    assert codes(lambda: patchspec.probe(model, "inside", feed(model))) == ["PS945"]


def test_each_call_of_a_nested_model_has_values_of_its_own() -> None:
    model = models.nested()
    data = feed(model)
    got = patchspec.probe(model, ["encoder/dense", "encoder/dense:pre", "encoder:in"], data)
    dense = model.get_layer("encoder").get_layer("dense")
    of = {"a": None, "b": None}
    for call in (0, 1):
        [name] = [k for k in of if np.array_equal(got[f"encoder@{call}:in"], data[k])]
        before = data[name] @ np.asarray(dense.kernel) + np.asarray(dense.bias)
        assert got[f"encoder@{call}/dense:pre"] == pytest.approx(before, abs=1e-5)
        assert got[f"encoder@{call}/dense"] == pytest.approx(np.maximum(before, 0), abs=1e-5)
        del of[name]
    assert not of


def test_the_activation_of_what_is_before_it_is_what_the_layer_makes() -> None:
    model = models.picture()
    got = patchspec.probe(model, ["conv:pre", "conv"], feed(model))
    assert (got["conv:pre"] < 0).any()
    assert np.array_equal(np.maximum(got["conv:pre"], 0), got["conv"])


def test_dropout_does_not_drop_and_norms_use_what_they_learned() -> None:
    model = models.nested()
    got = patchspec.probe(model, ["encoder@0/dense", "encoder@0/drop"], feed(model))
    assert np.array_equal(got["encoder@0/dense"], got["encoder@0/drop"])


def test_masks_pass_as_in_the_model() -> None:
    model = models.masked()
    words = np.array([[3, 4, 0, 0, 0, 0], [3, 4, 0, 0, 0, 0]], "int32")
    other = np.array([[3, 4, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8]], "int32")
    one = patchspec.probe(model, "lstm", words)["lstm:0"]
    two = patchspec.probe(model, "lstm", other)["lstm:0"]
    assert np.array_equal(one[0], two[0])
    assert not np.array_equal(two[0], two[1])
    assert np.array_equal(patchspec.probe(model, "lstm:0", other)["lstm:0"], two)


def test_a_stateful_model_runs_in_order_and_keeps_its_state_to_itself() -> None:
    model = models.stateful()
    data = feed(model, 6)["x"]
    got = patchspec.probe(model, (), data)["lstm"]
    assert np.array_equal(patchspec.probe(model, (), data)["lstm"], got)
    theirs = np.concatenate([model.predict_on_batch(data[i : i + 2]) for i in (0, 2, 4)])
    assert np.array_equal(got, theirs)
    assert not np.array_equal(got[2:4], patchspec.probe(models.stateful(), (), data[2:4])["lstm"])


def test_a_fixed_batch_is_filled_up_and_cut() -> None:
    x = keras.Input(batch_shape=(4, 3), name="x")
    model = keras.Model(x, layers.Dense(2, name="dense")(x))
    data = feed(model, 6)["x"]
    got = patchspec.probe(model, "dense", data)["dense"]
    assert got.shape == (6, 2)
    assert np.array_equal(got[:4], model.predict_on_batch(data[:4]))
    padded = np.concatenate([data[4:], data[5:], data[5:]])
    assert np.array_equal(got[4:], model.predict_on_batch(padded)[:2])
    assert codes(lambda: patchspec.probe(model, "dense", data, batch_size=3)) == ["PS942"]
    assert codes(lambda: patchspec.probe(models.chain(), (), data, batch_size=0)) == ["PS942"]


def test_the_dtypes_are_those_of_the_layers_and_bfloat16_comes_as_float32() -> None:
    x = keras.Input((4,), name="x")
    y = layers.Dense(4, name="half", dtype="mixed_float16", activation="relu")(x)
    z = layers.Dense(4, name="brain", dtype="mixed_bfloat16")(y)
    model = keras.Model(x, layers.Dense(2, name="single")(z))
    data = feed(model)
    got = patchspec.probe(model, ["half", "half:pre", "half:in", "brain", "single"], data)
    kinds = {key: value.dtype.name for key, value in got.items()}
    assert kinds == {
        "half:in": "float32",
        "half:pre": "float16",
        "half": "float16",
        "brain": "float32",
        "single": "float32",
    }
    [half, brain] = computed(model, [y, z], data)
    assert np.array_equal(half, got["half"])
    assert np.array_equal(brain.astype("float32"), got["brain"])


def test_a_subclassed_layer_is_one_step() -> None:
    class Block(layers.Layer):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.dense = layers.Dense(3, name="hidden")

        def call(self, x: Any) -> Any:
            return self.dense(x) + 1.0

    x = keras.Input((3,), name="x")
    model = keras.Model(x, Block(name="block")(x))
    assert list(patchspec.probe(model, "**", feed(model))) == ["x", "block"]


def test_an_activation_that_is_called_twice_has_no_one_value_before_it() -> None:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, models.Twice(name="twice")(x))
    assert codes(lambda: patchspec.probe(model, "twice:pre", feed(model))) == ["PS943"]


def test_a_functional_subclass_is_probed_through_its_graph() -> None:
    class Backbone(keras.Model):  # type: ignore[misc]
        def __init__(self, **kwargs: Any) -> None:
            x = keras.Input((3,), name="x")
            super().__init__(x, layers.Dense(2, name="dense")(x), **kwargs)

        def get_config(self) -> dict[str, Any]:
            return {}

    inner = Backbone(name="backbone")
    assert list(patchspec.probe(inner, "dense", feed(inner))) == ["dense"]
    x = keras.Input((3,), name="image")
    model = keras.Model(x, layers.Dense(1, name="head")(inner(x)))
    assert list(patchspec.probe(model, "backbone/dense", feed(model))) == ["backbone/dense"]


def test_a_model_whose_code_alone_knows_its_tensors_is_refused() -> None:
    class Pure(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    class Overriding(keras.Model):  # type: ignore[misc]
        def call(self, x: Any, training: Any = None, mask: Any = None) -> Any:
            return super().call(x) * 2.0

    x = keras.Input((3,))
    other = Overriding(x, layers.Dense(2)(x))
    unbuilt = keras.Sequential([layers.Dense(2)])
    for model in (Pure(), other, unbuilt):
        assert codes(lambda m=model: patchspec.probe(m, (), np.zeros((1, 3)))) == ["PS946"]


def test_a_tensor_without_a_row_for_each_sample_is_refused_if_named_and_else_left_out() -> None:
    x = keras.Input((4,), name="x")
    y = layers.Dense(4, name="dense")(x)
    folded = keras.ops.reshape(y, (-1, 2))
    model = keras.Model(x, keras.ops.sum(folded))
    name = folded._keras_history.operation.name
    assert codes(lambda: patchspec.probe(model, name, feed(model))) == ["PS944"]
    assert list(patchspec.probe(model, (), feed(model))) == ["x", "dense"]
    told = patchspec.probe(model, (), feed(model), stats=True)
    assert name in told.left_out
    assert "left out, since they have no row for each sample" in str(told)


def test_a_tensor_whose_length_changes_from_batch_to_batch_is_refused() -> None:
    x = keras.Input((None, 1), name="x")
    count = keras.ops.cast(keras.ops.max(x), "int32")

    class Cut(layers.Layer):  # type: ignore[misc]
        def call(self, x: Any, n: Any) -> Any:
            return x[:, :n]

        def compute_output_spec(self, x: Any, n: Any) -> Any:
            return keras.KerasTensor((None, None, 1))

    model = keras.Model(x, Cut(name="cut")(x, count))
    data = np.stack([np.full((5, 1), 2.0), np.full((5, 1), 3.0)]).astype("float32")
    assert codes(lambda: patchspec.probe(model, "cut", data, batch_size=1)) == ["PS944"]
    assert patchspec.probe(model, "cut", data, batch_size=2)["cut"].shape == (2, 3, 1)


def test_text_goes_in_and_comes_out(tmp_path: Path) -> None:
    words = keras.Input((1,), dtype="string", name="words")
    table = layers.StringLookup(vocabulary=["a", "b"], name="table")
    model = keras.Model(words, table(words))
    data = np.array([["a"], ["b"], ["a"]])
    got = patchspec.probe(model, (), data)
    assert got["table"].ravel().tolist() == [1, 2, 1]
    assert [bytes(one) for one in got["words"].ravel()] == [b"a", b"b", b"a"]
    assert patchspec.probe(model, (), data, stats=True)["words"].moments is None
    assert patchspec.probe(model, "**", data, out=tmp_path / "w.h5") == tmp_path / "w.h5"
    refused = codes(lambda: patchspec.probe(model, "**", data, out=tmp_path / "w.npz"))
    assert refused == ["PS947"]
    assert [one.name for one in tmp_path.iterdir()] == ["w.h5"]


@pytest.mark.parametrize("name", ["nested", "nested_multi_call", "lstm_state_mask", "composite"])
def test_a_file_is_probed_as_the_model_in_it(name: str) -> None:
    path = SAMPLES / f"{name}.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = keras.saving.load_model(path)
    data = feed(model, 3)
    one, two = patchspec.probe(path, (), data), patchspec.probe(model, (), data)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[key], two[key]) for key in one)


def test_models_that_call_one_another_twice_at_every_level_are_refused_at_once() -> None:
    inner: Any = layers.Dense(2, name="dense")
    for level in range(40):
        x = keras.Input((2,), name=f"x{level}")
        inner = keras.Model(x, inner(inner(x)), name=f"level{level}")
    with pytest.raises(patchspec.PatchError, match="PS952") as caught:
        patchspec.probe(inner, "dense", np.zeros((1, 2)))
    assert [problem.code for problem in caught.value.problems] == ["PS952"]


def test_what_the_model_says_as_it_fails_is_shown_and_not_where_keras_stands() -> None:
    words = keras.Input((2,), dtype="int32", name="words")
    model = keras.Model(words, layers.Embedding(9, 4, name="embedding")(words))
    with pytest.raises(patchspec.PatchError, match=r"PS945 .*99 is not in \[0, 9\)") as caught:
        patchspec.probe(model, (), np.array([[1, 99]]))
    assert "File" not in str(caught.value)


def test_progress_counts_samples() -> None:
    model = models.chain()
    told: list[tuple[int, int]] = []
    data = feed(model, 7)
    patchspec.probe(model, (), data, batch_size=3, progress=lambda *now: told.append(now))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_large_tensors_go_in_fewer_at_once() -> None:
    x = keras.Input((1 << 25,), name="x")
    model = keras.Model(x, layers.Activation("relu", name="y")(x))
    assert usual_batch(find_tensors((), model, model)) == 4
    assert usual_batch(find_tensors((), models.chain(), function_of(models.chain()))) == 32
