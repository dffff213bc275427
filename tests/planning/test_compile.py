"""`compile`: what becomes of the compile configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from tests.conftest import patch_of

RENAME = "- {op: rename, layers: head, name: species}"
EXTRACT = "- {op: extract, outputs: body}"
EXPOSE = "- {op: expose-output, outputs: {mid: body}}"


def model(**compiled: Any) -> Any:
    i = keras.Input((4,), name="x")
    built = keras.Model(i, L.Dense(3, name="head")(L.Dense(5, name="body")(i)))
    if compiled:
        built.compile(**compiled)
    return built


def trained() -> Any:
    return model(optimizer="adam", loss={"head": "mse"}, metrics={"head": ["mae"]})


def config(steps: str, base: Any, said: Any) -> Any:
    return patchspec.resolve(patch_of(steps, compile=said), base).document["compile_config"]


def refused(steps: str, base: Any, said: Any) -> tuple[str, Any, int]:
    with pytest.raises(PatchError) as caught:
        patchspec.apply(base, patch_of(steps, compile=said))
    [problem] = caught.value.problems
    return problem.code, problem.at, problem.span.line if problem.span else 0


def test_keep_carries_it_under_the_names_that_the_outputs_have_afterwards() -> None:
    variant = patchspec.apply(trained(), patch_of(RENAME, compile="keep"))
    assert variant.plan.document["compile_config"]["loss"] == {"species": "mse"}
    x, y = np.ones((4, 4)), np.ones((4, 3))
    assert variant.model.evaluate(x, y, verbose=0, return_dict=True)["loss"] > 0


def test_keep_is_refused_where_it_cannot_fit() -> None:
    assert refused(EXTRACT, trained(), "keep")[:2] == ("PS429", ("compile",))
    assert refused(RENAME, model(), "keep")[:2] == ("PS429", ("compile",))


def test_drop_drops_it_without_a_finding() -> None:
    plan = patchspec.resolve(patch_of("[]", compile="drop"), trained())
    assert plan.document["compile_config"] == {}
    assert not plan.findings
    assert not patchspec.build(plan).model.compiled


def test_what_is_given_takes_the_place_of_what_was_and_the_rest_stays(tmp_path: Path) -> None:
    said = {"optimizer": {"class": "SGD", "config": {"learning_rate": 0.5, "momentum": 0.9}}}
    variant = patchspec.apply(trained(), patch_of(RENAME, compile=said))
    optimizer = variant.model.optimizer
    assert (type(optimizer).__name__, float(optimizer.learning_rate)) == ("SGD", 0.5)
    assert variant.plan.document["compile_config"]["loss"] == {"species": "mse"}
    variant.save(tmp_path / "v.keras")
    loaded = keras.models.load_model(tmp_path / "v.keras")
    assert type(loaded.optimizer).__name__ == "SGD"
    assert loaded.optimizer.momentum == 0.9


def test_a_schedule_is_an_object_in_the_optimizer() -> None:
    schedule = {
        "class": "ExponentialDecay",
        "config": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5},
    }
    said = {"optimizer": {"class": "Adam", "config": {"learning_rate": schedule}}, "loss": "mse"}
    variant = patchspec.apply(model(), patch_of("[]", compile=said))
    kind = keras.optimizers.schedules.ExponentialDecay
    assert isinstance(variant.model.optimizer._learning_rate, kind)


def test_a_base_that_is_not_compiled_needs_an_optimizer_and_a_loss() -> None:
    assert refused("[]", model(), {"loss": "mse"})[:2] == ("PS429", ("compile",))
    said = {"optimizer": "adam", "loss": "mse", "metrics": ["mae"]}
    assert patchspec.apply(model(), patch_of("[]", compile=said)).model.compiled


def test_a_loss_for_new_outputs_makes_it_fit_and_says_what_is_lost() -> None:
    said = {"loss": {"class": "Huber", "config": {"delta": 2.0}}}
    variant = patchspec.apply(trained(), patch_of(EXTRACT + "\n", compile=said))
    assert [f.problem.code for f in variant.plan.findings] == ["PS423"]
    assert "metrics" in variant.plan.findings[0].problem.message
    assert variant.model.compiled


def test_what_is_given_for_a_new_output_leaves_what_others_have() -> None:
    said = {"loss": {"head": "mse", "mid": {"class": "Huber", "config": {"delta": 2.0}}}}
    compiled = config(EXPOSE, trained(), said)
    assert compiled["loss"].keys() == {"head", "mid"}
    assert compiled["metrics"] == [["mae"], None]


def test_what_is_given_beside_a_loss_that_stays_leaves_what_fit_must_be_told() -> None:
    base = model(optimizer="adam", loss="mse", metrics=["mae"])
    steps = "- {op: extract, outputs: [body, head]}"
    plan = patchspec.resolve(patch_of(steps, compile={"optimizer": "sgd"}), base)
    assert [f.problem.code for f in plan.findings] == ["PS430"]


def test_an_output_that_is_not_there_is_refused_at_its_key() -> None:
    said = {"loss": {"hed": "mse"}}
    assert refused("[]", trained(), said) == ("PS429", ("compile", "loss", "hed"), 2)


@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer", "adm"), ("optimizer", {"class": "Adam", "config": {"rate": 1}}),
     ("loss", "msee"), ("metrics", ["maee"]), ("loss", {"class": "Nope"}),
     ("loss", {"class": "get"}), ("metrics", [{"class": "deserialize"}])],
)  # fmt: skip
def test_what_keras_cannot_make_is_refused_with_the_plan(key: str, value: Any) -> None:
    said = {"optimizer": "adam", "loss": "mse", key: value}
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of("[]", compile=said), model())
    assert [(p.code, p.at) for p in caught.value.problems] == [("PS429", ("compile", key))]


def test_the_state_of_an_optimizer_that_is_replaced_is_dropped_and_said_so() -> None:
    base = trained()
    base.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    kept = patchspec.apply(base, patch_of("[]", compile="keep"))
    assert int(kept.model.optimizer.iterations) == 1
    plan = patchspec.resolve(patch_of("[]", compile={"optimizer": "sgd"}), base)
    assert [f.problem.code for f in plan.findings] == ["PS424"]
    assert int(patchspec.build(plan).model.optimizer.iterations) == 0
