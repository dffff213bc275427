"""unfreeze: the matched leaves train, every other keeps its own effective state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from tests import configs


def normed() -> Any:
    norm = configs.layer("BatchNormalization", "norm", [configs.node(configs.tensor("a"))])
    return configs.model([configs.entrance(), configs.dense("a", "x"), norm], ["norm", 0, 0])


def flags(plan: Any) -> dict[str, bool]:
    return {n: x.config["trainable"] for n, x in plan.graph.layers.items() if not x.is_input}


def test_normalization_must_be_told(refuses: Any, lowers: Any) -> None:
    """A28: unfreezing without a word on it is refused."""
    assert refuses(normed(), '- {op: unfreeze, layers: "**"}') == [("PS417", 3)]
    frozen = lowers(normed(), '- {op: freeze, layers: "**"}').document
    left = lowers(frozen, '- {op: unfreeze, layers: "**", batchnorm: leave}')
    assert flags(left) == {"a": True, "norm": False}
    included = lowers(frozen, '- {op: unfreeze, layers: "**", batchnorm: include}')
    assert flags(included) == {"a": True, "norm": True}


def test_a_false_of_the_model_is_lifted_and_the_other_leaves_get_it(lowers: Any) -> None:
    document = configs.chain("a", "b", "c")
    document["config"]["trainable"] = False
    plan = lowers(document, "- {op: unfreeze, layers: b}")
    assert plan.document["config"]["trainable"] is True
    assert flags(plan) == {"a": False, "b": True, "c": False}


def test_a_parent_that_says_true_does_not_hide_frozen_children(builds: Any) -> None:
    """T40: `trainable = True` where it is True already reaches no child."""
    inner_in = keras.Input((4,), name="i")
    inner = keras.Model(inner_in, keras.layers.Dense(4, name="deep")(inner_in), name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="head")(inner(x)))
    inner.get_layer("deep").trainable = False
    assert inner.trainable
    variant = builds(model, "- {op: unfreeze, layers: inner}")
    assert len(variant.model.trainable_variables) == 4
    assert len(model.trainable_variables) == 2


def test_what_trains_is_counted_live_and_from_a_file(builds: Any, tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    y = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(4, name="a")(x))
    model = keras.Model(x, keras.layers.Dense(1, name="head")(y))
    for name in ("a", "norm"):
        model.get_layer(name).trainable = False
    model.save(tmp_path / "m.keras")
    step = "- {op: unfreeze, layers: [a, norm], batchnorm: include}"
    for base in (model, tmp_path / "m.keras"):
        assert builds(base, "[]").plan.parameters["after"]["trainable"] == 5
        assert builds(base, step).plan.parameters["after"]["trainable"] == 5 + 20 + 8
