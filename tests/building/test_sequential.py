"""Sequential models as bases: a chain stays a Sequential, a branch makes it functional."""

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
from patchspec.review.plans import plan_text
from tests.conftest import patch_of
from tests.nested_models import batch, cut, outputs, same, stack

Builds = Callable[..., Any]


def reloaded(variant: Any, tmp_path: Path) -> Any:
    return keras.saving.load_model(variant.save(tmp_path / "variant.keras"))


def test_the_empty_patch_is_the_identity(builds: Builds, tmp_path: Path) -> None:
    base = stack()
    variant = builds(base, "[]")
    assert variant.plan.is_identity
    assert same(outputs(variant.model), outputs(base))
    assert variant.model.to_json() == base.to_json()
    assert same(outputs(reloaded(variant, tmp_path)), outputs(base))


def test_a_linear_patch_leaves_a_sequential_and_edits_its_list(
    builds: Builds, tmp_path: Path
) -> None:
    base = stack()
    new = "{class: Activation, name: act, config: {activation: linear}}"
    steps = (
        f"- {{op: insert, after: d1, new: {new}}}\n"
        "- {op: rename, layers: d2, name: end}\n"
        "- {op: remove, layers: drop}"
    )
    variant = builds(base, steps)
    assert isinstance(variant.model, keras.Sequential)
    assert [layer.name for layer in variant.model.layers] == ["d1", "act", "end"]
    assert same(outputs(variant.model), outputs(base))
    assert same(outputs(reloaded(variant, tmp_path)), outputs(base))
    assert [e["path"] for e in variant.plan.json_patch if e["op"] == "remove"] == [
        "/config/layers/3"
    ]


def test_a_layer_at_the_end_goes_behind_the_last(builds: Builds) -> None:
    variant = builds(stack(), "- {op: insert, after: d2, new: {class: Softmax, name: s}}")
    assert [layer.name for layer in variant.model.layers] == ["d1", "drop", "d2", "s"]
    assert variant.plan.json_patch[-1]["path"] == "/config/layers/-"


def test_a_new_head_is_initialised_from_the_seed(builds: Builds) -> None:
    steps = "- {op: replace, layers: d2, new: {class: Dense, name: ten, config: {units: 10}}}"
    one, two = builds(stack(), steps, seed=3), builds(stack(), steps, seed=3)
    assert one.state == two.state
    assert isinstance(one.model, keras.Sequential)
    assert one.model.output_shape == (None, 10)


def test_truncation_leaves_a_sequential(builds: Builds) -> None:
    """Ask 1, on a Sequential."""
    base = stack()
    variant = builds(base, "- {op: extract, outputs: d1}")
    assert isinstance(variant.model, keras.Sequential)
    assert same(outputs(variant.model), outputs(cut(base, "d1")))


def test_a_branch_makes_it_functional_in_a_first_change_and_the_plan_says_so(
    builds: Builds, tmp_path: Path
) -> None:
    base = stack()
    variant = builds(base, "- {op: expose-output, outputs: {h: d1}}")
    assert variant.plan.branched == ("",)
    first = variant.plan.changes[0]
    assert first.place is None
    assert first.edits[1].path == ("class_name",)
    assert "becomes functional" in plan_text(variant.plan)
    assert same(outputs(variant.model)[:1], outputs(base))
    assert same(outputs(reloaded(variant, tmp_path)), outputs(variant.model))
    assert variant.report["kept"]["variables"] == len(base.weights)


def test_a_skip_over_a_layer_of_a_sequential_is_a_branch(builds: Builds) -> None:
    steps = "- {op: insert, after: drop, new: {class: Add, name: skip, inputs: [d1, $here]}}"
    variant = builds(stack(), steps)
    assert type(variant.model).__name__ == "Functional"


def test_freezing_and_setting_change_nothing_but_the_layer(builds: Builds) -> None:
    steps = "- {op: freeze, layers: d1}\n- {op: set, layers: drop, config: {rate: 0.4}}"
    variant = builds(stack(), steps)
    paths = [e["path"] for e in variant.plan.json_patch if e["op"] != "test"]
    assert paths == ["/config/layers/1/config/trainable", "/config/layers/2/config/rate"]
    assert len(variant.model.trainable_variables) == 2


def test_a_sequential_in_a_file_is_opened_inspected_and_patched(tmp_path: Path) -> None:
    file = tmp_path / "s.keras"
    stack().save(file)
    plan = patchspec.resolve(patch_of("- {op: remove, layers: drop}"), file, shapes=False)
    assert plan.layers.removed == ("drop",)
    variant = patchspec.apply(file, patch_of("- {op: remove, layers: drop}"))
    assert same(outputs(variant.model), outputs(stack()))


def test_one_that_was_never_built_is_refused_with_what_to_add() -> None:
    model = keras.Sequential([L.Dense(4, name="d1")])
    with pytest.raises(PatchError) as caught:
        patchspec.open_base(model)
    [problem] = caught.value.problems
    assert problem.code == "PS426"
    assert "keras.Input" in (problem.hint or "")


def test_a_plan_of_a_sequential_without_keras_keeps_what_nothing_reached(tmp_path: Path) -> None:
    file = tmp_path / "s.keras"
    stack().save(file)
    plan = patchspec.resolve(patch_of("- {op: freeze, layers: d2}"), file, shapes=False)
    assert [e["path"] for e in plan.json_patch if e["op"] != "test"] == [
        "/config/layers/3/config/trainable"
    ]


def test_a_compiled_sequential_carries_its_compile_configuration(builds: Builds) -> None:
    """T43: its optimizer goes on from its step."""
    base = stack()
    base.compile(optimizer="sgd", loss="mse")
    base.fit(batch(base)[0], np.zeros((3, 2)), verbose=0)
    variant = builds(base, "- {op: remove, layers: drop}")
    assert variant.model.loss == "mse"
    assert int(variant.model.optimizer.iterations) == 1
