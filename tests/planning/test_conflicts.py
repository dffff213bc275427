"""Conflicts: two patches that set the same thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
from keras import layers as L

import patchspec
from tests.conftest import patch_of


def model() -> Any:
    i = keras.Input((4,), name="x")
    x = L.Dropout(0.1, name="drop")(L.Dense(5, name="body")(i))
    return keras.Model(i, L.Dense(3, name="head")(x))


def conflicts(*patches: Any, base: Any = None) -> list[tuple[int, str, bool]]:
    plan = patchspec.resolve(list(patches), base or model())
    found = [f for f in plan.findings if f.problem.code == "PS428"]
    return [
        (f.place.patch if f.place else -1, f.problem.message.split("else of ")[1], f.allowed)
        for f in found
    ]


def rate(value: float, **more: Any) -> Any:
    return patch_of([{"op": "set", "layers": "drop", "config": {"rate": value}, **more}])


def test_the_same_key_set_to_two_values_is_reported_with_both_places() -> None:
    """C13: between patches, with both places."""
    plan = patchspec.resolve([rate(0.2), rate(0.3)], model())
    [finding] = plan.findings
    assert finding.problem.code == "PS428"
    assert finding.problem.span is not None
    assert "line 3" in finding.problem.notes[0]
    assert plan.graph.layers["drop"].config["rate"] == 0.3


def test_the_same_value_other_keys_and_one_patch_are_no_conflict() -> None:
    other = patch_of("- {op: set, layers: drop, config: {seed: 5}}")
    assert conflicts(rate(0.2), rate(0.2)) == []
    assert conflicts(rate(0.2), other) == []
    steps = [{"op": "set", "layers": "drop", "config": {"rate": r}} for r in (0.2, 0.3)]
    assert conflicts(patch_of(steps)) == []


def test_a_conflict_follows_a_rename_and_can_be_accepted() -> None:
    rename = patch_of("- {op: rename, layers: drop, name: d}")
    later = patch_of([{"op": "set", "layers": "d", "config": {"rate": 0.4}, "allow": ["PS428"]}])
    assert conflicts(rate(0.2), rename, later) == [(2, "`rate` of `d`; this one wins", True)]


def test_freezing_what_another_patch_unfroze_is_a_conflict() -> None:
    base = model()
    base.get_layer("body").trainable = False
    unfreeze = patch_of("- {op: unfreeze, layers: body}")
    freeze = patch_of("- {op: freeze, layers: body}")
    assert conflicts(unfreeze, freeze, base=base) == [
        (1, "`trainable` of `body`; this one wins", False)
    ]


def test_what_two_steps_say_of_many_layers_is_one_finding() -> None:
    freeze = patch_of("- {op: freeze, layers: '**'}")
    unfreeze = patch_of("- {op: unfreeze, layers: [body, head]}")
    [(_, what, _)] = conflicts(freeze, unfreeze)
    assert what == "`trainable` of `body`, `trainable` of `head`; this one wins"


def test_weights_that_two_patches_start_anew_are_a_conflict_and_a_pipeline_is_none() -> None:
    """C13: values too."""

    def weights(rule: Any) -> Any:
        return patch_of([{"op": "set", "layers": "head", "weights": rule}])

    [(_, what, _)] = conflicts(weights({"kernel": "zeros"}), weights({"kernel": "ones"}))
    assert what.startswith("the `kernel` of `head`")
    assert conflicts(weights({"kernel": "ones"}), weights({"kernel": {"scale": 2}})) == []
    assert conflicts(weights({"kernel": "zeros"}), weights({"bias": "ones"})) == []


def test_a_layer_that_was_changed_and_is_taken_away_is_a_conflict() -> None:
    """C13: a change that is lost is told."""
    remove = patch_of("- {op: remove, layers: drop}")
    [(patch, what, _)] = conflicts(rate(0.2), remove)
    assert (patch, what.startswith("`drop`, which is taken away")) == (1, True)


def test_two_ways_of_compiling_are_a_conflict() -> None:
    drop, keep = (patch_of("[]", compile=said) for said in ("drop", "keep"))
    base = model()
    base.compile("adam", "mse")
    assert conflicts(drop, keep, base=base) == [(-1, "`compile`; this one wins", False)]


def test_a_patch_that_extends_another_says_so_on_purpose(tmp_path: Path) -> None:
    for name, value, extends in (("a", 0.2, []), ("b", 0.3, ["a.yaml"])):
        said: dict[str, Any] = {
            "patchspec": 1,
            "operations": [{"op": "set", "layers": "drop", "config": {"rate": value}}],
        }
        if extends:
            said["extends"] = extends
        (tmp_path / f"{name}.yaml").write_text(json.dumps(said))
    assert conflicts(patchspec.parse(tmp_path / "b.yaml")) == []
    both = [patchspec.parse(tmp_path / "b.yaml"), rate(0.4)]
    assert [patch for patch, _, _ in conflicts(*both)] == [2]
