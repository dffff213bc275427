"""Layers models of TensorFlow.js: topology, shards and quantized weights, written here by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.models.opening import open_base
from patchspec.problems import PatchError, Problem
from tests.conftest import patch_of
from tests.corpus.files import CORPUS

RNG = np.random.default_rng(5)
WEIGHTS: Mapping[str, Any] = {
    "a/kernel": RNG.normal(size=(4, 3)).astype("float32"),
    "a/bias": RNG.normal(size=3).astype("float32"),
    "lstm/lstm_cell/kernel": RNG.normal(size=(3, 8)).astype("float32"),
    "lstm/lstm_cell/recurrent_kernel": RNG.normal(size=(2, 8)).astype("float32"),
    "lstm/lstm_cell/bias": RNG.normal(size=8).astype("float32"),
}
PLACES = {
    "a/kernel": "a/vars/0",
    "a/bias": "a/vars/1",
    "lstm/lstm_cell/kernel": "lstm/cell/vars/0",
    "lstm/lstm_cell/recurrent_kernel": "lstm/cell/vars/1",
    "lstm/lstm_cell/bias": "lstm/cell/vars/2",
}


def layer(kind: str, name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"name": name, "trainable": True, **config}}


def topology() -> dict[str, Any]:
    """What tensorflowjs_converter takes over from the config of Keras 2."""
    layers = [
        layer("Dense", "a", units=3, activation="linear", use_bias=True,
              batch_input_shape=[None, 5, 4], dtype="float32"),
        layer("LSTM", "lstm", units=2, activation="tanh", recurrent_activation="sigmoid",
              use_bias=True, implementation=2, return_sequences=False),
    ]  # fmt: skip
    return {
        "keras_version": "2.4.0",
        "backend": "tensorflow",
        "model_config": {"class_name": "Sequential", "config": {"name": "m", "layers": layers}},
    }


def quantized(value: Any, dtype: str) -> tuple[Any, dict[str, Any]]:
    """A value in fewer bits, and how to get it back."""
    if dtype == "float16":
        return value.astype("float16"), {"dtype": dtype}
    least, most = float(value.min()), float(value.max())
    scale = (most - least) / np.iinfo(dtype).max
    return np.round((value - least) / scale).astype(dtype), {
        "dtype": dtype,
        "min": least,
        "scale": scale,
    }


def write(
    folder: Path,
    *,
    weights: Mapping[str, Any] = WEIGHTS,
    shard_size: int = 1 << 20,
    bits: str | None = None,
    **more: Any,
) -> Path:
    """A model as tensorflowjs_converter writes it: the bytes of a group, cut into shards."""
    entries, content = [], b""
    for name, value in weights.items():
        entry = {"name": name, "shape": list(value.shape), "dtype": value.dtype.name}
        stored = value
        if bits:
            stored, entry["quantization"] = quantized(value, bits)
        content += stored.tobytes()
        entries.append(entry)
    parts = [content[i : i + shard_size] for i in range(0, len(content), shard_size)]
    paths = [f"group1-shard{i + 1}of{len(parts)}.bin" for i in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        (folder / path).write_bytes(part)
    said = {
        "format": "layers-model",
        "modelTopology": topology(),
        "weightsManifest": [{"paths": paths, "weights": entries}],
        **more,
    }
    return said_in(folder, said)


def said_in(folder: Path, said: Any) -> Path:
    path = folder / "model.json"
    path.write_text(json.dumps(said))
    return path


def edited(path: Path, edit: Any) -> Path:
    said = json.loads(path.read_text())
    edit(said)
    return said_in(path.parent, said)


def refused(path: Path) -> Problem:
    with pytest.raises(PatchError) as caught:
        open_base(path)
    return caught.value.problems[0]


@pytest.mark.parametrize("shard_size", [1 << 20, 100, 7])
def test_weights_are_found_by_name_across_shards(shard_size: int, tmp_path: Path) -> None:
    base = open_base(write(tmp_path, shard_size=shard_size))
    assert base.variables is not None
    assert set(base.variables) == set(PLACES.values())
    for name, path in PLACES.items():
        assert np.array_equal(base.variables[path].read(), WEIGHTS[name])
    assert patchspec.apply(base, patch_of([])).model.count_params() == 15 + 48


def test_several_groups_are_several_runs_of_bytes(tmp_path: Path) -> None:
    path = write(tmp_path)

    def split(said: Any) -> None:
        [group] = said["weightsManifest"]
        content = (tmp_path / group["paths"][0]).read_bytes()
        (tmp_path / "one.bin").write_bytes(content[:60])
        (tmp_path / "two.bin").write_bytes(content[60:])
        said["weightsManifest"] = [
            {"paths": ["two.bin"], "weights": group["weights"][2:]},
            {"paths": ["one.bin"], "weights": group["weights"][:2]},
        ]

    variables = open_base(edited(path, split)).variables or {}
    for name, place in PLACES.items():
        assert np.array_equal(variables[place].read(), WEIGHTS[name])


@pytest.mark.parametrize("bits", ["uint8", "uint16", "float16"])
def test_quantized_weights_are_read_as_tfjs_reads_them(bits: str, tmp_path: Path) -> None:
    variables = open_base(write(tmp_path, bits=bits)).variables or {}
    for name, place in PLACES.items():
        stored, said = quantized(WEIGHTS[name], bits)
        # One number after the other in double precision, as JavaScript has it.
        wanted = [
            float(v) * said.get("scale", 1.0) + said.get("min", 0.0) for v in stored.reshape(-1)
        ]
        found = variables[place].read()
        assert found.dtype == np.float32
        assert np.array_equal(found.reshape(-1), np.array(wanted, dtype="float32"))


def test_a_quantized_integer_is_rounded_half_up() -> None:
    from patchspec.models.tfjs import _Entry, _value  # noqa: PLC0415

    entry = _Entry("n", (3,), "int32", "uint8", 0.5, -1.0)
    assert _value(np.array([1, 3, 4], "uint8"), entry).tolist() == [0, 1, 1]


def test_without_its_shards_a_model_is_structure_alone_and_says_so(
    tmp_path: Path, capsys: Any
) -> None:
    path = write(tmp_path)
    [shard] = tmp_path.glob("*.bin")
    shard.unlink()
    base = open_base(path)
    assert base.variables is None
    assert shard.name in (base.no_weights or "")
    assert main(["inspect", str(path), "--no-shapes"]) == 0
    assert f"no weights: the shards are not there: {shard.name}" in capsys.readouterr().out
    with pytest.raises(PatchError) as caught:
        patchspec.apply(path, patch_of([]))
    [problem] = caught.value.problems
    assert (problem.code, "--weights" in (problem.hint or "")) == ("PS910", True)


def test_weights_beside_a_model_without_shards(tmp_path: Path) -> None:
    path = write(tmp_path)
    whole = open_base(path)
    state = whole.state
    values = {name: v.read() for name, v in (whole.variables or {}).items()}
    np.savez(tmp_path / "w.npz", **values)
    for shard in tmp_path.glob("*.bin"):
        shard.unlink()
    base = open_base(path, tmp_path / "w.npz")
    assert (base.state, base.no_weights) == (state, None)


def test_a_shard_that_goes_away_is_said_when_it_is_read(tmp_path: Path) -> None:
    base = open_base(write(tmp_path))
    for shard in tmp_path.glob("*.bin"):
        shard.write_bytes(b"")
    with pytest.raises(PatchError) as caught:
        base.state  # noqa: B018
    assert caught.value.problems[0].code == "PS924"
    for shard in tmp_path.glob("*.bin"):
        shard.unlink()
    with pytest.raises(PatchError) as caught:
        base.state  # noqa: B018
    assert caught.value.problems[0].code == "PS902"


def test_some_missing_shards_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, shard_size=100)
    (tmp_path / "group1-shard2of3.bin").unlink()
    problem = refused(path)
    assert problem.code == "PS902"
    assert "group1-shard2of3.bin" in problem.message


@pytest.mark.parametrize("said", ["../x.bin", "/etc/hosts", "a\\b.bin", None])
def test_a_shard_outside_the_folder_is_refused(said: Any, tmp_path: Path) -> None:
    def lead_out(model: Any) -> None:
        model["weightsManifest"][0]["paths"] = [said]

    assert refused(edited(write(tmp_path), lead_out)).code == "PS923"


def change(key: str, value: Any) -> Any:
    def edit(said: Any) -> None:
        said["weightsManifest"][0]["weights"][0][key] = value

    return edit


@pytest.mark.parametrize(
    "edit",
    [
        change("shape", [4, 4]),
        change("shape", [-4, 3]),
        change("shape", [4, 1 << 60]),
        change("shape", None),
        change("name", "a/bias"),
        change("dtype", "string"),
        change("dtype", "complex64"),
        change("quantization", {"dtype": "uint4", "min": 0, "scale": 1}),
        change("quantization", {"dtype": "uint8"}),
        lambda said: said.update(weightsManifest=[{"paths": ["group1-shard1of1.bin"]}]),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused(edit: Any, tmp_path: Path) -> None:
    assert refused(edited(write(tmp_path), edit)).code == "PS924"


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    named = {**WEIGHTS, "stranger/kernel": WEIGHTS["a/kernel"]}
    assert refused(write(tmp_path, weights=named)).code == "PS913"
    other = {**WEIGHTS, "a/kernel": np.zeros((4, 9), "float32")}
    assert refused(write(tmp_path, weights=other)).code == "PS508"


def test_a_graph_model_is_refused_with_what_to_do(tmp_path: Path) -> None:
    for said in (
        {"format": "graph-model", "modelTopology": {}},
        {"modelTopology": {"node": []}},
    ):
        problem = refused(said_in(tmp_path, said))
        assert problem.code == "PS925"
        assert "tfjs_layers_model" in (problem.hint or "")


@pytest.mark.skipif(not CORPUS.is_dir(), reason="needs the corpus")
def test_the_topology_of_a_real_model_opens_without_weights() -> None:
    base = open_base(CORPUS / "tensorspace_acgan_tfjs.json")
    assert base.variables is None
    assert "group1-shard1of1" in (base.no_weights or "")
    assert len(base.graph.layers) == 18
