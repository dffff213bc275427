"""Old files open: which reader by content, what they compute, and what is not read."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.opening import open_base
from patchspec.models.upgraded_file import write_base
from patchspec.problems import PatchError
from tests.conftest import SAMPLES, patch_of
from tests.models.old_configs import entrance, layer, model, ramp, sequential, write_h5

IDENTITY = patchspec.parse("patchspec: 1\noperations: []\n")
RECORDED = sorted(path.name.removesuffix(".npz") for path in SAMPLES.glob("*.npz"))


def code(path: Path, weights: Path | None = None) -> str:
    with pytest.raises(PatchError) as caught:
        open_base(path, weights)
    return caught.value.problems[0].code


def good(path: Path) -> Path:
    config = model([entrance(), layer("Dense", "d", "x", units=2)])
    return write_h5(path, config, {"d": {"d/kernel:0": ramp(4, 2), "d/bias:0": ramp(2)}})


# What they compute


@pytest.mark.parametrize("name", RECORDED)
def test_a_model_of_keras_2_computes_what_it_did(name: str) -> None:
    recorded = np.load(SAMPLES / f"{name}.npz")
    live = patchspec.apply(open_base(SAMPLES / name), IDENTITY).model
    given = [recorded[f"in{i}"] for i in range(len(live.inputs))]
    made = live(given if len(given) > 1 else given[0], training=False)
    for i, one in enumerate(made if isinstance(made, (list, tuple)) else [made]):
        assert np.abs(np.asarray(one) - recorded[f"out{i}"]).max() < 1e-5


def test_hdf5_of_keras_3_is_the_model_that_its_own_archive_is() -> None:
    for name in ("k3_composite", "k3_lstm_state_mask"):
        old = open_base(SAMPLES / f"{name}.h5")
        new = open_base(SAMPLES / f"{name.removeprefix('k3_')}.keras")
        assert old.architecture == new.architecture
        assert set(old.variables or {}) == set(new.variables or {})
        assert [step.dialect for step in old.upgrades] == ["keras3"]
        assert new.upgrades == ()


def test_an_upgraded_file_is_loaded_by_plain_keras_and_patched_like_any(tmp_path: Path) -> None:
    base = open_base(SAMPLES / "tfk_nested.h5")
    written = write_base(base, tmp_path / "new.keras")
    loaded = keras.saving.load_model(written)
    x = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    mine = patchspec.apply(base, IDENTITY).model(x)
    assert (np.asarray(loaded(x)) == np.asarray(mine)).all()
    again = open_base(written)
    assert (again.architecture, again.state) == (base.architecture, base.state)
    assert again.upgrades == ()
    patch = patch_of("- {op: insert, after: seqblock, new: {class: ReLU, name: r}}")
    assert patchspec.apply(base, patch).model.get_layer("r")
    other = write_base(base, tmp_path / "other.keras")
    assert other.read_bytes() == written.read_bytes()
    with zipfile.ZipFile(written) as archive:
        metadata = json.loads(archive.read("metadata.json"))
    assert metadata["patchspec"]["upgraded_from"] == {"keras": "2.21.0"}
    assert metadata["patchspec"]["upgrades"][0]["dialect"] == "keras2"


def test_without_weights_nothing_is_written(tmp_path: Path) -> None:
    text = tmp_path / "m.json"
    text.write_text(json.dumps(model([entrance(), layer("Dense", "d", "x", units=2)])))
    with pytest.raises(PatchError) as caught:
        write_base(open_base(text), tmp_path / "new.keras")
    assert caught.value.problems[0].code == "PS910"
    assert not (tmp_path / "new.keras").exists()


# Which reader


def test_hdf5_is_known_by_its_content_under_any_name(tmp_path: Path) -> None:
    for name in ("m.h5", "m.hdf5", "m.keras", "m.json", "m"):
        assert len(open_base(good(tmp_path / name)).variables or {}) == 2


def test_keras_2_13_counts_layers_with_weights_twice_and_may_use_backslashes(
    tmp_path: Path,
) -> None:
    config = model([
        entrance(), layer("Dense", "a", "x", units=4), layer("ReLU", "r", "a"),
        layer("Dense", "b", "r", units=4),
    ])  # fmt: skip
    config |= {"module": "keras.src.engine.functional", "registered_name": "Functional"}
    weights = tmp_path / "w.h5"
    with h5py.File(weights, "w") as file:
        for group, start in (("dense", 1.0), ("dense_2", 2.0)):
            folder = file.create_group(f"_layer_checkpoint_dependencies\\{group}").create_group(
                "vars"
            )
            folder["0"], folder["1"] = ramp(4, 4, start=start), ramp(4, start=start)
        file["optimizer/vars/0"] = 1.0
        file["metrics\\mean/vars/0"] = 1.0
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "2.13.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.write(weights, "model.weights.h5")
    found = open_base(path).variables or {}
    assert [found[f"{name}/vars/0"].read()[0, 0] for name in "ab"] == [1.0, 2.0]


def test_a_config_inside_what_tensorflow_js_writes(tmp_path: Path) -> None:
    inner = model([entrance(), layer("Dense", "d", "x", units=2)])
    said = {"modelTopology": {"keras_version": "2.1.6-tf", "model_config": inner}}
    path = tmp_path / "model.json"
    path.write_text(json.dumps(said))
    assert list(open_base(path).graph.layers) == ["x", "d"]


# YAML


YAML = """\
class_name: Sequential
keras_version: 2.0.1
config:
- class_name: Dense
  config: &shared
    name: !!python/unicode 'd'
    units: 3
    batch_input_shape: !!python/tuple [null, 4]
    use_bias: true
    activation: linear
