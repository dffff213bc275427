"""`--weights-out`: the weights alone beside what a command writes, or nothing at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from patchspec.cli.main import main
from patchspec.cli.shared import _bytes
from patchspec.models.opening import open_base
from patchspec.problems import refuse
from tests.conftest import SAMPLES

BASE = str(SAMPLES / "functional_linear.keras")
PATCH = "patchspec: 1\noperations:\n  - {op: rename, layers: d1, name: one}\n"


@pytest.fixture
def patch(tmp_path: Path) -> str:
    path = tmp_path / "p.patchspec.yaml"
    path.write_text(PATCH)
    return str(path)


def bare(model: Path) -> Path:
    """The architecture of a `.keras` file as JSON."""
    path = model.with_suffix(".json")
    path.write_text(json.dumps(open_base(model).document))
    return path


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "weights.h5", "weights.json"])
def test_apply_writes_the_weights_that_go_with_the_variant(
    suffix: str, patch: str, tmp_path: Path, capsys: Any
) -> None:
    out, weights = tmp_path / "v.keras", tmp_path / f"v.{suffix}"
    assert main(["apply", BASE, patch, "-o", str(out), "--weights-out", str(weights)]) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [str(weights), str(out)]
    assert open_base(bare(out), weights).state == open_base(out).state


@pytest.mark.parametrize("suffix", ["weights.h5", "weights.json"])
def test_keras_loads_weights_that_are_written_as_it_stores_them(
    suffix: str, patch: str, tmp_path: Path
) -> None:
    out, weights = tmp_path / "v.keras", tmp_path / f"v.{suffix}"
    extra = ["--weights-out", str(weights), "--shard-size", "100B"]
    assert main(["apply", BASE, patch, "-o", str(out), *extra]) == 0
    whole = keras.saving.load_model(out)
    fresh = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(whole))
    fresh.load_weights(weights)
    for mine, theirs in zip(fresh.weights, whole.weights, strict=True):
        assert np.array_equal(mine, theirs)
    shards = sorted(path.name for path in tmp_path.glob("v_*"))
    assert shards == (["v_00000.weights.h5", "v_00001.weights.h5"] if "json" in suffix else [])


def test_a_size_is_read_as_people_write_it(patch: str, tmp_path: Path, capsys: Any) -> None:
    assert [_bytes(said) for said in ("7", "500MB", "1.5 GiB")] == [7, 500_000_000, 3 << 29]
    out = str(tmp_path / "v.keras")
    assert main(["apply", BASE, patch, "-o", out, "--shard-size", "much"]) == 2
    assert "'much' is no size such as 500MB" in capsys.readouterr().err


def test_upgrade_writes_the_weights_too(tmp_path: Path, capsys: Any) -> None:
    old, out, weights = SAMPLES / "tfk_lstm.h5", tmp_path / "v.keras", tmp_path / "v.npz"
    arguments = ["upgrade", str(old), "-o", str(out), "--weights-out", str(weights), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["weights"] == str(weights)
    assert open_base(bare(out), weights).state == open_base(old).state


@pytest.mark.parametrize(("name", "code"), [("v.h5", "PS922"), ("there.npz", "PS904")])
def test_a_bad_target_is_refused_before_anything_is_written(
    name: str, code: str, patch: str, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "there.npz").write_text("mine")
    out = tmp_path / "v.keras"
    weights = str(tmp_path / name)
    assert main(["apply", BASE, patch, "-o", str(out), "--weights-out", weights]) == 1
    assert code in capsys.readouterr().err
    assert not out.exists()
    assert (tmp_path / "there.npz").read_text() == "mine"


def test_one_file_for_both_is_wrong_usage(patch: str, tmp_path: Path) -> None:
    out = str(tmp_path / "v.npz")
    assert main(["apply", BASE, patch, "-o", out, "--weights-out", out]) == 2


@pytest.mark.parametrize("suffix", ["npz", "weights.json"])
def test_a_command_that_fails_in_the_end_leaves_no_weights(
    suffix: str, patch: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        refuse("PS905", "the disk is full")

    monkeypatch.setattr("patchspec.rewriting.file_variant.write_archive", fails)
    out, weights = tmp_path / "v.keras", tmp_path / f"v.{suffix}"
    assert main(["apply", BASE, patch, "-o", str(out), "--weights-out", str(weights)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["p.patchspec.yaml"]


def test_what_a_command_reads_is_never_written_over(
    patch: str, tmp_path: Path, capsys: Any
) -> None:
    out, weights = tmp_path / "v.keras", tmp_path / "v.npz"
    assert main(["apply", BASE, patch, "-o", str(out), "--weights-out", str(weights)]) == 0
    given = [str(bare(out)), "--weights", str(weights), "--weights-out", str(weights), "--force"]
    again = ["-o", str(tmp_path / "w.keras")]
    patch_of_nothing = tmp_path / "n.yaml"
    patch_of_nothing.write_text("patchspec: 1\noperations: []\n")
    capsys.readouterr()
    assert main(["apply", given[0], str(patch_of_nothing), *given[1:], *again]) == 1
    assert main(["upgrade", *given, *again]) == 1
    assert capsys.readouterr().err.count("is what the command reads") == 2
