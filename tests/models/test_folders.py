"""Folders: `.keras` files that nobody zipped, and the SavedModels of Keras 2."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.models.opening import open_base
from patchspec.models.protobuf import fields
from patchspec.problems import PatchError, Problem
from tests.conftest import SAMPLES, patch_of


def refused(path: Path) -> Problem:
    with pytest.raises(PatchError) as caught:
        open_base(path)
    return caught.value.problems[0]


# Unzipped


def unzipped(name: str, folder: Path) -> Path:
    model = keras.saving.load_model(SAMPLES / f"{name}.keras")
    keras.saving.save_model(model, folder / name, zipped=False)
    return folder / name


@pytest.mark.parametrize("name", ["functional_linear", "nested", "assets"])
def test_an_unzipped_model_is_the_model(name: str, tmp_path: Path) -> None:
    base, zipped = open_base(unzipped(name, tmp_path)), open_base(SAMPLES / f"{name}.keras")
    assert base.architecture == zipped.architecture
    assert base.state == zipped.state
    assert base.assets == zipped.assets
    patchspec.apply(base, patch_of([])).save(tmp_path / "v.keras")


def test_an_unzipped_model_may_lack_weights_and_take_others(tmp_path: Path) -> None:
    folder = unzipped("functional_linear", tmp_path)
    weights = (folder / "model.weights.h5").rename(tmp_path / "w.weights.h5")
    assert open_base(folder).variables is None
    whole = SAMPLES / "functional_linear.keras"
    assert open_base(folder, weights).state == open_base(whole).state


def test_an_unzipped_model_whose_weights_are_empty_is_refused(tmp_path: Path) -> None:
    folder = unzipped("functional_linear", tmp_path)
    (folder / "model.weights.h5").write_bytes(b"")
    assert refused(folder).code == "PS903"


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5", "assets"])
def test_a_link_in_an_unzipped_model_is_not_followed(name: str, tmp_path: Path) -> None:
    folder = unzipped("assets", tmp_path)
    moved = (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(moved)
    assert refused(folder).code == "PS702"


def test_a_subclass_that_is_not_zipped_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with zipfile.ZipFile(SAMPLES / "hub_backbone.keras") as archive:
        archive.extractall(tmp_path)
    for path in (tmp_path, tmp_path / "config.json"):
        with pytest.raises(PatchError) as caught:
            patchspec.open_base(path)
        [problem] = caught.value.problems
        assert (problem.code, "`.keras` file" in (problem.hint or "")) == ("PS917", True)


def test_a_folder_without_a_model_is_refused_with_what_is_known(tmp_path: Path) -> None:
    problem = refused(tmp_path)
    assert problem.code == "PS903"
    assert "SavedModel" in (problem.hint or "")


# SavedModel


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def field(number: int, value: int | bytes) -> bytes:
    """One field on the wire: a number, or a length and as many bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(path: str, kind: str, said: Any, number: int = 0) -> bytes:
    """A `SavedObject`: node_id, node_path, identifier, metadata, and the version of the two."""
    text = said if isinstance(said, bytes) else json.dumps(said).encode()
    version = field(1, 1) + field(2, 1)
    return field(
        1,
        field(2, number)
        + field(3, path.encode())
        + field(4, kind.encode())
        + field(5, text)
        + field(6, version),
    )


def shape(*sizes: int | None) -> dict[str, Any]:
    return {"class_name": "TensorShape", "items": list(sizes)}


def pair(*items: Any) -> dict[str, Any]:
    return {"class_name": "__tuple__", "items": list(items)}


def layers() -> list[dict[str, Any]]:
    return [
        {
            "class_name": "InputLayer",
            "config": {"batch_input_shape": pair(None, 8, 8, 1), "dtype": "float32",
                       "sparse": False, "ragged": False, "name": "x"},
            "name": "x",
            "inbound_nodes": [],
        },
        {
            "class_name": "Conv2D",
            "config": {"name": "c", "trainable": True, "dtype": "float32", "filters": 2,
                       "kernel_size": pair(3, 3), "strides": pair(1, 1), "padding": "valid",
                       "data_format": "channels_last", "dilation_rate": pair(1, 1), "groups": 1,
                       "activation": "relu", "use_bias": True},
            "name": "c",
            "inbound_nodes": [[["x", 0, 0, {}]]],
        },
    ]  # fmt: skip


def root(**more: Any) -> dict[str, Any]:
    config = {
        "name": "m",
        "layers": layers(),
        "input_layers": [["x", 0, 0]],
        "output_layers": [["c", 0, 0]],
    }
    return {
        "name": "m",
        "trainable": True,
        "class_name": "Functional",
        "config": config,
        "build_input_shape": shape(None, 8, 8, 1),
        "keras_version": "2.11.0",
        "backend": "tensorflow",
        "model_config": {"class_name": "Functional", "config": config},
        **more,
    }


