"""Which tensors a reference, a glob or a selector means, and how each is called."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import layers

from patchspec.probing.calls import Tensor, calls_of, function_of, walk
from patchspec.probing.naming import find_one, find_tensors
from patchspec.problems import PatchError
from tests.probing import models
from tests.probing.feeding import codes


def keys(model: Any, *said: Any) -> list[str]:
    return [tensor.key for tensor in find_tensors(said, model, function_of(model))]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("joined", ["joined"]),
        ("shared", ["shared@0", "shared@1"]),
        ("shared@*", ["shared@0", "shared@1"]),
        ("shared@1", ["shared@1"]),
        ("shared@1:0", ["shared@1"]),
        ("encoder", ["encoder@1:0", "encoder@0:0"]),
        ("encoder/dense", ["encoder@1/dense", "encoder@0/dense"]),
        ("encoder@*/dense", ["encoder@1/dense", "encoder@0/dense"]),
        ("encoder@0/dense", ["encoder@0/dense"]),
        ("encoder@0/*", ["encoder@0/features", "encoder@0/dense", "encoder@0/drop"]),
        ("**/dense", ["encoder@1/dense", "encoder@0/dense"]),
        ("joined:in", ["joined:in0", "joined:in1"]),
        ("joined:in1", ["joined:in1"]),
        ("out:pre", ["out:pre"]),
        ("encoder@1:in", ["encoder@1:in"]),
        ("encoder@1/dense:pre", ["encoder@1/dense:pre"]),
        ("sha*@0:in", ["shared@0:in"]),
        ("$output", ["out"]),
        ("$input:b", ["b"]),
        ("[joined, out:pre]", ["joined", "out:pre"]),
        ("{class: Concatenate}", ["joined"]),
        ('{layer: "shared", call: 1}', ["shared@1"]),
        ({"class": "Dense", "after": "joined"}, ["out"]),
    ],
    ids=str,
)
def test_a_name_means_every_output_of_every_call_unless_it_says_which(
    said: Any, meant: list[str]
) -> None:
    assert keys(models.nested(), said) == meant


def test_a_glob_over_one_level_does_not_enter_a_nested_model_and_lists_no_operation() -> None:
    found = keys(models.nested(), "*")
    assert sorted(found) == sorted(
        ["a", "b", "encoder@0:0", "encoder@1:0", "shared@0", "shared@1", "joined", "out"]
    )


def test_an_operation_is_meant_where_it_is_named_and_where_nothing_is() -> None:
    model = models.nested()
    [name] = [op.name for op in model.operations if not isinstance(op, keras.Layer)]
    assert keys(model, name) == [name]
    assert name in keys(model)
    assert name not in keys(model, "**")


def test_tensors_come_in_the_order_in_which_they_are_computed_each_once() -> None:
    found = keys(models.nested(), "out", "joined", "encoder@1", "encoder@1/dense:pre", "**")
    assert found.index("encoder@1/dense:pre") + 1 == found.index("encoder@1/dense")
    assert found.index("encoder@1/drop") < found.index("encoder@1:0") < found.index("joined")
    assert len(found) == len(set(found))


def test_what_a_nested_model_reads_stands_before_its_layers() -> None:
    found = keys(models.nested(), "encoder@0:in", "encoder@0/**", "encoder@0")
    assert (found[0], found[-1]) == ("encoder@0:in", "encoder@0:0")


def test_every_output_of_a_layer_has_a_number() -> None:
    model = models.masked()
    assert keys(model, "lstm") == ["lstm:0", "lstm:1", "lstm:2"]
    assert keys(model, "lstm:1") == ["lstm:1"]


def test_a_nested_sequential_is_entered() -> None:
    assert keys(models.chain(), "inner/one", "inner") == ["inner/one", "inner:0"]


def test_no_key_is_the_beginning_of_another_as_a_path() -> None:
    """A `/` makes groups in HDF5: an array cannot be where a group is."""
    for model in (models.nested(), models.chain()):
        found = keys(model, "**", "**:in", "encoder:in" if model.name == "nested" else "inner:in")
        assert not [(one, other) for one in found for other in found if other.startswith(f"{one}/")]


ODD = ["a:1", "a@1", "a%1", "$input", "..", "gradient", "weights", "x*", 'q"uote', "back\\slash",
       "new\nline", "{x}", "__private", "é", " "]  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_the_key_of_a_layer_with_an_odd_name_means_that_layer_and_no_other(name: str) -> None:
    x = keras.Input((2,), name="x")
    y = layers.Activation("relu", name="a")
    last = y(layers.Activation("relu", name=name)(y(x)))
    model = keras.Model(x, last)
    [key] = keys(model, {"layer": name})
    assert keys(model, key) == [key]
    [call] = [one for one in walk(calls_of(model)) if one.layer.name == name]
    assert find_one(key, model, model) == Tensor(call)
    parts = key.split("/")
    assert key.isprintable()
    assert "\\" not in key
    assert not parts[0].startswith(("__", "$"))
    assert parts[0].strip(".")
    assert parts[0] not in ("gradient", "weights")


@pytest.mark.parametrize(
    ("said", "code", "hint"),
    [
        ("joind", "PS301", "did you mean `joined`?"),
        ("encoder/dens", "PS301", "did you mean `encoder/dense`?"),
        ("blok*", "PS303", "a glob matches whole names"),
        ("shared@2", "PS305", "calls count from 0"),
        ("joined:1", "PS305", "outputs count from 0"),
        ("joined:in2", "PS305", "inputs count from 0"),
        ("a:in", "PS305", "it is an input of the model"),
        ("$output:nope", "PS305", "the outputs are out"),
        ("$input", "PS304", None),
        ("joined:pre", "PS943", "`joined:in` is what it reads"),
        ("joined:post", "PS311", "the forms are"),
        ("a/", "PS311", "the forms are"),
        ("", "PS311", "the forms are"),
        ("join*:in7", "PS303", "the forms are"),
        ("{clas: Dense}", "PS201", None),
    ],
)
def test_what_names_nothing_is_refused_with_what_there_is(
    said: str, code: str, hint: str | None
) -> None:
    with pytest.raises(PatchError) as caught:
        keys(models.nested(), said)
    [problem] = caught.value.problems
    assert problem.code == code
    if hint is not None:
        assert hint in (problem.hint or "")


def test_a_recurrent_layer_has_no_value_before_its_activation() -> None:
    assert codes(lambda: keys(models.masked(), "lstm:pre")) == ["PS943"]


def test_of_a_glob_those_layers_are_meant_that_have_an_activation() -> None:
    assert keys(models.picture(), "*:pre") == ["conv:pre", "head:pre"]


def test_what_a_wrapper_holds_is_not_taken() -> None:
    assert codes(lambda: keys(models.masked(), {"name": "both/forward_gru"})) == ["PS943"]


def test_one_tensor_is_wanted_where_a_gradient_is_asked_for() -> None:
    model = models.nested()
    assert codes(lambda: find_one("shared", model, model)) == ["PS304"]
