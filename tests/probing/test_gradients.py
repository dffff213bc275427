"""Gradients with regard to tensors inside a model and to its weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import patchspec
from patchspec.probing import backends
from tests.probing import models
from tests.probing.feeding import codes, feed, standing


def linear() -> Any:
    """Two dense layers whose gradients are known."""
    x = keras.Input((3,), name="x")
    y = layers.Dense(4, activation="relu", name="hidden")(x)
    return keras.Model(x, layers.Dense(2, name="out")(y), name="linear")


def test_gradients_are_those_of_the_sum_of_the_output() -> None:
    model = linear()
    data = feed(model, 7)["x"]
    got = patchspec.probe(
        model, ["x", "hidden", "hidden:pre", "out"], data, grad="$output", weights="*", batch_size=3
    )
    hidden, out = model.get_layer("hidden"), model.get_layer("out")
    by_hidden = np.ones((7, 2)) @ np.asarray(out.kernel).T
    by_pre = by_hidden * (got["hidden:pre"] > 0)
    expected = {
        "gradient/out": np.ones((7, 2)),
        "gradient/hidden": by_hidden,
        "gradient/hidden:pre": by_pre,
        "gradient/x": by_pre @ np.asarray(hidden.kernel).T,
        "gradient/weights/hidden/vars/0": data.T @ by_pre,
        "gradient/weights/hidden/vars/1": by_pre.sum(axis=0),
        "gradient/weights/out/vars/0": got["hidden"].T @ np.ones((7, 2)),
        "gradient/weights/out/vars/1": np.full(2, 7.0),
    }
    assert {key for key in got if key.startswith("gradient/")} == expected.keys()
    for key, value in expected.items():
        assert got[key] == pytest.approx(value, abs=1e-5), key
    assert np.array_equal(got["weights/hidden/vars/0"], np.asarray(hidden.kernel))


def test_what_a_layer_reads_has_the_gradient_that_comes_through_this_layer_alone() -> None:
    x = keras.Input((3,), name="x")
    a, b = layers.Rescaling(2.0, name="a")(x), layers.Rescaling(5.0, name="b")(x)
    model = keras.Model(x, layers.Add(name="sum")([a, b]))
    got = patchspec.probe(model, ["x", "a:in", "b:in"], feed(model), grad="sum")
    means = {key: float(got[f"gradient/{key}"].mean()) for key in ("x", "a:in", "b:in")}
    assert means == {"x": 7.0, "a:in": 2.0, "b:in": 5.0}


def test_what_the_output_does_not_depend_on_has_a_gradient_of_zeros_and_integers_none() -> None:
    words = keras.Input((2,), dtype="int32", name="words")
    y = layers.Flatten(name="flat")(layers.Embedding(9, 3, name="embedding")(words))
    one, two = layers.Dense(1, name="one")(y), layers.Dense(1, name="two")(y)
    model = keras.Model(words, [one, two])
    got = patchspec.probe(model, ["words", "flat", "two"], feed(model), grad="one", weights="*")
    assert "gradient/words" not in got
    assert not got["gradient/two"].any()
    assert not got["gradient/weights/two/vars/0"].any()
    assert got["gradient/flat"].any()
    table = got["gradient/weights/embedding/vars/0"]
    used = set(got["words"].ravel().tolist())
    assert {int(row) for row in np.flatnonzero(table.any(axis=1))} == used


def test_frozen_weights_have_a_gradient_and_stay_frozen() -> None:
    model = linear()
    model.get_layer("hidden").trainable = False
    before = standing(model)
    got = patchspec.probe(model, (), feed(model), grad="$output", weights="hidden")
    assert got["gradient/weights/hidden/vars/0"].any()
    assert standing(model) == before


def test_a_loss_is_that_of_the_compiled_model_summed_over_the_samples() -> None:
    model = linear()
    model.compile("sgd", "mse")
    data = feed(model, 8)["x"]
    labels = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
    before = standing(model)
    got = patchspec.probe(
        model, "out", data, grad="loss", labels=labels, weights="out", batch_size=3
    )
    assert standing(model) == before
    apart = got["out"] - labels
    assert got["gradient/out"] == pytest.approx(apart, abs=1e-6)
    hidden = patchspec.probe(model, "hidden", data)["hidden"]
    assert got["gradient/weights/out/vars/0"] == pytest.approx(hidden.T @ apart, abs=1e-5)


def test_labels_of_several_outputs_go_by_name() -> None:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, {"p": layers.Dense(1, name="p")(x), "q": layers.Dense(2, name="q")(x)})
    model.compile("sgd", {"p": "mse", "q": "mae"})
    labels = {"q": np.zeros((4, 2)), "p": np.zeros((4, 1))}
    got = patchspec.probe(model, ["p", "q"], feed(model, 4), grad="loss", labels=labels)
    assert got["gradient/p"] == pytest.approx(2 * got["p"], abs=1e-6)
    assert got["gradient/q"] == pytest.approx(np.sign(got["q"]) / 2, abs=1e-6)


def test_a_loss_without_labels_or_a_compiled_model_is_refused() -> None:
    model = linear()
    data, labels = feed(model), np.zeros((5, 2))
    assert codes(lambda: patchspec.probe(model, (), data, grad="loss", labels=labels)) == ["PS951"]
    assert codes(lambda: patchspec.probe(model, (), data, labels=labels)) == ["PS951"]
    model.compile("sgd", "mse")
    assert codes(lambda: patchspec.probe(model, (), data, grad="loss")) == ["PS951"]
    short = labels[:3]
    assert codes(lambda: patchspec.probe(model, (), data, grad="loss", labels=short)) == ["PS951"]


def test_a_loss_is_not_taken_of_a_batch_that_was_filled_up() -> None:
    x = keras.Input(batch_shape=(2, 3), name="x")
    model = keras.Model(x, layers.Dense(1, name="d")(x))
    model.compile("sgd", "mse")
    data, labels = np.ones((3, 3)), np.zeros((3, 1))
    assert codes(lambda: patchspec.probe(model, (), data, grad="loss", labels=labels)) == ["PS942"]
    got = patchspec.probe(model, (), data, grad="d", weights="d")
    assert got["gradient/weights/d/vars/1"].tolist() == [3.0]


def test_integers_have_no_gradient() -> None:
    model = models.masked()
    assert codes(lambda: patchspec.probe(model, (), feed(model), grad="$input")) == ["PS950"]


def test_a_backend_without_gradients_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_BACKENDS", {})
    model = linear()
    assert codes(lambda: patchspec.probe(model, (), feed(model), grad="out")) == ["PS950"]


def test_a_layer_that_calls_its_activation_twice_is_refused_here_too() -> None:
    x = keras.Input((3,), name="x")
    model = keras.Model(x, models.Twice(name="twice")(x))
    assert codes(lambda: patchspec.probe(model, "twice:pre", feed(model), grad="twice")) == [
        "PS943"
    ]


def test_layers_without_weights_are_refused_where_weights_are_wanted() -> None:
    model = models.picture()
    assert codes(lambda: patchspec.probe(model, weights="pool")) == ["PS303"]
    assert codes(lambda: patchspec.probe(model, weights="nowhere")) == ["PS301"]


def test_weights_alone_need_no_data_and_come_by_the_path_of_the_variable() -> None:
    model = models.nested()
    got = patchspec.probe(model, weights="encoder")
    assert list(got) == ["weights/encoder/dense/vars/0", "weights/encoder/dense/vars/1"]
    assert patchspec.probe(model, weights={"class": "Dense"}).keys() > got.keys()


def test_masks_and_states_pass_where_gradients_are_taken() -> None:
    model = models.masked()
    data = feed(model)
    plain = patchspec.probe(model, (), data)
    told = patchspec.probe(model, (), data, grad="$output")
    for key, value in plain.items():
        assert told[key] == pytest.approx(value, abs=1e-6), key
    padding = data["words"] == 0
    padding &= np.cumprod(padding[:, ::-1], axis=1)[:, ::-1].astype(bool)
    assert not told["gradient/both"][padding].any()


def test_the_norm_of_a_gradient_stands_beside_the_tensor() -> None:
    model = linear()
    told = patchspec.probe(model, (), feed(model, 4), grad="out", weights="out", stats=True)
    assert told["out"].gradient.norm == pytest.approx(np.sqrt(8))
    assert told["weights/out/vars/1"].gradient.norm == pytest.approx(np.sqrt(2) * 4)
    head = next(line for line in str(told).splitlines() if line.startswith("tensor"))
    assert head.split()[-1] == "gradient"


SCRIPT = """
import sys, numpy as np, patchspec
data = dict(np.load(sys.argv[2]))
patchspec.probe(sys.argv[1], ["**", "**:in", "out:pre", "encoder/dense:pre"], data, grad="out:pre",
                weights="**", out=sys.argv[3], batch_size=3)
"""


def test_another_backend_gives_the_same_values_and_gradients(tmp_path: Path) -> None:
    pytest.importorskip("jax")
    model = models.nested()
    model.save(tmp_path / "m.keras")
    np.savez(tmp_path / "d.npz", **feed(model))
    said = [sys.executable, "-c", SCRIPT, "m.keras", "d.npz", "jax.npz"]
    done = subprocess.run(
        said, cwd=tmp_path, check=False, capture_output=True, text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    mine = patchspec.probe(
        tmp_path / "m.keras", ["**", "**:in", "out:pre", "encoder/dense:pre"], tmp_path / "d.npz",
        grad="out:pre", weights="**",
    )  # fmt: skip
    with np.load(tmp_path / "jax.npz") as theirs:
        assert set(theirs.files) == set(mine)
        for key, value in mine.items():
            assert theirs[key] == pytest.approx(value, abs=1e-4), key
