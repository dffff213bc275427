"""A file loaded here is the model that Keras loads, bit by bit."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import patchspec
from patchspec.building import scope
from patchspec.problems import PatchError
from tests.conftest import SAMPLES
from tests.models.test_files import rewritten, weights
from tests.zoo import image, randomised, zoo

LOADED = [
    "functional_linear", "nested", "shared", "mha_kwargs", "lstm_state_mask", "ops_nodes",
    "functional_dict_io", "functional_list_io", "functional_onelist_io", "composite",
    "compiled_adam", "nested_multi_call", "training_kwarg", "dtype_policies", "assets", "seeded",
    "sequential",
]  # fmt: skip


def arrays(values: Any) -> list[Any]:
    return [np.asarray(keras.ops.convert_to_numpy(value)) for value in values]


def equal(mine: Any, theirs: Any) -> bool:
    """Whether two lists of variables are of the same dtypes and bits."""
    pairs = list(zip(arrays(mine), arrays(theirs), strict=True))
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def inputs(model: Any) -> Any:
    random = np.random.default_rng(0)

    def of(tensor: Any) -> Any:
        shape = [n or 3 for n in tensor.shape]
        if tensor.dtype == "string":
            return keras.ops.convert_to_tensor(np.full(shape, "b"))
        whole = "int" in str(tensor.dtype)
        made = random.integers(0, 2, shape) if whole else random.normal(size=shape)
        return keras.ops.convert_to_tensor(made, tensor.dtype)

    sequential = isinstance(model, keras.Sequential)
    return keras.tree.map_structure(of, model.inputs[0] if sequential else model.input)


def is_same(mine: Any, theirs: Any) -> bool:
    """Whether two models have the same layers, values and predictions."""
    assert type(mine) is type(theirs)
    assert json.loads(mine.to_json()) == json.loads(theirs.to_json())
    assert [w.path for w in mine.weights] == [w.path for w in theirs.weights]
    assert [w.trainable for w in mine.weights] == [w.trainable for w in theirs.weights]
    x = inputs(theirs)
    predicted = [keras.tree.flatten(model(x, training=False)) for model in (mine, theirs)]
    return equal(mine.weights, theirs.weights) and equal(*predicted)


@pytest.mark.parametrize("name", LOADED)
def test_a_file_of_keras_is_loaded_as_keras_does(name: str, sample: Callable[[str], Path]) -> None:
    theirs = keras.saving.load_model(sample(name))
    mine = patchspec.load(sample(name))
    assert is_same(mine, theirs)
    assert mine.compiled == theirs.compiled


@pytest.mark.parametrize(
    "name", ["MobileNetV3Small", pytest.param("NASNetMobile", marks=pytest.mark.slow)]
)
def test_an_application_is_loaded_as_keras_does(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    zoo(name).save(path)
    mine, theirs = patchspec.load(path), keras.saving.load_model(path)
    assert equal(mine.weights, theirs.weights)
    assert json.loads(mine.to_json()) == json.loads(theirs.to_json())
    x = image(theirs)
    assert np.array_equal(mine(x), theirs(x))


def test_a_folder_and_an_hdf5_file_are_loaded_too(tmp_path: Path) -> None:
    model = keras.saving.load_model(SAMPLES / "nested.keras")
    folder, file = tmp_path / "m", tmp_path / "m.h5"
    keras.saving.save_model(model, folder, zipped=False)
    assert is_same(patchspec.load(folder), model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = keras.saving.load_model(SAMPLES / "k3_composite.h5")
    assert is_same(patchspec.load(SAMPLES / "k3_composite.h5"), theirs)
    compiled = keras.saving.load_model(SAMPLES / "compiled_adam.keras")
    compiled.save(file)
    with pytest.warns(UserWarning, match="without what it was compiled with"):
        loaded = patchspec.load(file)
    assert not loaded.compiled
    assert is_same(patchspec.load(file, compile=False), loaded)


def test_a_file_of_keras_2_is_upgraded() -> None:
    with pytest.warns(UserWarning, match="compile it anew"):
        mine = patchspec.load(SAMPLES / "tfk_linear.keras")
    theirs = patchspec.apply(SAMPLES / "tfk_linear.keras", "patchspec: 1\noperations: []\n").model
    assert is_same(mine, theirs)


def trained(optimizer: Any, path: Path) -> Path:
    x = keras.Input((5,), name="x")
    hidden = keras.layers.Dense(7, activation="relu", name="hidden")(x)
    hidden = keras.layers.BatchNormalization(name="bn")(hidden)
    model = randomised(keras.Model(x, keras.layers.Dense(2, name="y")(hidden)))
    model.compile(optimizer, "mse", metrics=["mae"])
    fit(model)
    model.save(path)
    return path


def fit(model: Any) -> Any:
    random = np.random.default_rng(3)
    x, y = random.normal(size=(16, 5)), random.normal(size=(16, 2))
    return model.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0).history


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: keras.optimizers.Adam(0.01),
        lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.9), momentum=0.9
        ),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01)),
        lambda: keras.optimizers.AdamW(0.01, use_ema=True, clipnorm=1.0),
    ],
    ids=["adam", "schedule", "scaled", "ema"],
)
def test_a_compiled_model_goes_on_training_as_keras_s_does(
    optimizer: Callable[[], Any], tmp_path: Path
) -> None:
    path = trained(optimizer(), tmp_path / "m.keras")
    mine, theirs = patchspec.load(path), keras.saving.load_model(path)
    assert equal(mine.optimizer.variables, theirs.optimizer.variables)
    assert mine.get_compile_config() == theirs.get_compile_config()
    assert fit(mine) == fit(theirs)
    assert equal(mine.weights, theirs.weights)
    assert equal(mine.optimizer.variables, theirs.optimizer.variables)
    assert not patchspec.load(path, compile=False).compiled


def test_the_model_does_not_depend_on_the_file(tmp_path: Path) -> None:
    path = trained("adam", tmp_path / "m.keras")
    before = path.read_bytes()
    mine, theirs = patchspec.load(path), keras.saving.load_model(path)
    path.write_bytes(b"\0" * len(before))
    assert equal(mine.weights, theirs.weights)
    assert equal(mine.optimizer.variables, theirs.optimizer.variables)
    path.write_bytes(before)
    fit(mine)
    assert path.read_bytes() == before


def test_where_keras_cannot_wait_for_values_the_model_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scope, "can_wait", lambda: False)
    monkeypatch.delattr(scope.serialization_lib, "ObjectSharingScope")
    mine = patchspec.load(SAMPLES / "composite.keras")
    monkeypatch.undo()
    assert is_same(mine, keras.saving.load_model(SAMPLES / "composite.keras"))


def codes(load: Callable[..., Any], path: Path) -> set[str]:
    with pytest.raises(PatchError) as caught:
        load(path)
    return {problem.code for problem in caught.value.problems}


def test_a_hostile_file_is_refused_as_it_is_when_opened(tmp_path: Path) -> None:
    def soft(out: Any) -> None:
        out["layers/dense/vars/0"] = h5py.SoftLink("/other")

    damaged = tmp_path / "damaged.keras"
    content = bytearray((SAMPLES / "functional_linear.keras").read_bytes())
    with zipfile.ZipFile(SAMPLES / "functional_linear.keras") as archive:
        at = archive.getinfo("model.weights.h5").header_offset + 3000
    content[at] ^= 1
    damaged.write_bytes(content)
    hostile = [
        weights(tmp_path / "soft.keras", soft),
        rewritten(tmp_path / "a.keras", **{"../evil": b"x"}),
        rewritten(tmp_path / "b.keras", config_json=b'{"a": 1, "a": 2}'),
        tmp_path / "nowhere.keras",
    ]
    for path in hostile:
        assert codes(patchspec.load, path) == codes(patchspec.open_base, path)
    # What was opened is compared with its checksum when it is read.
    assert codes(patchspec.load, damaged) == {"PS903"}


def test_code_and_what_nobody_gave_are_refused() -> None:
    assert codes(patchspec.load, SAMPLES / "lambda.keras") == {"PS704"}
    for name in ("custom_registered", "hub_task", "hub_backbone"):
        assert codes(patchspec.load, SAMPLES / f"{name}.keras") == {"PS906"}


def compiled_with(key: str, said: Any, path: Path) -> Path:
    trained("sgd", path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["compile_config"][key] = said
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_compile_configuration_goes_through_the_same_door(tmp_path: Path) -> None:
    code = {"class_name": "__lambda__", "config": {"value": "x"}}
    assert codes(patchspec.load, compiled_with("loss", code, tmp_path / "a.keras")) == {"PS704"}
    foreign = {"module": "os", "class_name": "function", "config": "system"}
    assert codes(patchspec.load, compiled_with("loss", foreign, tmp_path / "b.keras")) == {"PS906"}
    path = compiled_with("optimizer", "no_such", tmp_path / "c.keras")
    assert codes(patchspec.load, path) == {"PS429"}
    assert not patchspec.load(path, compile=False).compiled


class Tower(keras.Model):
    """A functional model behind the arguments of its constructor."""

    def __init__(self, units: int = 3, **kwargs: Any) -> None:
        x = keras.Input((4,), name="x")
        super().__init__(x, keras.layers.Dense(units, name="d")(x), **kwargs)
        self.units = units

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units, "name": self.name}

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:  # noqa: ARG003
        return cls(**config)


class Code(keras.Model):
    """What it computes is in `call` alone."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, x: Any) -> Any:
        return self.dense(x) + 1


