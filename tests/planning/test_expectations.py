"""Expectations: what a patch says must hold, before anything is built and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.building.comparing import random_input
from patchspec.planning.inputs import inputs_of
from patchspec.problems import PatchError
from tests.conftest import lower, patch_of

HEAD = "- {op: replace, layers: head, new: {class: Dense, name: top, config: {units: 5}}}"


@pytest.fixture(scope="module")
def model() -> Any:
    keras.utils.set_random_seed(1)
    i = keras.Input((4,), name="x")
    x = L.Dense(8, name="body", activation="relu")(i)
    x = L.Dropout(0.5, name="drop")(x)
    return keras.Model(i, L.Dense(3, name="head")(x))


def failures(model: Any, steps: str, expect: Any, **header: Any) -> list[tuple[str, Any, str]]:
    with pytest.raises(PatchError) as caught:
        patchspec.apply(model, patch_of(steps, expect=expect, **header))
    return [(p.code, p.at[1:], p.message) for p in caught.value.problems]


HOLDS = {
    "inputs": {"x": [None, 4]},
    "outputs": {"top": [None, 5]},
    "layers": {"total": 4, "added": ["top"], "removed": ["head"], "changed": []},
    "parameters": {"total": 85, "trainable": 85, "delta": 18},
    "weights": {"kept": 2, "initialised": 2, "dropped": [1, None], "adapted": 0, "loaded": 0},
}
BROKEN = {
    "inputs": {"x": [None, 5]},
    "outputs": [[None, 3]],
    "layers": {"total": 5, "added": ["topp"], "removed": 2, "changed": 1},
    "parameters": {"total": 86, "trainable": 0, "delta": 0},
    "weights": {"kept": 3, "initialised": 0, "dropped": [None, 1], "adapted": 1, "loaded": 1},
}


def test_what_holds_is_reported_with_the_variant(model: Any) -> None:
    variant = patchspec.apply(model, patch_of(HEAD, expect=HOLDS))
    assert [check.holds for check in variant.checks] == [True] * 14
    assert variant.plan.checks == variant.checks


def test_everything_that_does_not_hold_is_said_at_once_and_before_the_build(model: Any) -> None:
    """D16: shapes, counts of layers, parameters and variables."""
    plan_only = pytest.raises(PatchError)
    with plan_only as caught:
        patchspec.resolve(patch_of(HEAD, expect=BROKEN), model)
    found = [(p.code, p.at[1:]) for p in caught.value.problems]
    wanted = [("inputs", "x"), ("outputs", 0)]
    wanted += [
        (group, key) for group in ("layers", "parameters", "weights") for key in BROKEN[group]
    ]
    assert found == [("PS601", at) for at in wanted]
    assert all(p.span is not None for p in caught.value.problems)


def test_a_failure_says_what_was_expected_and_what_is(model: Any) -> None:
    [(_, _, message)] = failures(model, HEAD, {"parameters": {"total": 1000}})
    assert "expected 1,000, it is 85" in message


def test_an_output_that_is_not_there_is_named_with_those_that_are(model: Any) -> None:
    [(code, at, message)] = failures(model, "[]", {"outputs": {"hed": [None, 3]}})
    assert (code, at) == ("PS601", ("outputs", "hed"))
    assert "did you mean `head`" in message


def test_frozen_layers_are_those_of_which_nothing_trains(model: Any) -> None:
    frozen = "- {op: freeze, layers: body}"
    patchspec.apply(model, patch_of(frozen, expect={"frozen": "body"}))
    [(code, at, message)] = failures(model, frozen, {"frozen": ["body", "head"]})
    assert (code, at, "head" in message) == ("PS601", ("frozen",), True)
    [(code, _, _)] = failures(model, frozen, {"frozen": "bdy"})
    assert code == "PS301"


def test_without_shapes_what_is_not_known_is_not_claimed(model: Any) -> None:
    plan = lower(json.loads(model.to_json()), HEAD, expect=HOLDS)
    unknown = [check for check in plan.checks if check.holds is None]
    assert {check.at[1] for check in unknown} == {"outputs", "parameters", "weights"}
    assert all(check.holds for check in plan.checks if check not in unknown)


def test_a_patch_of_several_is_held_against_what_those_before_it_left(model: Any) -> None:
    """D12: each patch has conditions of its own for what it makes."""
    first = patch_of(HEAD, expect={"layers": {"added": ["top"]}, "parameters": {"delta": 18}})
    second = patch_of(
        "- {op: rename, layers: top, name: end}\n"
        "- {op: insert, after: body, new: {class: LayerNormalization, name: norm}}",
        expect={
            "layers": {"added": ["norm"], "removed": [], "total": 5},
            "parameters": {"delta": 16},
            "weights": {"kept": 4, "initialised": 2},
            "same": [{"tensor": "body"}],
            "different": [{"tensor": "end", "as": "top"}],
        },
    )
    variant = patchspec.apply(model, first, second)
    assert [check.patch for check in variant.checks] == [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
    assert all(check.holds for check in variant.checks)


# Comparisons of values.


def test_same_and_different_run_both_models(model: Any) -> None:
    step = "- {op: set, layers: head, weights: {kernel: {scale: 1.0001}}}"
    same = {"same": [{"tensor": "head", "atol": 0.01}, {"tensor": "drop", "atol": 0, "rtol": 0}]}
    variant = patchspec.apply(model, patch_of(step, expect=same))
    assert [check.holds for check in variant.checks] == [True, True]
    different = {"different": [{"tensor": "$output", "atol": 0, "rtol": 0, "batch": 5, "seed": 3}]}
    patchspec.apply(model, patch_of(step, expect=different))


def test_a_comparison_that_fails_says_how_far_apart_the_values_are(model: Any) -> None:
    step = "- {op: set, layers: head, weights: {bias: ones}}"
    [(code, at, message)] = failures(model, step, {"same": [{"tensor": "head"}]})
    assert (code, at) == ("PS602", ("same", 0))
    assert "largest difference is 1 " in message
    [(code, at, _)] = failures(model, step, {"different": [{"tensor": "body"}]})
    assert (code, at) == ("PS602", ("different", 0))


def test_values_that_are_no_numbers_are_neither_the_same_nor_different(model: Any) -> None:
    broken = keras.models.clone_model(model)
    broken.get_layer("head").bias.assign([float("nan"), 0.0, 0.0])
    for key in ("same", "different"):
        [(code, _, message)] = failures(broken, "[]", {key: [{"tensor": "head"}]})
        assert (code, "no number" in message) == ("PS602", True)


def test_another_name_in_the_base_is_said_with_as(model: Any) -> None:
    step = "- {op: rename, layers: head, name: top}"
    patchspec.apply(model, patch_of(step, expect={"same": [{"tensor": "top", "as": "head"}]}))
    [(code, at, _)] = failures(model, step, {"same": [{"tensor": "top"}]})
    assert (code, at) == ("PS301", ("same", 0, "tensor"))


def test_an_input_is_a_tensor_too() -> None:
    i = keras.Input((4,), name="x")
    model = keras.Model(i, L.Dense(4, name="head")(i))
    step = "- {op: set, layers: head, weights: {kernel: identity, bias: zeros}}"
    expect = {"same": [{"tensor": "head", "as": "x"}, {"tensor": "$output", "as": "$input"}]}
    checks = patchspec.apply(model, patch_of(step, expect=expect)).checks
    assert [check.holds for check in checks] == [True, True]


def test_inputs_that_differ_in_shape_cannot_be_compared() -> None:
    i = keras.Input((8, 8, 3), name="image")
    model = keras.Model(i, L.GlobalAveragePooling2D(name="pool")(L.Conv2D(2, 1, name="c")(i)))
    step = "- {op: set, layers: $input, config: {shape: [4, 4, 3]}}"
    [(code, _, message)] = failures(model, step, {"same": [{"tensor": "pool"}]})
    assert (code, "[?, 8, 8, 3]" in message) == ("PS603", True)


def test_indices_stay_below_what_an_embedding_holds_and_padding_is_at_the_end() -> None:
    i = keras.Input((8,), name="words", dtype="int32")
    x = L.Embedding(5, 4, mask_zero=True, name="e")(i)
    model = keras.Model(i, L.LSTM(3, name="lstm")(x))
    step = "- {op: insert, after: e, new: {class: Dropout, name: d, config: {rate: 0.1}}}"
    expect = {"same": [{"tensor": "lstm", "atol": 0, "rtol": 0, "batch": 4}]}
    assert patchspec.apply(model, patch_of(step, expect=expect)).checks[0].holds
    [one] = inputs_of(patchspec.open_base(model).graph)
    value = random_input(one, 4, 0)
    assert (one.below, value.max() < 5, value[0].min() > 0) == (5, True, True)
    assert (value[1:, 6:] == 0).all()
    assert np.array_equal(value, random_input(one, 4, 0))
    assert not np.array_equal(value, random_input(one, 4, 1))


def test_several_inputs_masks_and_open_sizes_get_values_that_fit() -> None:
    a = keras.Input((None, 4), name="a")
    m = keras.Input((None,), name="m", dtype="bool")
    x = L.LSTM(3, name="lstm")(a, mask=m)
    b = keras.Input((2,), name="b", batch_size=3)
    model = keras.Model([a, m, b], L.Concatenate(name="out")([x, b]))
    expect = {"same": [{"tensor": "$output", "batch": 3}]}
    assert patchspec.apply(model, patch_of("[]", expect=expect)).checks[0].holds


def test_a_new_input_is_given_to_the_variant_alone_and_a_renamed_one_to_both(model: Any) -> None:
    step = (
        "- {op: rename, layers: x, name: features}\n"
        "- {op: insert, after: body, new: [{class: InputLayer, name: more, config: {shape: [2]}},"
        " {class: Concatenate, name: join, inputs: [$here, more]}]}\n"
        "- {op: set, layers: head, weights: {kernel: {pad: {axis: 0, with: zeros}}}}"
    )
    expect = {"same": [{"tensor": "body"}]}
    assert patchspec.apply(model, patch_of(step, expect=expect)).checks[0].holds


def test_data_is_read_from_beside_the_patch(model: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.ones((2, 4), np.float32))
    patch = tmp_path / "p.patchspec.yaml"
    text = "patchspec: 1\noperations: []\nexpect: {{same: [{{tensor: $output, data: {}}}]}}\n"
    patch.write_text(text.format("x.npz"))
    assert patchspec.apply(model, patch).checks[0].holds
    np.savez(tmp_path / "y.npz", y=np.ones((2, 4)))
    (tmp_path / "empty.npz").touch()
    (tmp_path / "torn.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:90])
    np.save(tmp_path / "lone.npy", np.ones((2, 4)))
    for name in ("y.npz", "nothing.npz", "empty.npz", "torn.npz", "lone.npy"):
        patch.write_text(text.format(name))
        with pytest.raises(PatchError) as caught:
            patchspec.apply(model, patch)
        [problem] = caught.value.problems
        assert (problem.code, problem.at[-1]) == ("PS603", "data")


def test_text_cannot_be_made_up() -> None:
    i = keras.Input((1,), name="word", dtype="string")
    model = keras.Model(i, L.StringLookup(vocabulary=["a", "b"], name="look")(i))
    [(code, _, _)] = failures(model, "[]", {"same": [{"tensor": "look"}]})
    assert code == "PS603"


def test_a_base_in_a_file_is_built_to_be_compared(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path / "m.keras")
    expect = {"same": [{"tensor": "$output", "atol": 0, "rtol": 0}]}
    variant = patchspec.apply(tmp_path / "m.keras", patch_of("[]", expect=expect))
    assert variant.checks[0].holds


def test_a_tensor_of_a_nested_model_is_compared_by_its_path() -> None:
    i = keras.Input((4,))
    inner_in = keras.Input((4,))
    inner = keras.Model(
        inner_in, L.Dense(3, name="b")(L.Dense(5, name="a")(inner_in)), name="inner"
    )
    model = keras.Model(i, L.Dense(2, name="head")(inner(i)))
    step = "- {op: set, layers: head, weights: zeros}"
    expect = {"same": [{"tensor": "inner/a"}], "different": [{"tensor": "head"}]}
    assert [c.holds for c in patchspec.apply(model, patch_of(step, expect=expect)).checks] == [
        True,
        True,
    ]