def write(folder: Path, nodes: Iterable[bytes] | None = None) -> Path:
    """The folder of a SavedModel, as far as it is looked at."""
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_bytes(b"\x08\x01")
    listed = nodes or [
        node("root", "_tf_keras_network", root()),
        node("root.layer-0", "_tf_keras_input_layer", {"class_name": "InputLayer"}, 1),
        node("root.layer_with_weights-0", "_tf_keras_layer", {"class_name": "Conv2D"}, 200),
    ]
    (folder / "keras_metadata.pb").write_bytes(b"".join(listed))
    return folder


def test_the_config_of_a_saved_model_opens_without_its_weights(tmp_path: Path) -> None:
    base = open_base(write(tmp_path))
    assert base.variables is None
    assert [layer.path for layer in base.graph.in_order] == ["x", "c"]
    assert base.graph.layers["c"].config["kernel_size"] == [3, 3]
    assert "keras2" in {step.dialect for step in base.upgrades}


def test_a_saved_model_of_a_sequential_opens(tmp_path: Path) -> None:
    first = layers()[1]["config"] | {"batch_input_shape": pair(None, 8, 8, 1)}
    config = {"name": "s", "layers": [{"class_name": "Conv2D", "config": first}]}
    said = {"class_name": "Sequential", "config": config, "keras_version": "2.9.0"}
    base = open_base(write(tmp_path, [node("root", "_tf_keras_sequential", said)]))
    assert base.graph.is_sequential


def test_inspect_says_where_the_weights_stayed_and_apply_what_to_do(
    tmp_path: Path, capsys: Any
) -> None:
    folder = write(tmp_path)
    assert main(["inspect", str(folder), "--no-shapes"]) == 0
    assert "no weights: opened without weights: those in `variables/`" in capsys.readouterr().out
    assert main(["inspect", str(folder), "--no-shapes", "--json"]) == 0
    assert "--weights" in json.loads(capsys.readouterr().out)["no_weights"]
    with pytest.raises(PatchError) as caught:
        patchspec.apply(folder, patch_of([]))
    [problem] = caught.value.problems
    assert problem.code == "PS910"
    assert "save_weights" in (problem.hint or "")


def test_weights_beside_a_saved_model(tmp_path: Path) -> None:
    values = {
        "c/vars/0": np.random.default_rng(0).normal(size=(3, 3, 1, 2)).astype("float32"),
        "c/vars/1": np.ones(2, "float32"),
    }
    np.savez(tmp_path / "w.npz", **values)
    (tmp_path / "saved").mkdir()
    base = open_base(write(tmp_path / "saved"), tmp_path / "w.npz")
    model = patchspec.apply(base, patch_of([])).model
    assert np.array_equal(model.get_layer("c").kernel, values["c/vars/0"])


def test_a_saved_model_without_a_keras_config_is_refused_with_what_to_do(tmp_path: Path) -> None:
    folder = write(tmp_path)
    (folder / "keras_metadata.pb").unlink()
    problem = refused(folder)
    assert problem.code == "PS926"
    assert "model.export" in (problem.hint or "")


def test_what_keras_3_exports_is_refused(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"\x08\x01")
    (tmp_path / "fingerprint.pb").write_bytes(b"")
    assert refused(tmp_path).code == "PS926"


@pytest.mark.parametrize(
    "said", [{"class_name": "Mine", "config": {"size": 3}}, {"class_name": "Mine"}, [], None]
)
def test_a_root_that_lists_no_layers_is_refused(said: Any, tmp_path: Path) -> None:
    problem = refused(write(tmp_path, [node("root", "_tf_keras_model", said)]))
    assert problem.code == "PS926"
    assert "`_tf_keras_model`" in problem.message


def test_metadata_without_a_root_is_refused(tmp_path: Path) -> None:
    assert refused(write(tmp_path, [node("root.layer-0", "x", {})])).code == "PS926"


@pytest.mark.parametrize(
    "content",
    [
        node("root", "_tf_keras_network", root())[:-5],
        node("root", "_tf_keras_network", b"{")[:],
        node("root", "_tf_keras_network", b'{"a": 1, "b": NaN}'),
        b"\xff" * 20,
        field(1, b"\x0f"),
        varint(1 << 3 | 3),
        varint(1 << 3 | 2) + varint(1 << 40),
        field(1, field(3, b"\xff\xfe")),
        b"\x02\x00",
    ],
)
def test_broken_metadata_is_refused(content: bytes, tmp_path: Path) -> None:
    assert refused(write(tmp_path, [content])).code == "PS903"


def test_fields_are_read_by_number_and_kind() -> None:
    content = field(1, 300) + b"\x15abcd" + b"\x19abcdefgh" + field(16, b"text")
    found = [(n, v if isinstance(v, int) else bytes(v)) for n, v in fields(memoryview(content))]
    assert found == [(1, 300), (2, b"abcd"), (3, b"abcdefgh"), (16, b"text")]
