"""What a model is compiled with follows its outputs, and `fit` takes what the plan says."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from tests.conftest import patch_of

X = np.ones((4, 3), "float32")
LABELS = {"a": np.ones((4, 2)), "b": np.full((4, 2), 3.0)}


def model(form: str, **compiled: Any) -> Any:
    x = keras.Input((3,), name="x")
    body = L.Dense(4, name="body")(x)
    a, b = L.Dense(2, name="a")(body), L.Dense(2, name="b")(body)
    ends = {"single": a, "list": [a, b], "dict": {"a": a, "b": b}}[form]
    built = keras.Model(x, ends)
    built.compile("sgd", **compiled)
    return built


SINGLE = [{"loss": "mse"}, {"loss": ["mse"], "metrics": ["mae"], "loss_weights": [2.0]}]
SINGLE += [{"loss": {"a": "mse"}, "metrics": {"a": ["mae"]}, "weighted_metrics": ["mse"]}]
MANY = [
    {"loss": "mse"},
    {"loss": ["mse", "mae"], "loss_weights": [1.0, 2.0], "metrics": [["mae"], ["mse"]]},
    {"loss": {"a": "mse", "b": "mae"}, "loss_weights": {"a": 1.0, "b": 2.0}},
    {"loss": {"a": "mse", "b": "mae"}, "metrics": {"a": ["mae"]}},
]
CASES = [("single", said) for said in SINGLE]
CASES += [(form, said) for form, said in itertools.product(("list", "dict"), MANY)]
EXPOSE = {"single": "[body]", "list": "[body]", "dict": "{mid: body}"}


def metrics_of(built: Any, y: Any) -> dict[str, float]:
    return dict(built.evaluate(X, y, verbose=0, return_dict=True))


@pytest.mark.parametrize(("form", "said"), CASES)
def test_an_exposed_output_has_no_loss_and_fit_takes_the_labels_that_it_took(
    form: str, said: dict[str, Any]
) -> None:
    """With `None` beside them where Keras wants a label for each, which the plan then says."""
    base = model(form, **said)
    y: Any = {"single": LABELS["a"], "list": [*LABELS.values()], "dict": LABELS}[form]
    before = metrics_of(base, y)
    variant = patchspec.apply(base, patch_of(f"- {{op: expose-output, outputs: {EXPOSE[form]}}}"))
    codes = [finding.problem.code for finding in variant.findings]
    keyed = form != "single" and isinstance(said.get("metrics"), dict)
    if (form == "dict" and said.get("metrics")) or keyed:
        assert codes == ["PS430"]
        y = {**LABELS, "mid": None} if form == "dict" else [*LABELS.values(), None]
    else:
        assert codes == []
    after = metrics_of(variant.model, y)
    assert after["loss"] == before["loss"]
    named = {key.removeprefix("a_") if form == "single" else key for key in after}
    assert named == set(before)
    assert all(np.isfinite(value) for value in variant.model.fit(X, y, verbose=0).history["loss"])


@pytest.mark.parametrize("said", MANY[1:])
@pytest.mark.parametrize("form", ["list", "dict"])
def test_an_output_that_goes_takes_its_loss_and_the_plan_says_so(
    form: str, said: dict[str, Any]
) -> None:
    base = model(form, **said)
    outputs = "[b]" if form == "list" else "{b: b}"
    variant = patchspec.apply(base, patch_of(f"- {{op: extract, outputs: {outputs}}}"))
    compiled = variant.plan.document["compile_config"]
    assert compiled["loss"] == (["mae"] if form == "list" else {"b": "mae"})
    lost, breaking = (finding.problem for finding in variant.findings)
    assert (lost.code, breaking.code) == ("PS423", "PS430")
    assert "loss of `a`" in lost.message
    y = LABELS["b"]
    expected = float(
        np.mean(np.abs(keras.tree.flatten(variant.model.predict(X, verbose=0))[0] - y))
    )
    weight = 2.0 if "loss_weights" in said else 1.0
    assert metrics_of(variant.model, [y])["loss"] == pytest.approx(weight * expected, rel=1e-5)


def test_outputs_in_another_order_keep_each_its_own_loss() -> None:
    base = model("list", **MANY[1])
    before = metrics_of(base, [*LABELS.values()])
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: [b, a]}"))
    [finding] = variant.findings
    assert finding.problem.code == "PS430"
    assert "`[b, a]`" in finding.problem.message
    after = metrics_of(variant.model, [LABELS["b"], LABELS["a"]])
    assert after == before


def test_an_exposed_output_before_a_trained_one_wants_a_label_in_its_place() -> None:
    base = model("single", loss="mse", metrics=["mae"])
    before = metrics_of(base, LABELS["a"])
    variant = patchspec.apply(base, patch_of("- {op: extract, outputs: [body, a]}"))
    [finding] = variant.findings
    assert "`[None, a]`" in finding.problem.message
    after = metrics_of(variant.model, [None, LABELS["a"]])
    assert (after["loss"], after["a_mae"]) == (before["loss"], before["mae"])


def test_where_no_trained_output_is_left_the_configuration_is_dropped() -> None:
    variant = patchspec.apply(
        model("single", loss="mse"), patch_of("- {op: extract, outputs: body}")
    )
    [finding] = variant.findings
    assert finding.problem.code == "PS423"
    assert not variant.model.compiled


def test_an_output_that_gets_its_own_name_is_the_one_that_it_was() -> None:
    base = model("single", loss="mse")
    steps = "- {op: extract, form: list, outputs: {species: a, features: body}}"
    compiled = patchspec.resolve(patch_of(steps), base).document["compile_config"]
    assert compiled["loss"] == ["mse", None]


def test_a_layer_that_replaces_the_last_one_or_stands_behind_it_takes_its_loss() -> None:
    steps = """
- {op: replace, layers: a, new: {class: Dense, name: a2, config: {units: 2}, weights: init}}
- {op: insert, after: b, new: {class: Softmax, name: probabilities}}
- {op: expose-output, outputs: [body]}
"""
    compiled = patchspec.resolve(patch_of(steps), model("list", **MANY[1])).document
    assert compiled["compile_config"]["loss"] == ["mse", "mae", None]
