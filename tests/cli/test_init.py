"""`patchspec init` and `patchspec invert`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import pytest

import patchspec
from patchspec.cli.main import main
from tests.configs import chain, diamond


@pytest.fixture
def files(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with two architectures."""
    monkeypatch.chdir(tmp_path)
    Path("a.json").write_text(json.dumps(diamond()))
    Path("b.json").write_text(json.dumps(chain("a", "d")))
    return tmp_path


def test_what_is_printed_is_a_patch_that_makes_the_other_model(files: Path, capsys: Any) -> None:
    """C11: on the command line."""
    assert main(["init", "a.json", "b.json", "-o", "p.patchspec.yaml", "--name", "cut"]) == 0
    assert capsys.readouterr().out == "p.patchspec.yaml\n"
    plan = patchspec.resolve("p.patchspec.yaml", "a.json", shapes=False)
    assert plan.architecture == patchspec.open_base("b.json").architecture
    assert plan.patches[0].name == "cut"
    assert main(["plan", "p.patchspec.yaml", "--no-shapes"]) == 0


def test_a_patch_in_another_folder_finds_its_base(files: Path, capsys: Any) -> None:
    Path("patches").mkdir()
    assert main(["init", "a.json", "b.json", "-o", "patches/p.patchspec.yaml"]) == 0
    assert main(["plan", "patches/p.patchspec.yaml", "--no-shapes"]) == 0


def test_an_existing_patch_is_not_overwritten(files: Path, capsys: Any) -> None:
    Path("p.patchspec.yaml").write_text("mine")
    assert main(["init", "a.json", "b.json", "-o", "p.patchspec.yaml"]) == 1
    assert Path("p.patchspec.yaml").read_text() == "mine"
    assert main(["init", "a.json", "b.json", "-o", "p.patchspec.yaml", "--force"]) == 0


def test_the_beginning_of_a_patch_is_a_valid_one(files: Path, capsys: Any) -> None:
    assert main(["init", "a.json", "-o", "p.patchspec.yaml"]) == 0
    assert main(["plan", "p.patchspec.yaml", "--no-shapes"]) == 0
    examples = Path("p.patchspec.yaml").read_text().partition("operations: []\n")[2]
    bare = "".join(line.removeprefix("# ") for line in examples.splitlines(keepends=True)[:7])
    Path("q.patchspec.yaml").write_text("patchspec: 1\noperations:\n" + bare)
    assert main(["plan", "a.json", "q.patchspec.yaml", "--no-shapes"]) == 0


def test_what_no_operation_makes_is_refused_unless_a_part_will_do(files: Path, capsys: Any) -> None:
    odd = json.loads(json.dumps(chain("a", "d")))
    odd["config"]["trainable"] = False
    Path("b.json").write_text(json.dumps(odd))
    assert main(["init", "a.json", "b.json"]) == 1
    said = capsys.readouterr()
    assert "PS985" in said.err
    assert not said.out
    assert main(["init", "a.json", "b.json", "--partial"]) == 0
    assert "operations:" in capsys.readouterr().out


def test_a_patch_is_undone_with_the_weights_that_it_dropped(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """C12: the variant of the inverse is the base, bit by bit."""
    monkeypatch.chdir(tmp_path)
    x = keras.Input((4,), name="x")
    a = keras.layers.Dense(4, name="a")(x)
    b = keras.layers.Dense(4, activation="relu", name="b")(a)
    keras.Model(x, keras.layers.Dense(2, name="c")(b), name="m").save("base.keras")
    Path("p.patchspec.yaml").write_text(
        "patchspec: 1\noperations:\n  - {op: remove, layers: b}\n  - {op: freeze, layers: a}\n"
    )
    assert main(["apply", "base.keras", "p.patchspec.yaml", "-o", "v.keras"]) == 0
    assert main(["invert", "base.keras", "p.patchspec.yaml", "-o", "back.patchspec.yaml"]) == 0
    assert main(["apply", "v.keras", "back.patchspec.yaml", "-o", "again.keras"]) == 0
    base, again = patchspec.open_base("base.keras"), patchspec.open_base("again.keras")
    assert again.state == base.state
    capsys.readouterr()
    assert main(["diff", "base.keras", "again.keras", "--exit-code"]) == 0 or (
        "kernel_initializer" in capsys.readouterr().out
    )