"""


def yaml_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "m.yaml"
    path.write_text(text)
    return path


def test_yaml_of_keras_is_read_with_its_tuples_and_aliases(tmp_path: Path) -> None:
    base = open_base(yaml_file(tmp_path, YAML + "meta: [*shared, 1.5e-3, -2, no]\n"))
    assert base.graph.layers["d"].config["units"] == 3
    assert base.graph.layers["d_input"].config["batch_shape"] == [None, 4]


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system ['true']",
        "a: !!python/name:os.system ''",
        "a: !own {}",
        "a: &x [*x]",
        "a: 1\na: 2",
        "? [1]\n: 2",
        "a: " + "[" * 400 + "]" * 400,
        "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"{y}: &{y} [{','.join([f'*{x}'] * 10)}]\n" for x, y in zip("abcdef", "bcdefg",
                  strict=True)),
    ],
)  # fmt: skip
def test_yaml_that_would_do_more_than_hold_values_is_not_read(text: str, tmp_path: Path) -> None:
    assert code(yaml_file(tmp_path, text)) == "PS702"


@pytest.mark.parametrize("text", ["hello", "", "a: [", "\x00", "- 1"])
def test_text_that_is_no_model_is_said_so(text: str, tmp_path: Path) -> None:
    assert code(yaml_file(tmp_path, text)) == "PS903"


# HDF5 without trust


def test_hdf5_that_leads_out_of_the_file_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 64)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["x"] = ramp(4, 2)

    def soft(group: Any) -> None:
        group["kernel:0"] = h5py.SoftLink("/somewhere")

    def outside(group: Any) -> None:
        group["kernel:0"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/x")

    def external(group: Any) -> None:
        group.create_dataset("kernel:0", (4, 2), "f4", external=[(str(secret), 0, 32)])

    def virtual(group: Any) -> None:
        layout = h5py.VirtualLayout((4, 2), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (4, 2))
        group.create_virtual_dataset("kernel:0", layout)

    def bomb(group: Any) -> None:
        group.create_dataset("kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))

    for i, make in enumerate((soft, outside, external, virtual, bomb)):
        path = good(tmp_path / f"{i}.h5")
        with h5py.File(path, "a") as file:
            group = file["model_weights/d/d"]
            del group["kernel:0"]
            make(group)
        assert code(path) == "PS703", make


def test_attributes_that_are_no_text_or_far_too_many_are_not_read(tmp_path: Path) -> None:
    number = good(tmp_path / "a.h5")
    with h5py.File(number, "a") as file:
        file.attrs["model_config"] = np.arange(3)
    many = tmp_path / "b.h5"
    with h5py.File(many, "w", libver="latest") as file:
        file.attrs["model_config"] = json.dumps(model([entrance()]))
        file.create_group("model_weights").attrs["layer_names"] = np.zeros(300_000, "S2")
    for path in (number, many):
        assert code(path) == "PS703"


def test_a_listed_layer_or_weight_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = good(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file["model_weights/d/d/bias:0"]
    assert code(path) == "PS913"
    with h5py.File(path, "a") as file:
        del file["model_weights/d"]
    assert code(path) == "PS913"


def test_a_damaged_file_is_never_a_traceback(tmp_path: Path) -> None:
    whole = good(tmp_path / "m.h5").read_bytes()
    cut = tmp_path / "cut.h5"
    for end in (8, 100, 600, 2000, len(whole) - 200):
        cut.write_bytes(whole[:end])
        assert code(cut) in {"PS903", "PS913", "PS703"}
    config = good(tmp_path / "c.h5")
    for said in ("", "{", "[]", '{"class_name": "Model"}', '{"a": 1, "a": 2}'):
        with h5py.File(config, "a") as file:
            file.attrs["model_config"] = said
        assert code(config) in {"PS903", "PS702"}


def test_the_weights_must_be_a_file_that_is_there(tmp_path: Path) -> None:
    text = tmp_path / "m.json"
    text.write_text(
        json.dumps(sequential(layer("Dense", "d", units=2, batch_input_shape=[None, 4])))
    )
    assert code(text, tmp_path / "none.h5") == "PS902"
    shutil.copy(text, tmp_path / "w.h5")
    assert code(text, tmp_path / "w.h5") == "PS903"
