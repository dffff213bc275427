"""Weights beside an architecture: each variable goes where its name says, or none."""

from __future__ import annotations

import contextlib
import json
import struct
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest

import patchspec
from patchspec.building.live import base_of
from patchspec.models.base import Base, Variable
from patchspec.models.opening import open_base
from patchspec.models.weights_out import write_weights
from patchspec.problems import PatchError, Problem
from tests import nested_models
from tests.conftest import SAMPLES, patch_of
from tests.zoo import randomised

L = keras.layers


def small() -> Any:
    """Two branches of equal layers, so that a counter alone could swap them; a cell; statistics."""
    x = keras.Input((6, 4), name="x")
    a, b = L.Dense(4, name="a")(x), L.Dense(4, name="b")(x)
    y = L.LSTM(3, name="lstm")(L.Add(name="sum")([a, b]))
    y = L.BatchNormalization(name="bn")(y)
    return randomised(keras.Model(x, L.Dense(2, name="head")(y), name="small"))


def architecture(model: Any, folder: Path, **layers: Any) -> Path:
    """The JSON of a model; `layers` are classes that it is made of and that Keras does not know."""
    path = folder / "m.json"
    path.write_text(model.to_json())
    return path


def without_names(path: Path) -> Path:
    """The weights as Keras before 3.6 wrote them: groups without names."""
    with h5py.File(path, "a") as file:
        file.visititems(lambda _, group: group.attrs.pop("name", None) and None)
    return path


def same(base: Base, model: Any) -> bool:
    """Whether the base holds every variable of the live model, bit by bit."""
    return base.state == base_of(model).state


def problems(path: Path, weights: Path) -> tuple[Problem, ...]:
    with pytest.raises(PatchError) as caught:
        open_base(path, weights)
    return caught.value.problems


def code(path: Path, weights: Path) -> str:
    return problems(path, weights)[0].code


def arrays(model: Any) -> dict[str, Any]:
    variables = base_of(model).variables or {}
    return {path: v.read() for path, v in variables.items()}


def npz(path: Path, values: Mapping[str, Any]) -> Path:
    np.savez(path, **values)
    return path


# Keras 3's own files


@pytest.mark.parametrize(
    "make", [small, nested_models.outer, nested_models.deep, nested_models.stack]
)
@pytest.mark.parametrize("named", [True, False])
def test_weights_of_keras_3_go_to_the_layers_that_they_name(
    make: Any, named: bool, tmp_path: Path
) -> None:
    model = randomised(make())
    path = architecture(model, tmp_path)
    weights = tmp_path / "m.weights.h5"
    model.save_weights(weights)
    base = open_base(path, weights if named else without_names(weights))
    assert same(base, model)
    assert base.weights == str(weights)


def test_a_name_decides_against_a_counter(tmp_path: Path) -> None:
    model = small()
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        layers = file["layers"]
        layers.move("dense", "other")
        layers.move("dense_1", "dense")
        layers.move("other", "dense_1")
    assert same(open_base(path, weights), model)


def test_a_name_that_the_config_does_not_have_is_refused(tmp_path: Path) -> None:
    model = small()
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        file["layers/dense/vars"].attrs["name"] = "stranger"
    [problem] = problems(path, weights)
    assert problem.code == "PS508"
    assert "`layers/dense` is `stranger`" in problem.message


def test_a_name_of_a_layer_of_another_class_is_refused(tmp_path: Path) -> None:
    model = small()
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        file["layers/lstm/vars"].attrs["name"] = "bn"
        file["layers/batch_normalization/vars"].attrs["name"] = "lstm"
    assert [p.code for p in problems(path, weights)] == ["PS508", "PS508"]


def test_two_groups_of_one_name_are_refused(tmp_path: Path) -> None:
    model = small()
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        file["layers/dense/vars"].attrs["name"] = file["layers/dense_1/vars"].attrs["name"]
    assert "and so does" in problems(path, weights)[0].message


