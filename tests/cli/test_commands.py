"""The command line: results on stdout, problems on stderr, and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from patchspec.cli.main import main
from patchspec.codes import CODES
from patchspec.models.opening import open_base
from patchspec.review.schemas import schema
from tests.conftest import SAMPLES

BASE = str(SAMPLES / "functional_linear.keras")
GOOD = "patchspec: 1\noperations:\n  - {op: insert, after: d1, new: {class: ReLU, name: r}}\n"
BAD = "patchspec: 1\noperations:\n  - {op: insrt, after: d1}\n  - {op: remove, layer: d1}\n"


@pytest.fixture
def patch(tmp_path: Path) -> Any:
    def write(text: str, name: str = "p.patchspec.yaml") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_a_valid_patch_is_said_to_be_valid(patch: Any, capsys: Any) -> None:
    assert main(["validate", patch(GOOD)]) == 0
    assert capsys.readouterr().out.endswith("valid, 1 operation\n")


def test_problems_have_a_frame_and_exit_code_1(patch: Any, capsys: Any) -> None:
    path = patch(BAD)
    assert main(["validate", path]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"--> {path}:3:10" in shown.err
    assert "^^^^^" in shown.err
    assert "error[PS204]" in shown.err
    assert "error[PS201]" in shown.err


def test_problems_are_json_and_workflow_commands_too(patch: Any, capsys: Any) -> None:
    assert main(["validate", "--json", patch(BAD)]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(p["code"], p["line"]) for p in said["problems"]] == [("PS204", 3), ("PS201", 4)]
    assert main(["validate", "--format", "github", patch(BAD)]) == 1
    assert capsys.readouterr().out.startswith("::error title=patchspec (PS204),file=")


def test_inspect_prints_a_table_and_json(capsys: Any) -> None:
    assert main(["inspect", "--no-shapes", BASE]) == 0
    assert "d1     Dense" in capsys.readouterr().out
    assert main(["inspect", "--json", BASE]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(schema("inspect")).validate(said)
    assert said["outputs"][0]["shape"] == [None, 2]


def test_select_prints_what_matches(capsys: Any) -> None:
    """T60: nothing matched ends with exit code 1."""
    assert main(["select", "{class: Dense}", BASE]) == 0
    assert capsys.readouterr().out == "d1\nd2\n"
    assert main(["select", "*1", BASE]) == 0
    assert capsys.readouterr().out == "d1\n"
    assert main(["select", "nosuch", BASE]) == 1


def test_a_detailed_exit_code_tells_changes_from_errors(patch: Any) -> None:
    plan = ["plan", "--no-shapes", "--detailed-exitcode", BASE]
    assert main([*plan, patch("patchspec: 1\noperations: []\n")]) == 0
    assert main([*plan, patch(GOOD)]) == 2
    assert main([*plan, patch(BAD)]) == 1
    assert main(["plan", "--detailed-exitcode", "--nosuch"]) == 1
    assert main(["plan", "--nosuch"]) == 2
    assert main(["plan", BASE]) == 2


def test_apply_ends_with_the_path_and_a_saved_plan_gives_the_same_file(
    patch: Any, tmp_path: Path, capsys: Any
) -> None:
    one, other, plan = (str(tmp_path / name) for name in ("a.keras", "b.keras", "plan.json"))
    assert main(["apply", BASE, patch(GOOD), "-o", one]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == one
    assert main(["plan", BASE, patch(GOOD), "-o", plan]) == 0
    assert main(["apply", plan, "-o", other]) == 0
    assert Path(one).read_bytes() == Path(other).read_bytes()
    assert main(["apply", plan, "-o", other]) == 1
    stale = ["apply", plan, "--base", str(SAMPLES / "shared.keras"), "-o", other, "--force"]
    assert main(stale) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "nowhere.keras"],
        ["plan", "--no-shapes", "nowhere.keras", "PATCH"],
        ["plan", "--no-shapes", "PATCH"],
        ["apply", BASE, "PATCH", "-o", "nowhere/out.keras"],
        ["inspect", "PATCH"],
        ["validate", "nowhere.yaml"],
        ["explain", "nosuch"],
    ],
)
def test_wrong_input_is_a_problem_without_a_traceback(
    patch: Any, capsys: Any, arguments: list[str]
) -> None:
    path = patch(GOOD)
    assert main([path if word == "PATCH" else word for word in arguments]) == 1
    shown = capsys.readouterr().err
    assert "error[PS" in shown
    assert "Traceback" not in shown


def test_every_code_and_operation_is_explained(capsys: Any) -> None:
    for word in (*CODES, "insert", "expose-output"):
        assert main(["explain", word]) == 0
        assert len(capsys.readouterr().out) > 40
    assert main(["explain"]) == 0


def test_what_a_command_reads_is_never_written_over(patch: Any, tmp_path: Path) -> None:
    path = patch(GOOD)
    before = Path(path).read_text()
    assert main(["plan", BASE, path, "-o", path, "--force", "--no-shapes"]) == 1
    base = tmp_path / "base.keras"
    base.write_bytes(Path(BASE).read_bytes())
    assert main(["apply", str(base), path, "-o", str(base), "--force"]) == 1
    assert Path(path).read_text() == before
    assert base.read_bytes() == Path(BASE).read_bytes()


@pytest.mark.parametrize("output", ["variant.h5", "-", "", "folder"])
def test_a_variant_is_called_keras(output: str, patch: Any, tmp_path: Path, capsys: Any) -> None:
    assert main(["apply", BASE, patch(GOOD), "-o", output]) == 2
    assert ".keras" in capsys.readouterr().err


def test_a_folder_that_takes_no_file_is_refused(patch: Any, capsys: Any) -> None:
    assert main(["apply", BASE, patch(GOOD), "-o", "/proc/variant.keras"]) == 1
    assert "error[PS905]" in capsys.readouterr().err


def test_a_base_that_the_patch_names_wrongly_has_a_place(patch: Any, capsys: Any) -> None:
    path = patch("patchspec: 1\nbase: {path: nowhere.keras}\noperations: []\n")
    assert main(["plan", path]) == 1
    assert f"--> {path}:2:14" in capsys.readouterr().err


def test_a_model_among_the_patches_is_wrong_usage(patch: Any, capsys: Any) -> None:
    assert main(["plan", patch(GOOD), BASE]) == 2
    assert "the model comes first" in capsys.readouterr().err


def test_explain_gives_json_too(capsys: Any) -> None:
    assert main(["explain", "PS302", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["codes"]["PS302"]["title"]
    assert main(["explain", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert set(said["codes"]) == set(CODES)
    assert "insert" in said["operations"]


OLD = str(SAMPLES / "tfk_lstm.h5")


def test_inspect_lists_what_was_done_to_an_old_model(capsys: Any) -> None:
    assert main(["inspect", "--no-shapes", OLD]) == 0
    shown = capsys.readouterr().out
    assert "\nupgraded\n  keras2: " in shown
    assert "`time_major` (2 layers: lstm, lstm2)" in shown
    assert main(["inspect", "--no-shapes", "--json", OLD]) == 0
    said = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(schema("inspect")).validate(said)
    assert {"dialect", "layer", "text"} == set(said["upgrades"][0])
    assert main(["inspect", "--no-shapes", "--json", BASE]) == 0
    assert json.loads(capsys.readouterr().out)["upgrades"] == []


def test_upgrade_writes_a_current_file_and_says_what_it_did(tmp_path: Path, capsys: Any) -> None:
    target = str(tmp_path / "new.keras")
    assert main(["upgrade", OLD, "-o", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0], lines[-1]) == ("upgraded", target)
    assert main(["upgrade", OLD, "-o", target]) == 1
    assert "PS904" in capsys.readouterr().err
    assert main(["upgrade", target, "-o", target, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"format": 1, "output": target, "upgrades": []}


def test_upgrade_refuses_code_and_writes_nothing(tmp_path: Path, capsys: Any) -> None:
    target = tmp_path / "new.keras"
    assert main(["upgrade", str(SAMPLES / "lambda.keras"), "-o", str(target)]) == 1
    assert "PS704" in capsys.readouterr().err
    assert not target.exists()


def test_weights_are_named_on_the_command_line_or_by_the_patch(
    tmp_path: Path, patch: Any, capsys: Any
) -> None:
    document = json.loads(json.dumps(open_base(OLD).document))
    architecture = tmp_path / "m.json"
    architecture.write_text(json.dumps(document))
    target, base = str(tmp_path / "v.keras"), str(architecture)
    steps = "operations:\n  - {op: rename, layers: d, name: e}\n"
    bare = patch(f"patchspec: 1\n{steps}", "bare.yaml")
    assert main(["apply", base, bare, "-o", target]) == 1
    assert "PS910" in capsys.readouterr().err
    assert main(["apply", base, bare, "-o", target, "--weights", OLD]) == 0
    own = patch(f"patchspec: 1\nbase: {{path: m.json, weights: {OLD}}}\n{steps}", "own.yaml")
    assert main(["apply", own, "-o", target, "--force"]) == 0
    plan = str(tmp_path / "plan.json")
    assert main(["plan", own, "-o", plan, "--no-shapes"]) == 0
    assert main(["apply", plan, "-o", target, "--force"]) == 0
    assert open_base(target).variables
    assert main(["inspect", "--no-shapes", base, "--weights", OLD]) == 0
    assert main(["select", "d", base, "--weights", OLD]) == 0
    assert main(["plan", "--base", base, bare, "--weights", OLD, "--no-shapes"]) == 0


def test_an_apply_that_fails_writes_nothing_and_leaves_what_was_there(
    patch: Any, tmp_path: Path, capsys: Any
) -> None:
    """D11, T48: no part of a variant, also where the fault shows only when Keras looks."""
    target, before = tmp_path / "v.keras", Path(BASE).read_bytes()
    new = "{class: Reshape, name: r, config: {target_shape: [3]}}"
    path = patch(f"patchspec: 1\noperations:\n  - {{op: insert, after: d1, new: {new}}}\n")
    assert main(["apply", BASE, path, "-o", str(target)]) == 1
    assert "PS411" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == [Path(path).name]
    target.write_text("mine")
    assert main(["apply", BASE, path, "-o", str(target), "--force"]) == 1
    assert target.read_text() == "mine"
    assert Path(BASE).read_bytes() == before


def test_a_typo_in_a_selector_ends_an_apply_with_code_1_and_the_nearest_name(
    patch: Any, tmp_path: Path, capsys: Any
) -> None:
    """T60: nothing matched is never a change of nothing."""
    path = patch("patchspec: 1\noperations:\n  - {op: freeze, layers: [d1, dd2]}\n")
    assert main(["apply", BASE, path, "-o", str(tmp_path / "v.keras")]) == 1
    shown = capsys.readouterr().err
    assert "error[PS301]" in shown
    assert "did you mean `d2`?" in shown
    assert not (tmp_path / "v.keras").exists()


def test_the_schema_of_a_model_holds_its_layers_and_is_printed_without_keras(capsys: Any) -> None:
    assert main(["schema", "--model", BASE]) == 0
    said = json.loads(capsys.readouterr().out)
    offered = [entry["label"] for entry in said["definitions"]["selector"]["defaultSnippets"]]
    assert offered == [*open_base(BASE).graph.by_path, "$input"]
    code = (
        "import sys; from patchspec.cli.main import main;"
        "assert main(['schema', '--model', sys.argv[1]]) == 0; assert 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, BASE], stdout=subprocess.DEVNULL, check=True)


def test_the_schema_of_a_model_that_is_none_is_refused(tmp_path: Path, capsys: Any) -> None:
    assert main(["schema", "--model", str(tmp_path / "none.keras")]) == 1
    assert "error[PS902]" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["plan", "--model", BASE], ["--weights", BASE]])
def test_a_model_goes_with_the_schema_of_patches_alone(arguments: list[str], capsys: Any) -> None:
    assert main(["schema", *arguments]) == 2
    assert "goes with" in capsys.readouterr().err