@pytest.mark.parametrize("zipped", [True, False], ids=["file", "folder"])
@pytest.mark.parametrize("cls", [Tower, Code])
def test_what_only_its_class_knows_is_loaded_by_keras_and_that_is_said(
    cls: Any, zipped: bool, tmp_path: Path
) -> None:
    path, x = tmp_path / ("m.keras" if zipped else "m"), np.ones((2, 4), "float32")
    model = cls()
    expected = np.asarray(model(x))
    keras.saving.save_model(model, path, zipped=zipped)
    assert codes(patchspec.load, path) == {"PS906"}
    with pytest.warns(UserWarning, match="Keras itself loads"):
        mine = patchspec.load(path, {cls.__name__: cls})
    assert type(mine) is cls
    assert np.array_equal(mine(x), expected)


def test_hostile_weights_are_refused_before_keras_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    keras.saving.save_model(Tower(), folder, zipped=False)
    with h5py.File(folder / "model.weights.h5", "w") as out:
        out["layers/dense/vars/0"] = h5py.SoftLink("/other")
    assert codes(lambda path: patchspec.load(path, {"Tower": Tower}), folder) == {"PS703"}


def test_a_nested_subclass_stays_what_it_is(tmp_path: Path) -> None:
    x = keras.Input((4,), name="x")
    model = randomised(keras.Model(x, keras.layers.Dense(2, name="top")(Tower(name="in")(x))))
    path = tmp_path / "m.keras"
    model.save(path)
    mine = patchspec.load(path, {"Tower": Tower})
    assert type(mine.get_layer("in")) is Tower
    assert equal(mine.weights, model.weights)


def test_what_keras_cannot_load_either_is_refused_in_its_words(tmp_path: Path) -> None:
    class Broken(Tower):
        @classmethod
        def from_config(cls, config: Any, custom_objects: Any = None) -> Any:  # noqa: ARG003
            raise ValueError("not today")

    path = tmp_path / "m.keras"
    Broken().save(path)
    with (
        pytest.warns(UserWarning, match="Keras itself loads"),
        pytest.raises(PatchError) as caught,
    ):
        patchspec.load(path, {"Broken": Broken})
    [problem] = caught.value.problems
    assert problem.code == "PS411"
    assert "not today" in problem.message


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    def other(out: Any) -> None:
        out.create_group("layers/dense/vars").create_dataset("0", (2, 2), "f4")

    assert codes(patchspec.load, weights(tmp_path / "m.keras", other)) == {"PS508"}


def test_an_architecture_alone_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text(keras.saving.load_model(SAMPLES / "nested.keras").to_json())
    assert codes(patchspec.load, path) == {"PS910"}