@pytest.mark.parametrize("value", [np.zeros(4), ["a", "b"], 3])
def test_a_name_that_is_no_text_is_refused(value: Any, tmp_path: Path) -> None:
    model = small()
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    with h5py.File(weights, "a") as file:
        file["layers/dense/vars"].attrs["name"] = value
    assert code(path, weights) == "PS703"


def test_the_state_of_an_optimizer_goes_with_a_compiled_architecture_and_is_named_elsewhere(
    tmp_path: Path,
) -> None:
    model = small()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    path, weights = architecture(model, tmp_path), tmp_path / "m.weights.h5"
    model.save_weights(weights)
    assert len(open_base(path, weights).optimizer) == len(model.optimizer.variables)
    document = json.loads(path.read_text())
    del document["compile_config"]
    path.write_text(json.dumps(document))
    base = open_base(path, weights)
    assert base.optimizer == {}
    assert "the optimizer's state" in base.upgrades[-1].text


def test_shards_are_read_as_one_file(tmp_path: Path) -> None:
    inner = keras.Sequential([keras.Input((64,)), L.Dense(64, name="d")], name="inner")
    x = keras.Input((64,), name="x")
    model = randomised(keras.Model(x, L.Dense(64, name="d2")(inner(L.Dense(64, name="d1")(x)))))
    weights = tmp_path / "m.weights.json"
    model.save_weights(weights, max_shard_size=20_000 / 1024**3)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 2
    assert same(open_base(architecture(model, tmp_path), weights), model)


def sharded(folder: Path, *files: Any) -> Path:
    path = folder / "m.weights.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": list(files)}}))
    return path


@pytest.mark.parametrize(
    "said", ["../m.h5", "/etc/hosts", "a/../../m.h5", "c:\\m.h5", "a\\m.h5", "", 3, "."]
)
def test_a_shard_outside_the_folder_is_refused(said: Any, tmp_path: Path) -> None:
    path = architecture(small(), tmp_path)
    assert code(path, sharded(tmp_path, said)) == "PS923"


def test_a_shard_that_is_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "secret.h5").write_bytes(b"x")
    (tmp_path / "in" / "m.h5").symlink_to(tmp_path / "secret.h5")
    path = architecture(small(), tmp_path)
    assert code(path, sharded(tmp_path / "in", "m.h5")) == "PS923"


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    [problem] = problems(architecture(small(), tmp_path), sharded(tmp_path, "gone.h5"))
    assert (problem.code, "`gone.h5`" in problem.message) == ("PS902", True)


def test_shards_that_hold_the_same_twice_are_refused(tmp_path: Path) -> None:
    model = small()
    for name in ("one", "two"):
        model.save_weights(tmp_path / f"{name}.weights.h5")
    weights = sharded(tmp_path, "one.weights.h5", "two.weights.h5")
    assert code(architecture(model, tmp_path), weights) == "PS508"


@pytest.mark.parametrize("text", ["{}", '{"weight_map": []}', "{"])
def test_a_list_of_shards_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    weights = tmp_path / "m.weights.json"
    weights.write_text(text)
    assert code(architecture(small(), tmp_path), weights) == "PS903"


# By path


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("make", [small, nested_models.outer, nested_models.deep])
def test_weights_by_path_give_the_model_back(make: Any, suffix: str, tmp_path: Path) -> None:
    model = randomised(make())
    weights = write_weights(tmp_path / f"w.{suffix}", (base_of(model).variables or {}).values())
    assert same(open_base(architecture(model, tmp_path), weights), model)


def test_the_model_computes_what_it_did(tmp_path: Path) -> None:
    model = small()
    weights = write_weights(tmp_path / "w.npz", (base_of(model).variables or {}).values())
    base = open_base(architecture(model, tmp_path), weights)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    variant = patchspec.apply(base, patch_of([]))
    assert np.array_equal(variant.model(x), model(x))


