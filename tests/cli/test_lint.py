"""`patchspec lint` on the command line, and the hooks that run it."""

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
from tests.linting.test_linting import backbone

ROOT = Path(__file__).parents[2]
TWICE = """\
patchspec: 1
base: base.json
operations:
  - {op: freeze, layers: conv}
  - {op: freeze, layers: conv}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    """A patch beside its base."""
    monkeypatch.chdir(tmp_path)
    Path("base.json").write_text(json.dumps(backbone().document))
    Path("p.patchspec.yaml").write_text(TWICE)
    return tmp_path


def test_findings_fail_and_notes_do_not(folder: Path, capsys: Any) -> None:
    assert main(["lint", "p.patchspec.yaml"]) == 1
    said = capsys.readouterr().out
    assert "warning[PS804]" in said
    assert "note[PS805]" in said
    assert main(["lint", "p.patchspec.yaml", "--exit-zero"]) == 0
    assert main(["lint", "p.patchspec.yaml", "--select", "PS805,PS806"]) == 0
    assert main(["lint", "p.patchspec.yaml", "--select", "PS805,PS806", "--strict"]) == 1
    assert main(["lint", "p.patchspec.yaml", "--ignore", "PS8"]) == 0
    assert main(["lint", "p.patchspec.yaml", "--select", "PS999"]) == 2


def test_safe_fixes_are_written_and_shown_beforehand(folder: Path, capsys: Any) -> None:
    assert main(["lint", "p.patchspec.yaml", "--diff"]) == 1
    assert "-  - {op: freeze, layers: conv}\n" in capsys.readouterr().out
    assert Path("p.patchspec.yaml").read_text() == TWICE
    main(["lint", "p.patchspec.yaml", "--fix"])
    assert Path("p.patchspec.yaml").read_text().count("freeze") == 1
    assert "architecture" not in Path("p.patchspec.yaml").read_text()
    main(["lint", "p.patchspec.yaml", "--fix", "--unsafe-fixes"])
    assert "architecture" in Path("p.patchspec.yaml").read_text()
    assert main(["lint", "p.patchspec.yaml", "--unsafe-fixes"]) == 2


def test_the_formats_hold_every_finding(folder: Path, capsys: Any) -> None:
    assert main(["lint", "p.patchspec.yaml", "--format", "json"]) == 1
    said = json.loads(capsys.readouterr().out)
    jsonschema.Draft7Validator(schema("lint")).validate(said)
    count = len(said["findings"])
    main(["lint", "p.patchspec.yaml", "--format", "sarif"])
    assert len(json.loads(capsys.readouterr().out)["runs"][0]["results"]) == count
    main(["lint", "p.patchspec.yaml", "--format", "github"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == count
    assert all(line.startswith(("::warning title=", "::notice title=")) for line in lines)
    main(["lint", "p.patchspec.yaml", "--format", "concise"])
    assert len(capsys.readouterr().out.splitlines()) == count


def test_a_patch_that_does_not_parse_is_an_error_here_too(folder: Path, capsys: Any) -> None:
    Path("p.patchspec.yaml").write_text("patchspec: 1\noperations: [{op: nope}]\n")
    assert main(["lint", "p.patchspec.yaml"]) == 1
    assert "error[PS2" in capsys.readouterr().err


def test_a_setting_without_a_value_does_not_stop_lint(folder: Path, capsys: Any) -> None:
    Path("p.patchspec.yaml").write_text(
        "patchspec: 1\nbase: base.json\nsettings: {n: {type: int}}\n"
        "operations: [{op: set, layers: head, config: {units: $(n)}}]\n"
    )
    assert main(["lint", "p.patchspec.yaml", "--select", "PS811,PS812"]) == 0


def test_the_hooks_run_commands_that_import_no_backend(folder: Path) -> None:
    """G5: pre-commit hooks in an environment without TensorFlow."""
    hooks = _hooks()
    assert {hook["id"] for hook in hooks} == {"patchspec-validate", "patchspec-lint"}
    for hook in hooks:
        words = [*hook["entry"].split()[1:], *hook.get("args", []), "p.patchspec.yaml"]
        code = (
            "import sys; from patchspec.cli.main import main;"
            "main(sys.argv[1:]);"
            "print(sorted({'keras', 'tensorflow', 'numpy', 'h5py'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == "[]", hook["id"]


def _hooks() -> list[Any]:
    import yaml  # noqa: PLC0415 (the reader of patches wants a mapping)

    found: list[Any] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    return found


def test_operations_that_are_nothing_are_told_as_such(folder: Path, capsys: Any) -> None:
    Path("p.patchspec.yaml").write_text("patchspec: 1\noperations:\n")
    assert main(["validate", "p.patchspec.yaml"]) == 1
    assert "`operations` is null" in capsys.readouterr().err
