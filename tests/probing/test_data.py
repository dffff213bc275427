"""What a model is given, and what is refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import patchspec
from patchspec.probing.data import batches, inputs_of, open_data, open_labels
from patchspec.probing.reading import Chained
from patchspec.problems import PatchError
from tests.probing import models
from tests.probing.feeding import codes, feed


def opened(said: Any, model: Any) -> Any:
    return open_data(said, inputs_of(model))


def one() -> Any:
    x = keras.Input((4,), name="x")
    return keras.Model(x, layers.Dense(2, name="dense")(x))


def test_a_lone_array_for_a_lone_input_may_have_any_name(tmp_path: Path) -> None:
    values = np.arange(8.0).reshape(2, 4)
    np.save(tmp_path / "a.npy", values)
    np.savez(tmp_path / "b.npz", whatever=values)
    for said in (
        values,
        {"": values},
        tmp_path / "a.npy",
        str(tmp_path / "b.npz"),
        values.tolist(),
    ):
        assert np.array_equal(opened(said, one()).rows(0, 2)[0], values)


def test_a_npy_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4), "float32"))
    [array] = opened(tmp_path / "a.npy", one()).arrays
    assert isinstance(array, np.memmap)


def test_a_folder_holds_an_array_for_each_input(tmp_path: Path) -> None:
    data = feed(models.nested())
    for name, values in data.items():
        np.save(tmp_path / f"{name}.npy", values)
    got = patchspec.probe(models.nested(), "joined", tmp_path)
    assert got["joined"].shape == (5, 8)


def test_the_files_of_a_folder_for_a_lone_input_follow_one_another_by_name(tmp_path: Path) -> None:
    values = np.arange(40.0).reshape(10, 4)
    for name, part in (("c", values[7:]), ("a", values[:3]), ("b", values[3:7])):
        np.save(tmp_path / f"{name}.npy", part)
    data = opened(tmp_path, one())
    assert isinstance(data.arrays[0], Chained)
    assert data.samples == 10
    parts = [batch.values[0] for batch in batches(data, 4, fixed=False)]
    assert np.array_equal(np.concatenate(parts), values)


def test_files_that_do_not_follow_one_another_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4)))
    np.save(tmp_path / "b.npy", np.zeros((3, 5)))
    with pytest.raises(PatchError, match=r"PS940 .*`b.npy` is of another shape") as caught:
        opened(tmp_path, one())
    assert [problem.code for problem in caught.value.problems] == ["PS940"]


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x93NUMPY\x01\x00\xff\xff" + b"{" * 40)


def _truncated(path: Path) -> None:
    np.save(path, np.zeros((100, 4)))
    path.write_bytes(path.read_bytes()[:200])


def _objects(path: Path) -> None:
    np.save(path, np.array([[{}]], dtype=object), allow_pickle=True)


def _none(path: Path) -> None:
    path.unlink(missing_ok=True)


@pytest.mark.parametrize("spoil", [_garbage, _truncated, _objects, _none])
@pytest.mark.parametrize("suffix", [".npy", ".npz", ""])
def test_what_cannot_be_read_is_refused_and_never_unpickled(
    spoil: Any, suffix: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.npy"
    spoil(file)
    path = file
    if suffix == ".npz":
        path = tmp_path / "x.npz"
        if file.exists():
            file.rename(path)
        if spoil is _objects:
            np.savez(path, x=np.array([[{}]], dtype=object))
    elif not suffix:
        path = tmp_path
    assert codes(lambda: opened(path, one())) == ["PS940"]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2\n")
    assert codes(lambda: opened(tmp_path / "x.csv", one())) == ["PS940"]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.zeros((3, 5)), r"of shape \[3, 5\], the input of \[\?, 4\]"),
        (np.zeros((3, 2, 2)), "it holds as many values: reshape it"),
        (np.zeros(4), "the first axis counts the samples"),
        (np.zeros(()), "of shape"),
        (np.zeros((1,) * 32), "of shape"),
        (np.zeros((0, 4)), "it holds no sample"),
        (np.zeros((3, 4), "complex64"), "complex64, the input takes float32"),
        (np.full((3, 4), "a"), r"\(text\), the input takes float32"),
        (np.array([[{}] * 4]), "object, the input takes float32"),
        (np.zeros((3, 4), "V3"), "no dtype that NumPy knows"),
        (np.zeros((3, 4), "datetime64[s]"), "the input takes float32"),
        ({"x": np.zeros((3, 4)), "y": np.zeros(3)}, "the model has no input `y`"),
        ({}, "the data has no array for the input `x`"),
    ],
)
def test_what_does_not_fit_the_input_is_refused_before_the_model_runs(
    values: Any, what: str
) -> None:
    with pytest.raises(PatchError, match=what) as caught:
        opened(values, one())
    assert [problem.code for problem in caught.value.problems] == ["PS941"]


def test_integers_are_not_made_of_floats_nor_text_of_numbers() -> None:
    with pytest.raises(PatchError, match="PS941 the data for `words` is float64"):
        opened(np.zeros((2, 6)), models.masked())
    words = keras.Input((1,), dtype="string", name="words")
    model = keras.Model(words, layers.StringLookup(vocabulary=["a"])(words))
    assert codes(lambda: opened(np.zeros((2, 1)), model)) == ["PS941"]
    assert opened(np.array([["a"], ["b"]], dtype=object), model).samples == 2


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d: {"a": d["a"]}, "no array for the input `b`"),
        (lambda d: {**d, "c": d["a"]}, "no input `c`"),
        (lambda d: {"A": d["a"], "b": d["b"]}, "did you mean `a`"),
        (lambda d: {**d, "b": d["b"][:3]}, "different lengths: `a` 5, `b` 3"),
        (lambda d: d["a"], "has 2 inputs, and the data is one array"),
    ],
)
def test_several_inputs_need_an_array_each(change: Any, what: str) -> None:
    model = models.nested()
    with pytest.raises(PatchError, match=what) as caught:
        opened(change(feed(model)), model)
    assert [problem.code for problem in caught.value.problems] == ["PS941"]


def test_there_is_no_run_without_data() -> None:
    assert codes(lambda: patchspec.probe(one(), "dense")) == ["PS941"]


def test_labels_are_for_every_output_and_every_sample() -> None:
    names = ["p", "q"]
    good = {"q": np.zeros(3), "p": np.ones((3, 2))}
    assert [label.shape for label in open_labels(good, names, 3)] == [(3, 2), (3,)]
    for bad in ({"p": np.zeros(3)}, {**good, "r": np.zeros(3)}, np.zeros(3)):
        assert codes(lambda b=bad: open_labels(b, names, 3)) == ["PS951"]
    for odd in (np.zeros(4), np.full(3, "a"), np.zeros(())):
        assert codes(lambda o=odd: open_labels(o, ["p"], 3)) == ["PS951"]
