"""`patchspec diff`: two models side by side."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from patchspec.cli.main import main
from patchspec.review.schemas import schema
from tests.configs import chain, dense, diamond, entrance, model, node, tensor


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A model with a head, and one with another head and a changed layer."""
    before = model(
        [entrance(), dense("a", "x"), dense("b", "a"), dense("head", "b", units=10)],
        ["head", 0, 0],
    )
    reading = {**dense("b"), "inbound_nodes": [node(tensor("a", units=8))]}
    after = model(
        [entrance(), dense("a", "x", units=8), reading, dense("species", "b", units=3)],
        ["species", 0, 0],
    )
    paths = tmp_path / "before.json", tmp_path / "after.json"
    for path, document in zip(paths, (before, after), strict=True):
        path.write_text(json.dumps(document))
    return str(paths[0]), str(paths[1])


def test_a_difference_says_layers_outputs_and_a_verdict(files: Any, capsys: Any) -> None:
    """G3: added, removed, replaced, changed with old and new values, outputs."""
    assert main(["diff", *files]) == 0
    said = capsys.readouterr().out
    assert "-/+ replaced head -> species  Dense" in said
    assert "changed  a  units 4 -> 8" in said
    assert "was head" in said
    assert "a  float32[?, 4]  ->  float32[?, 8]" in said
    assert said.splitlines()[-1] == "Layers: 1 replaced, 1 changed; outputs changed."


def test_a_difference_as_json_fits_the_schema(files: Any, capsys: Any) -> None:
    assert main(["diff", *files, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(schema("diff")).validate(said)
    assert said["summary"]["replaced"] == [{"from": "head", "to": "species"}]
    assert said["layers"][0]["config"] == [{"key": "units", "before": 4, "after": 8}]


def test_the_exit_code_is_that_of_git_where_asked_for(files: Any, capsys: Any) -> None:
    """C8: 0 the same, 1 another, 2 where something is wrong."""
    assert main(["diff", files[0], "nowhere.keras", "--exit-code"]) == 2
    assert main(["diff", files[0], "nowhere.keras"]) == 1
    assert main(["diff", files[0], files[0], "--exit-code"]) == 0
    assert main(["diff", *files, "--exit-code"]) == 1
    capsys.readouterr()
    assert main(["diff", *files, "--quiet"]) == 1
    assert capsys.readouterr().out == ""


def test_names_with_signs_of_markdown_stay_names(tmp_path: Path, capsys: Any) -> None:
    odd = "a|<img src=x>`@team"
    paths = tmp_path / "a.json", tmp_path / "b.json"
    paths[0].write_text(json.dumps(chain("a", "b")))
    document = model([entrance(), dense("a", "x"), dense("b", "a"), dense(odd, "b")], [odd, 0, 0])
    paths[1].write_text(json.dumps(document))
    assert main(["diff", *map(str, paths), "--format", "markdown"]) == 0
    said = capsys.readouterr().out
    assert "<img" not in said
    assert "@team" not in said


def test_a_patch_stands_for_its_variant_where_a_base_is_given(tmp_path: Path, capsys: Any) -> None:
    base, patch = tmp_path / "m.json", tmp_path / "p.patchspec.yaml"
    base.write_text(json.dumps(diamond()))
    patch.write_text("patchspec: 1\noperations:\n  - {op: rename, layers: d, name: e}\n")
    assert main(["diff", str(base), str(patch), "--base", str(base)]) == 0
    assert "renamed  d -> e" in capsys.readouterr().out
    assert main(["diff", str(base), str(patch)]) == 2


def test_a_saved_plan_stands_for_its_variant(tmp_path: Path, capsys: Any) -> None:
    base, patch = tmp_path / "m.json", tmp_path / "p.patchspec.yaml"
    plan = tmp_path / "p.plan.json"
    base.write_text(json.dumps(diamond()))
    patch.write_text("patchspec: 1\noperations:\n  - {op: rename, layers: d, name: e}\n")
    assert main(["plan", str(base), str(patch), "--no-shapes", "-o", str(plan)]) == 0
    capsys.readouterr()
    assert main(["diff", str(base), str(plan)]) == 0
    assert "renamed  d -> e" in capsys.readouterr().out
    base.rename(tmp_path / "moved.json")
    assert main(["diff", str(tmp_path / "moved.json"), str(plan)]) == 1
    assert "PS910" in capsys.readouterr().err


def test_diff_needs_neither_keras_nor_tensorflow(files: Any) -> None:
    code = (
        "import sys; from patchspec.cli.main import main;"
        "assert main(['diff', *sys.argv[1:]]) == 0;"
        "print(sorted({'keras', 'tensorflow', 'h5py'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *files], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_two_patches_are_compared_by_what_they_say(tmp_path: Path, capsys: Any) -> None:
    paths = tmp_path / "a.patchspec.yaml", tmp_path / "b.patchspec.yaml"
    text = "patchspec: 1\noperations:\n  - {op: rename, id: head, layers: d, name: e}\n"
    paths[0].write_text(text)
    paths[1].write_text(text.replace("name: e", "name: f"))
    both = list(map(str, paths))
    assert main(["diff", *both, "--exit-code"]) == 1
    assert "~ changed  head\n    name: e -> f" in capsys.readouterr().out
    assert main(["diff", both[0], both[0], "--exit-code"]) == 0
    capsys.readouterr()
    assert main(["diff", *both, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["changes"][0]["fields"] == [{"field": "name", "before": "e", "after": "f"}]
    assert main(["diff", *both, "--format", "markdown"]) == 0
    assert "`name: e -> f`" in capsys.readouterr().out
