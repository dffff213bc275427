"""The command line where values come from other models, and where expectations are compared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest

from patchspec.cli.main import main
from patchspec.review.schemas import schema
from tests.conftest import SAMPLES

PATCH = """\
patchspec: 1
name: warm
models: {old: old.keras}
operations:
  - {op: load, from: old}
expect:
  weights: {loaded: [1, null], kept: 0}
  different: [{tensor: $output}]
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A base, an old model of the same layers with other values, and the patch beside both."""
    shutil.copy(SAMPLES / "functional_linear.keras", tmp_path / "base.keras")
    old = keras.models.load_model(tmp_path / "base.keras")
    old.set_weights([w + 1 for w in old.get_weights()])
    old.save(tmp_path / "old.keras")
    (tmp_path / "p.patchspec.yaml").write_text(PATCH)
    names = ("base.keras", "old.keras", "p.patchspec.yaml", "plan.json", "out.keras")
    return {name.split(".")[0]: str(tmp_path / name) for name in names}


def test_a_plan_names_the_models_the_weights_and_the_expectations(
    files: dict[str, str], capsys: Any
) -> None:
    assert main(["plan", files["base"], files["p"], "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.validate(said, schema("plan"))
    assert said["models"]["old"]["origin"] == files["old"]
    assert said["changes"] is True
    held = [one["holds"] for one in said["expectations"]]
    assert held == [True, True, None]
    assert main(["plan", files["base"], files["p"]]) == 0
    shown = capsys.readouterr().out
    assert "loaded" in shown
    assert "(old: " in shown
    assert "2 expectations hold; 1 compared when it is built" in shown


def test_weights_alone_are_a_change_for_the_exit_code(files: dict[str, str]) -> None:
    assert main(["plan", files["base"], files["p"], "--detailed-exitcode"]) == 2


def test_apply_loads_compares_and_says_so(files: dict[str, str], capsys: Any) -> None:
    assert main(["apply", files["base"], files["p"], "-o", files["out"]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == ["3 expectations hold", files["out"]]
    mine, theirs = (keras.models.load_model(files[name]) for name in ("out", "old"))
    assert all(map(np.array_equal, mine.get_weights(), theirs.get_weights()))


def test_a_comparison_that_fails_leaves_no_file(files: dict[str, str], capsys: Any) -> None:
    Path(files["p"]).write_text(PATCH.replace("different", "same"))
    assert main(["apply", files["base"], files["p"], "-o", files["out"]]) == 1
    assert "PS602" in capsys.readouterr().err
    assert not Path(files["out"]).exists()


def test_a_saved_plan_finds_its_models_and_refuses_others(
    files: dict[str, str], capsys: Any
) -> None:
    assert main(["plan", files["base"], files["p"], "-o", files["plan"]]) == 0
    assert main(["apply", files["plan"], "-o", files["out"]]) == 0
    shutil.copy(files["base"], files["old"])
    assert main(["apply", files["plan"], "-o", files["out"], "--force"]) == 1
    assert "PS907" in capsys.readouterr().err


def test_a_model_may_be_named_on_the_command_line(
    files: dict[str, str], tmp_path: Path, capsys: Any
) -> None:
    moved = tmp_path / "elsewhere.keras"
    Path(files["old"]).rename(moved)
    assert main(["plan", files["base"], files["p"]]) == 1
    assert "PS902" in capsys.readouterr().err
    assert main(["plan", files["base"], files["p"], "--model", f"old={moved}"]) == 0
    assert main(["plan", files["base"], files["p"], "--model", f"new={moved}"]) == 1
    assert "PS221" in capsys.readouterr().err
    assert main(["plan", files["base"], files["p"], "--model", "old"]) == 2


def test_a_model_is_never_written_over(files: dict[str, str], capsys: Any) -> None:
    done = main(["apply", files["base"], files["p"], "-o", files["old"], "--force"])
    assert done == 1
    assert "PS904" in capsys.readouterr().err
