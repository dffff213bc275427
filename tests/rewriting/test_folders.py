"""Variants as folders: what a `.keras` file holds, with weights shared where none moves."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.cli.main import main
from patchspec.problems import PatchError
from patchspec.rewriting.file_variant import file_variant
from tests.conftest import patch_of

FREEZE = "- {op: freeze, layers: a}"
RENAME = "- {op: rename, layers: a, name: c}"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, L.Dense(2, name="b")(L.Dense(3, name="a")(x)), name="m")
    keras.saving.save_model(model, tmp_path / "base", zipped=False)
    return tmp_path / "base"


def weights_of(folder: Path) -> os.stat_result:
    return (folder / "model.weights.h5").stat()


def written(base: Path, steps: str, *, link: bool = False) -> Path:
    plan = patchspec.resolve(patch_of(steps), base)
    return file_variant(plan).save(base.with_name("out"), zipped=False, link=link)


def test_a_variant_is_a_file_of_its_own_unless_a_link_is_asked_for(base: Path) -> None:
    """Keras writes into the file that is there when it saves a folder again."""
    out = written(base, FREEZE)
    assert weights_of(out).st_ino != weights_of(base).st_ino


def test_a_patch_that_moves_no_weights_shares_them_on_the_disk(base: Path) -> None:
    out = written(base, FREEZE, link=True)
    assert weights_of(out).st_ino == weights_of(base).st_ino
    made, was = keras.saving.load_model(out), keras.saving.load_model(base)
    assert not made.get_layer("a").trainable
    for name in ("a", "b"):
        assert np.array_equal(made.get_layer(name).kernel, was.get_layer(name).kernel)


@pytest.mark.parametrize("steps", [RENAME, "- {op: set, layers: a, weights: {bias: ones}}"])
def test_a_patch_that_moves_weights_writes_its_own(steps: str, base: Path) -> None:
    out = written(base, steps, link=True)
    assert weights_of(out).st_ino != weights_of(base).st_ino
    was, made = keras.saving.load_model(base), keras.saving.load_model(out)
    assert np.array_equal(made.layers[1].kernel, was.layers[1].kernel)


def test_where_links_are_not_possible_the_weights_are_copied(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuses)
    out = written(base, FREEZE, link=True)
    assert weights_of(out).st_ino != weights_of(base).st_ino
    assert keras.saving.load_model(out)


def test_only_the_file_that_was_opened_is_linked(base: Path) -> None:
    plan = patchspec.resolve(patch_of(FREEZE), base)
    weights = base / "model.weights.h5"
    other = base.with_name("other.h5")
    other.write_bytes(weights.read_bytes())
    other.replace(weights)
    out = file_variant(plan).save(base.with_name("out"), zipped=False, link=True)
    assert weights_of(out).st_ino != weights.stat().st_ino


def test_only_a_folder_with_a_model_and_nothing_else_gives_way(base: Path, capsys: Any) -> None:
    patch = base.parent / "p.yaml"
    patch.write_text(f"patchspec: 1\noperations: [{FREEZE[2:]}]\n")
    out = written(base, FREEZE)
    (out / "notes.txt").write_text("mine")
    command = ["apply", str(base), str(patch), "-o"]
    assert main([*command, f"{out}/", "--force"]) == 1
    assert "nothing else" in capsys.readouterr().err
    assert (out / "notes.txt").read_text() == "mine"
    assert main([*command, f"{base}/", "--force"]) == 1
    assert "PS904" in capsys.readouterr().err
    assert main([*command, f"{base.parent}/new/", "--weights-out", f"{base.parent}/new/w.npz"]) == 2


def test_what_holds_an_input_is_not_replaced(base: Path, capsys: Any) -> None:
    out = written(base, FREEZE)
    patch = out / "metadata.json"
    patch.write_text(f"patchspec: 1\noperations: [{FREEZE[2:]}]\n")
    yaml = out.with_name("p.yaml")
    yaml.symlink_to(patch)
    assert main(["apply", str(base), str(yaml), "-o", f"{out}/", "--force"]) == 1
    assert "which the command reads" in capsys.readouterr().err
    assert patch.exists()


def test_a_stop_between_the_two_moves_puts_the_old_folder_back(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = written(base, FREEZE)
    before = (out / "config.json").read_bytes()
    replace = Path.replace

    def stops(self: Path, target: Any) -> Any:
        if self.name == "whole":
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stops)
    plan = patchspec.resolve(patch_of(RENAME), base)
    with pytest.raises(KeyboardInterrupt):
        file_variant(plan).save(out, zipped=False, force=True)
    assert (out / "config.json").read_bytes() == before
    assert sorted(path.name for path in base.parent.iterdir()) == ["base", "out"]


def test_a_folder_is_replaced_from_inside_it(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = written(base, FREEZE)
    monkeypatch.chdir(out)
    plan = patchspec.resolve(patch_of(RENAME), base)
    file_variant(plan).save(Path("../out"), zipped=False, force=True)
    assert keras.saving.load_model(base.with_name("out")).get_layer("c")


def test_a_folder_holds_what_the_file_does(base: Path) -> None:
    out = written(base, RENAME)
    plan = patchspec.resolve(patch_of(RENAME), base)
    patchspec.rewrite(plan, base.with_name("v.keras"))
    with zipfile.ZipFile(base.with_name("v.keras")) as archive:
        names = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
        assert names == sorted(archive.namelist())
        for name in ("config.json", "metadata.json"):
            assert (out / name).read_bytes() == archive.read(name)
    built = patchspec.build(plan).save(base.with_name("built"), zipped=False)
    assert (built / "model.weights.h5").read_bytes() == (out / "model.weights.h5").read_bytes()


def test_a_name_that_ends_with_a_slash_is_a_folder(base: Path, capsys: Any) -> None:
    patch, out = base.with_name("p.yaml"), base.with_name("out")
    patch.write_text(f"patchspec: 1\noperations: [{FREEZE[2:]}]\n")
    command = ["apply", str(base), str(patch), "-o", f"{out}/"]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out)
    assert main(command) == 1
    assert "PS904" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    other = base.with_name("other")
    other.mkdir()
    assert main(["apply", str(base), str(patch), "-o", f"{other}/", "--force"]) == 1
    assert "it is no folder with an unzipped model" in capsys.readouterr().err
    assert list(other.iterdir()) == []


def test_a_failure_leaves_the_folder_that_was_there(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = written(base, FREEZE)
    plan = patchspec.resolve(patch_of(RENAME), base)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("patchspec.models.folder_out.fill", full)
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan).save(out, zipped=False, force=True)
    assert [problem.code for problem in caught.value.problems] == ["PS905"]
    assert keras.saving.load_model(out).get_layer("a")
    assert sorted(path.name for path in base.parent.iterdir()) == ["base", "out"]
