"""load: values from another model, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.problems import PatchError
from tests.conftest import patch_of

L = keras.layers


def stack(*units: tuple[str, int], inputs: int = 4) -> Any:
    x = inputs_ = keras.Input((inputs,))
    for name, count in units:
        x = L.Dense(count, name=name)(x)
    model = keras.Model(inputs_, x)
    rng = np.random.default_rng(len(units))
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def load(here: Any, there: Any, step: str, **header: Any) -> Any:
    patch = patch_of(f"- {{op: load, from: old{step}}}", models={"old": "old.keras"}, **header)
    return patchspec.apply(here, patch, models={"old": there})


def refused(here: Any, there: Any, step: str) -> list[tuple[str, str]]:
    with pytest.raises(PatchError) as caught:
        load(here, there, step)
    return [(p.code, p.message) for p in caught.value.problems]


def kernel(model: Any, name: str) -> Any:
    return np.asarray(model.get_layer(name).kernel)


def test_every_value_is_taken_from_the_layer_of_the_same_name() -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("a", 3), ("b", 2))
    there.set_weights([w * 2 for w in there.get_weights()])
    variant = load(here, there, "")
    assert all(
        np.array_equal(x, y)
        for x, y in zip(variant.model.get_weights(), there.get_weights(), strict=True)
    )
    assert variant.report["loaded"]["variables"] == 4
    assert variant.report["dropped"]["variables"] == 4
    assert not variant.plan.is_identity


def test_names_say_what_layers_are_called_there() -> None:
    here = stack(("stem", 3), ("b1", 3), ("b2", 3), ("head", 2))
    there = stack(("conv", 3), ("stage_1", 3), ("stage_2", 3), ("fc", 2))
    variant = load(here, there, ', names: {stem: conv, "b*": stage_$(*), head: fc}')
    pairs = {"stem": "conv", "b1": "stage_1", "b2": "stage_2", "head": "fc"}
    assert all(
        np.array_equal(kernel(variant.model, mine), kernel(there, theirs))
        for mine, theirs in pairs.items()
    )


def test_a_layer_that_is_not_there_is_refused_unless_it_may_be_missing() -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("a", 3))
    [(code, message)] = refused(here, there, "")
    assert (code, "`b`" in message) == ("PS510", True)
    variant = load(here, there, ", missing: skip")
    assert np.array_equal(kernel(variant.model, "b"), kernel(here, "b"))
    assert variant.report["kept"]["variables"] == 2


def test_a_layer_there_that_nobody_takes_is_refused_unless_it_is_extra() -> None:
    here, there = stack(("a", 3)), stack(("a", 3), ("b", 2))
    [(code, message)] = refused(here, there, "")
    assert (code, "`b`" in message) == ("PS511", True)
    assert load(here, there, ", extra: skip").report["loaded"]["variables"] == 2


def test_what_is_wrong_with_many_layers_is_said_once() -> None:
    here = stack(*((name, 3) for name in "abcde"))
    there = stack(*((name, 3) for name in "avwxyz"))
    [(code, message)] = refused(here, there, "")
    assert (code, message) == ("PS510", "4 layers have no layer of their name in `old`: b, c, d, e")
    [(code, message)] = refused(here, there, ", missing: skip")
    assert code == "PS511"
    assert message == "nothing takes the values of 5 layers of `old`: v, w, x, y, z"


def test_layers_say_whose_values_are_wanted() -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("a", 3), ("b", 2), ("c", 2))
    variant = load(here, there, ", layers: a")
    assert np.array_equal(kernel(variant.model, "a"), kernel(there, "a"))
    assert np.array_equal(kernel(variant.model, "b"), kernel(here, "b"))


def test_another_shape_is_refused_with_both_shapes_unless_it_may_be_a_mismatch() -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("a", 3), ("b", 5))
    found = refused(here, there, "")
    assert {code for code, _ in found} == {"PS501"}
    assert all(shape in found[0][1] for shape in ("(3, 5)", "(3, 2)"))
    variant = load(here, there, ", mismatch: skip")
    assert np.array_equal(kernel(variant.model, "b"), kernel(here, "b"))


def test_a_name_that_is_not_there_is_refused_though_it_may_be_missing() -> None:
    here, there = stack(("a", 3)), stack(("a", 3))
    [(code, _)] = refused(here, there, ", names: {a: x}, missing: skip, extra: skip")
    assert code == "PS301"


def test_a_model_that_nobody_declares_is_refused() -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.apply(stack(("a", 3)), patch_of("- {op: load, from: old}"))
    assert [p.code for p in caught.value.problems] == ["PS221"]
    assert "models" in str(caught.value.problems[0].hint)
    with pytest.raises(PatchError) as caught:
        patchspec.apply(stack(("a", 3)), patch_of("[]"), models={"x": stack(("a", 3))})
    assert [p.code for p in caught.value.problems] == ["PS221"]


def test_an_architecture_gets_its_other_values_from_the_seed(tmp_path: Path) -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("a", 3), ("b", 5))
    (tmp_path / "new.json").write_text(here.to_json())
    variant = load(tmp_path / "new.json", there, ", mismatch: skip")
    assert variant.report["loaded"]["variables"] == 2
    assert variant.report["initialised"]["variables"] == 2
    assert np.array_equal(kernel(variant.model, "a"), kernel(there, "a"))
    again = load(tmp_path / "new.json", there, ", mismatch: skip")
    assert again.state == variant.state


def test_a_rule_takes_one_variable_of_another_model() -> None:
    here, there = stack(("a", 3), ("b", 2)), stack(("x", 12), inputs=2)
    step = (
        "- {op: set, layers: a, weights: {kernel: "
        "[{from: {model: old, layer: x, variable: kernel}}, {reshape: [6, 4]}, "
        "{take: {axis: 0, indices: [0, 1, 2]}}, {transpose: [1, 0]}]}}"
    )
    patch = patch_of(step, models={"old": "old.keras"})
    variant = patchspec.apply(here, patch, models={"old": there})
    expected = kernel(there, "x").reshape(6, 4)[:3].T
    assert np.array_equal(kernel(variant.model, "a"), expected)
    [move] = [m for m in variant.plan.moves if m.path == "a/vars/0" and m.action != "dropped"]
    assert (move.action, move.sources) == ("loaded", (("old", "x/vars/0"),))


def test_a_model_is_opened_from_beside_the_patch_and_must_be_the_one_that_is_pinned(
    tmp_path: Path,
) -> None:
    here, there = stack(("a", 3)), stack(("a", 3))
    there.save(tmp_path / "old.keras")
    state = patchspec.open_base(tmp_path / "old.keras").state
    models = "models: {{old: {{path: old.keras, state: {}}}}}"
    text = f"patchspec: 1\n{models}\noperations:\n  - {{{{op: load, from: old}}}}\n"
    patch = tmp_path / "p.patchspec.yaml"
    patch.write_text(text.format(state))
    variant = patchspec.apply(here, patch)
    assert np.array_equal(kernel(variant.model, "a"), kernel(there, "a"))
    patch.write_text(text.format("sha256:" + "0" * 64))
    with pytest.raises(PatchError) as caught:
        patchspec.apply(here, patch)
    [problem] = caught.value.problems
    assert (problem.code, problem.span.line if problem.span else 0) == ("PS908", 2)


def test_nested_models_bring_their_layers() -> None:
    def outer(name: str) -> Any:
        inner = stack(("a", 3), ("b", 3))
        inner.name = name
        i = keras.Input((4,))
        return keras.Model(i, L.Dense(2, name="head")(inner(i)))

    here, there = outer("body"), outer("trunk")
    there.set_weights([w + 1 for w in there.get_weights()])
    variant = load(here, there, ", names: {body: trunk}")
    assert variant.report["loaded"]["variables"] == 6
    assert np.array_equal(
        kernel(variant.model.get_layer("body"), "b"), kernel(there.get_layer("trunk"), "b")
    )


def test_one_name_for_two_models_is_refused_with_both_places(tmp_path: Path) -> None:
    here = stack(("a", 3))
    here.save(tmp_path / "m.keras")
    for name, model in (("a", "m.keras"), ("b", "n.keras")):
        text = f"patchspec: 1\nmodels: {{old: {model}}}\noperations: []\n"
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(PatchError) as caught:
        patchspec.apply(here, tmp_path / "a.yaml", tmp_path / "b.yaml")
    places = [(p.code, Path(str(p.file)).name) for p in caught.value.problems]
    assert places == [("PS221", "b.yaml"), ("PS221", "a.yaml")]
