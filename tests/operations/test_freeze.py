"""freeze: trainable is false on every leaf, inside nested models and wrappers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.opening import open_base
from tests import configs
from tests.conftest import patch_of


def test_a_leaf_is_frozen_once(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: freeze, layers: a}")
    assert plan.graph.layers["a"].config["trainable"] is False
    assert plan.graph.layers["b"].config["trainable"] is True
    again = lowers(plan.document, "- {op: freeze, layers: a}")
    assert again.is_identity


def test_input_layers_are_passed_over_but_not_alone(lowers: Any, refuses: Any) -> None:
    assert lowers(configs.chain("a"), '- {op: freeze, layers: "**"}').layers.changed == ("a",)
    assert refuses(configs.chain("a"), "- {op: freeze, layers: x}") == [("PS416", 3)]


def test_normalization_can_be_left(lowers: Any) -> None:
    norm = configs.layer("BatchNormalization", "norm", [configs.node(configs.tensor("a"))])
    document = configs.model([configs.entrance(), configs.dense("a", "x"), norm], ["norm", 0, 0])
    assert lowers(document, '- {op: freeze, layers: "*", batchnorm: leave}').layers.changed == (
        "a",
    )


def test_every_leaf_inside_is_frozen(lowers: Any, sample: Any) -> None:
    for name, layers in (("nested", "[inner, seqblock]"), ("composite", "[bi, td]")):
        plan = lowers(dict(open_base(sample(name)).document), f"- {{op: freeze, layers: {layers}}}")
        for layer in (plan.graph.layers[n] for n in layers.strip("[]").split(", ")):
            flags = [config["trainable"] for _, config in layer.leaves()]
            assert flags
            assert not any(flags)


def test_frozen_layers_stay_frozen_through_a_file_and_fit(
    builds: Any, sample: Any, tmp_path: Any
) -> None:
    variant = builds(str(sample("nested")), '- {op: freeze, layers: "inner/**"}')
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert len(loaded.trainable_variables) == len(variant.model.trainable_variables)
    inner = loaded.get_layer("inner")
    assert not inner.trainable_variables


def test_attention_cannot_be_frozen_in_a_config_and_is_refused(sample: Any) -> None:

    with pytest.raises(patchspec.PatchError) as caught:
        patchspec.apply(str(sample("mha_kwargs")), patch_of("- {op: freeze, layers: mha}"))
    assert [p.code for p in caught.value.problems] == ["PS418"]


def test_only_trainable_false_stops_the_statistics_of_a_normalization(builds: Any) -> None:
    x = keras.Input((4,), name="x")
    norm = keras.layers.BatchNormalization(name="norm")(x)
    model = keras.Model(x, keras.layers.Dense(1, name="d")(norm))
    data = np.random.default_rng(0).normal(5, 1, (32, 4)).astype("float32")
    moved = {}
    for steps in ("[]", "- {op: freeze, layers: norm}"):
        variant = builds(model, steps if steps != "[]" else []).model
        variant.compile("sgd", "mse")
        variant.fit(data, data[:, :1], verbose=0)
        mean = keras.ops.convert_to_numpy(variant.get_layer("norm").moving_mean)
        moved[steps] = bool(np.any(mean != 0))
    assert list(moved.values()) == [True, False]