def test_keras_own_paths_are_taken_where_they_are_exact(tmp_path: Path) -> None:
    model = small()
    values = {v.path: np.array(v) for v in model.weights}
    path = architecture(model, tmp_path)
    assert same(open_base(path, npz(tmp_path / "w.npz", values)), model)
    del values["a/bias"]
    assert code(path, npz(tmp_path / "x.npz", values)) == "PS508"


def test_missing_and_extra_variables_are_listed_with_the_nearest_names(tmp_path: Path) -> None:
    model = small()
    values = arrays(model)
    values["heads/vars/0"] = values.pop("head/vars/0")
    missing, extra = problems(architecture(model, tmp_path), npz(tmp_path / "w.npz", values))
    assert (missing.code, extra.code) == ("PS508", "PS508")
    assert "lacks 1 of" in missing.message
    assert missing.message.endswith("head/vars/0")
    assert missing.notes == ("`head/vars/0` is closest to `heads/vars/0`",)
    assert extra.message.endswith("heads/vars/0")


def test_a_variable_of_another_shape_is_listed(tmp_path: Path) -> None:
    model = small()
    values = {**arrays(model), "a/vars/0": np.zeros((4, 5), "float32")}
    [problem] = problems(architecture(model, tmp_path), npz(tmp_path / "w.npz", values))
    assert problem.code == "PS508"
    assert problem.notes == ("`a/vars/0` has (4, 5), not (4, 4)",)


class Scaled(L.Layer):
    """A layer whose variables only Keras knows."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


def custom() -> Any:
    x = keras.Input((4,), name="x")
    return randomised(keras.Model(x, Scaled(name="s")(x)))


def test_the_variables_of_a_custom_layer_are_checked_when_it_is_built(tmp_path: Path) -> None:
    model, given = custom(), {"Scaled": Scaled}
    path = architecture(model, tmp_path)
    fits = open_base(path, npz(tmp_path / "a.npz", arrays(model)))
    variant = patchspec.apply(fits, patch_of([]), custom_objects=given)
    assert np.array_equal(variant.model.get_layer("s").scale, model.get_layer("s").scale)
    unfit = open_base(path, npz(tmp_path / "b.npz", {"s/vars/0": np.zeros(3, "float32")}))
    with pytest.raises(PatchError) as caught:
        patchspec.apply(unfit, patch_of([]), custom_objects=given)
    assert caught.value.problems[0].code == "PS508"


# Dtypes


def one_dense(dtype: str, folder: Path) -> tuple[Any, Path]:
    x = keras.Input((4,), name="x")
    model = randomised(keras.Model(x, L.Dense(3, name="d", dtype=dtype)(x)))
    return model, architecture(model, folder)


@pytest.mark.parametrize(
    ("stored", "wanted", "fits"),
    [
        ("float16", "float32", True),
        ("bfloat16", "float32", True),
        ("float32", "float64", True),
        ("float32", "float32", True),
        ("bfloat16", "bfloat16", True),
        ("float32", "mixed_float16", True),
        ("float16", "mixed_float16", True),
        ("float32", "float16", False),
        ("float32", "bfloat16", False),
        ("float16", "bfloat16", False),
        ("bfloat16", "float16", False),
        ("float64", "float32", False),
        ("int32", "float32", False),
    ],
)
def test_only_a_wider_float_takes_the_values_of_another_dtype(
    stored: str, wanted: str, fits: bool, tmp_path: Path
) -> None:
    model, path = one_dense(wanted, tmp_path)
    values = {p: np.asarray(v).astype(stored) for p, v in arrays(model).items()}
    variables = [Variable(p, v.shape, stored, lambda v=v: v) for p, v in values.items()]
    weights = write_weights(tmp_path / "w.npz", variables)
    if not fits:
        assert {p.code for p in problems(path, weights)} == {"PS921"}
        return
    base = open_base(path, weights)
    kind = "float32" if wanted.startswith("mixed") else wanted
    for name, variable in (base.variables or {}).items():
        assert variable.dtype == variable.read().dtype.name == kind
        assert np.array_equal(variable.read().astype("float64"), values[name].astype("float64"))


# Files that are not to be trusted


def test_pickled_objects_are_never_read(tmp_path: Path) -> None:
    values = {**arrays(small()), "a/vars/0": np.array([{}], dtype=object)}
    np.savez(tmp_path / "w.npz", **values)
    [problem] = problems(architecture(small(), tmp_path), tmp_path / "w.npz")
    assert problem.code == "PS703"
    assert "Python objects" in problem.message


def npy(shape: Any, dtype: str = "<f4", data: bytes = b"") -> bytes:
    said = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode()
    said += b" " * (-(len(said) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said)) + said + data


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (npy((1 << 40,)), "PS703"),
        (npy((2,), data=b"\0" * 4), "PS703"),
        (npy((2,), data=b"\0" * 12), "PS703"),
        (npy((2,), "<U4", b"\0" * 32), "PS703"),
        (npy((2,), "<M8[s]", b"\0" * 16), "PS703"),
        (npy((-2,)), "PS703"),
        (b"nothing", "PS903"),
        (npy((2,))[:9], "PS903"),
        (b"\x93NUMPY\x09\x00" + b"\0" * 20, "PS903"),
    ],
)
def test_an_array_that_claims_what_it_does_not_hold_is_refused(
    content: bytes, expected: str, tmp_path: Path
) -> None:
    weights = tmp_path / "w.npz"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("a/vars/0.npy", content)
    assert code(architecture(small(), tmp_path), weights) == expected


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    weights = tmp_path / "w.npz"
    with zipfile.ZipFile(weights, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/vars/0.npy", npy((8 << 20,), data=b"\0" * (32 << 20)))
    assert code(architecture(small(), tmp_path), weights) == "PS703"


def test_a_member_that_stands_twice_is_refused(tmp_path: Path) -> None:
    weights = tmp_path / "w.npz"
    with zipfile.ZipFile(weights, "w") as archive:
        archive.writestr("a/vars/0.npy", npy((0,)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/vars/0.npy", npy((0,)))
    assert code(architecture(small(), tmp_path), weights) == "PS703"


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    model = small()
    path = architecture(model, tmp_path)
    variables = (base_of(model).variables or {}).values()
    for suffix in ("npz", "safetensors"):
        weights = write_weights(tmp_path / f"w.{suffix}", variables)
        weights.write_bytes(weights.read_bytes()[:-40])
        assert code(path, weights) == "PS903", suffix


def test_a_damaged_value_is_refused_when_it_is_read(tmp_path: Path) -> None:
    x = keras.Input((64,), name="x")
    model = randomised(keras.Model(x, L.Dense(64, name="d")(x)))
    weights = write_weights(tmp_path / "w.npz", (base_of(model).variables or {}).values())
    content = bytearray(weights.read_bytes())
    content[10_000] ^= 0xFF
    weights.write_bytes(content)
    base = open_base(architecture(model, tmp_path), weights)
    with pytest.raises(PatchError) as caught:
        base.state  # noqa: B018
    assert caught.value.problems[0].code == "PS903"


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_whatever_is_damaged_is_a_refusal_and_no_traceback(suffix: str, tmp_path: Path) -> None:
    model = small()
    path = architecture(model, tmp_path)
    variables = (base_of(model).variables or {}).values()
    weights = write_weights(tmp_path / f"w.{suffix}", variables)
    good, random = weights.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        content = bytearray(good)
        for at in random.integers(0, len(content), 3):
            content[at] = random.integers(256)
        weights.write_bytes(content)
        with contextlib.suppress(PatchError):
            open_base(path, weights).state  # noqa: B018


def test_compressed_and_big_endian_and_fortran_arrays_are_read(tmp_path: Path) -> None:
    model = small()
    values = arrays(model)
    values["a/vars/0"] = np.asfortranarray(values["a/vars/0"])
    values["b/vars/0"] = values["b/vars/0"].astype(">f4")
    np.savez_compressed(tmp_path / "w.npz", **values)
    assert same(open_base(architecture(model, tmp_path), tmp_path / "w.npz"), model)


def test_safetensors_without_the_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small()
    variables = (base_of(model).variables or {}).values()
    weights = write_weights(tmp_path / "w.safetensors", variables)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setattr("patchspec.models.safetensors_file.find_spec", lambda _: None)
    [problem] = problems(architecture(model, tmp_path), weights)
    assert problem.code == "PS920"
    assert "patchspec[safetensors]" in (problem.hint or "")
    with pytest.raises(PatchError) as caught:
        write_weights(tmp_path / "v.safetensors", variables)
    assert caught.value.problems[0].code == "PS920"


def test_a_dtype_that_only_safetensors_has_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save  # noqa: PLC0415

    values = arrays(small())
    content = save({k: np.ascontiguousarray(v) for k, v in values.items()})
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    begin, end = header["a/vars/0"]["data_offsets"]
    header["a/vars/0"] |= {"dtype": "F8_E4M3", "shape": [end - begin]}
    text = json.dumps(header).encode()
    weights = tmp_path / "w.safetensors"
    weights.write_bytes(len(text).to_bytes(8, "little") + text + content[8 + length :])
    assert code(architecture(small(), tmp_path), weights) == "PS921"


# What goes with what


def test_a_keras_file_without_weights_takes_them_and_one_with_weights_does_not(
    tmp_path: Path,
) -> None:
    whole = SAMPLES / "functional_linear.keras"
    bare = tmp_path / "bare.keras"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(bare, "w") as out:
        for name in ("metadata.json", "config.json"):
            out.writestr(name, source.read(name))
    assert open_base(bare).variables is None
    assert open_base(bare, whole).state == open_base(whole).state
    assert code(whole, whole) == "PS916"


def test_a_keras_file_gives_its_weights_and_files_to_the_same_architecture(tmp_path: Path) -> None:
    whole = open_base(SAMPLES / "assets.keras")
    path = tmp_path / "m.json"
    path.write_text(json.dumps(whole.document))
    base = open_base(path, SAMPLES / "assets.keras")
    assert (base.state, base.assets) == (whole.state, whole.assets)


@pytest.mark.parametrize("name", ["tfk_linear", "tfk_mha"])
def test_weights_of_tf_keras_follow_the_order_of_the_old_config(name: str, tmp_path: Path) -> None:
    whole = SAMPLES / f"{name}.keras"
    with zipfile.ZipFile(whole) as archive:
        archive.extractall(tmp_path)
    base = open_base(tmp_path / "config.json", tmp_path / "model.weights.h5")
    assert base.state == open_base(whole).state


def test_weights_alone_are_no_model(tmp_path: Path) -> None:
    model = small()
    variables = (base_of(model).variables or {}).values()
    model.save_weights(tmp_path / "m.weights.h5")
    for path in (
        write_weights(tmp_path / "w.npz", variables),
        write_weights(tmp_path / "w.safetensors", variables),
        sharded(tmp_path, "m.weights.h5"),
        tmp_path / "m.weights.h5",
    ):
        with pytest.raises(PatchError) as caught:
            open_base(path)
        assert caught.value.problems[0].code == "PS915", path


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    path = architecture(small(), tmp_path)
    (tmp_path / "w.bin").write_bytes(b"\1" * 100)
    assert code(path, tmp_path / "w.bin") == "PS903"
    assert code(path, tmp_path / "gone.npz") == "PS902"
    assert code(path, tmp_path) == "PS902"


# Out


def variable(path: str, value: Any) -> Variable:
    array = np.asarray(value)
    return Variable(path, array.shape, array.dtype.name, lambda: array)


VALUES = [
    variable("z/vars/0", np.float32([[1.5, -0.0], [np.nan, np.inf]])),
    variable("a/vars/0", np.array([1, 2.5, -3], ml_dtypes.bfloat16)),
    variable("a/vars/1", np.array(2.5, ml_dtypes.bfloat16)),
    variable("a/vars/2", np.array([[True], [False]])),
    variable("b/vars/0", np.int8(-3)),
    variable("b/vars/1", np.array([1 << 60, -1])),
    variable("b/vars/2", np.array(7, "uint32")),
    variable("b/vars/10", np.zeros((0, 3), "float16")),
    variable("c/vars/0", np.zeros((2, 0), ml_dtypes.bfloat16)),
    variable("c/vars/1", np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    variable("c/vars/2", np.array([1 + 2j], "complex64")),
]


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_what_is_written_is_read_back_bit_by_bit(suffix: str, tmp_path: Path) -> None:
    from patchspec.models.npz import read_npz  # noqa: PLC0415
    from patchspec.models.safetensors_file import read_safetensors  # noqa: PLC0415

    path = write_weights(tmp_path / f"w.{suffix}", VALUES)
    found = (read_npz if suffix == "npz" else read_safetensors)(path)
    assert set(found) == {v.path for v in VALUES}
    for one in VALUES:
        other = found[one.path]
        assert (other.shape, other.dtype) == (one.shape, one.dtype)
        assert other.read().dtype == one.read().dtype
        assert other.read().shape == one.shape
        assert other.read().tobytes() == one.read().tobytes(), one.path


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_the_same_values_give_the_same_bytes_in_any_order(suffix: str, tmp_path: Path) -> None:
    one = write_weights(tmp_path / f"a.{suffix}", VALUES)
    other = write_weights(tmp_path / f"b.{suffix}", VALUES[::-1])
    assert one.read_bytes() == other.read_bytes()


def test_others_read_what_is_written(tmp_path: Path) -> None:
    from safetensors import safe_open  # noqa: PLC0415

    plain = [one for one in VALUES if one.dtype != "bfloat16"]
    with np.load(write_weights(tmp_path / "w.npz", plain)) as loaded:
        assert sorted(loaded) == sorted(one.path for one in plain)
        assert np.array_equal(loaded["b/vars/1"], [1 << 60, -1])
    path = write_weights(tmp_path / "w.safetensors", plain)
    with safe_open(path, framework="np") as opened:
        for one in plain:
            assert opened.get_tensor(one.path).tobytes() == one.read().tobytes()


def test_every_tensor_of_safetensors_is_aligned(tmp_path: Path) -> None:
    content = write_weights(tmp_path / "w.safetensors", VALUES).read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert length % 8 == 0
    for said in json.loads(content[8 : 8 + length]).values():
        width = {"F64": 8, "I64": 8, "C64": 8, "F32": 4, "U32": 4, "BF16": 2, "F16": 2}
        assert said["data_offsets"][0] % width.get(said["dtype"], 1) == 0


def test_a_dtype_that_safetensors_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PatchError) as caught:
        write_weights(tmp_path / "w.safetensors", [variable("a/vars/0", np.complex128(1j))])
    assert caught.value.problems[0].code == "PS921"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["w.h5", "w.keras", "w", "w.npy"])
def test_another_suffix_is_refused_with_the_choices(name: str, tmp_path: Path) -> None:
    variant = patchspec.apply(SAMPLES / "functional_linear.keras", patch_of([]))
    with pytest.raises(PatchError) as caught:
        variant.save_weights(tmp_path / name)
    [problem] = caught.value.problems
    assert problem.code == "PS922"
    assert "`.npz` or `.safetensors`" in (problem.hint or "")


def test_the_weights_of_a_variant_go_with_its_architecture(tmp_path: Path) -> None:
    patch = patch_of("- {op: insert, after: d1, new: {class: Dense, name: n, config: {units: 4}}}")
    variant = patchspec.apply(SAMPLES / "functional_linear.keras", patch)
    weights = variant.save_weights(tmp_path / "v.safetensors")
    base = open_base(architecture(variant.model, tmp_path), weights)
    assert base.state == variant.state
    with pytest.raises(PatchError) as caught:
        variant.save_weights(weights)
    assert caught.value.problems[0].code == "PS904"
    variant.save_weights(weights, force=True)
