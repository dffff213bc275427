"""The action, its scripts and the template, run as far as a machine without their hosts can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.configs import diamond

ROOT = Path(__file__).parents[1]
PATCH = "patchspec: 1\nname: heads\noperations:\n  - {op: rename, layers: d, name: head}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: Any) -> Path:
    """A folder with a model, a patch, and `patchspec` as a command."""
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(json.dumps(diamond()))
    Path("p.patchspec.yaml").write_text(PATCH)
    command = tmp_path / "patchspec"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m patchspec "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        if name not in variables:
            environment.pop(name, None)
    return subprocess.run(
        ["bash", str(ROOT / "tools" / script)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def review(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return run(
        "review.sh",
        PATCHSPEC=str(folder / "patchspec"),
        BASE="m.json",
        PATCHES="p.patchspec.yaml",
        ARGUMENTS="--no-shapes",
        OUTPUT=str(folder / "out"),
        GITHUB_OUTPUT=str(folder / "outputs"),
        **variables,
    )


def test_the_action_leaves_comment_plan_and_page_and_says_where(folder: Path) -> None:
    """G5: a composite action that needs no more than to read."""
    done = review(folder, GITHUB_STEP_SUMMARY=str(folder / "summary"))
    assert done.returncode == 0, done.stderr
    said = dict(line.split("=", 1) for line in (folder / "outputs").read_text().splitlines())
    assert said["changes"] == "true"
    comment = Path(said["comment"]).read_text()
    assert comment.startswith("<!-- patchspec:heads -->")
    assert (folder / "summary").read_text() == comment
    assert json.loads(Path(said["plan"]).read_text())["changes"] is True
    assert "<!doctype html>" in Path(said["report"]).read_text()


def test_a_patch_that_does_not_fit_fails_with_a_comment_that_says_why(folder: Path) -> None:
    Path("p.patchspec.yaml").write_text(PATCH.replace("layers: d", "layers: nobody"))
    done = review(folder, GITHUB_ACTIONS="true")
    assert done.returncode == 1
    comment = (folder / "out" / "comment.md").read_text()
    assert "the patches do not fit" in comment
    assert "PS301" in comment
    assert "::error title=patchspec (PS301)" in done.stdout


def test_a_later_run_writes_over_its_own_comment_alone(folder: Path) -> None:
    """G5: one sticky comment."""
    tool = folder / "gh"
    tool.write_text(
        '#!/bin/sh\necho "$@" >> calls\n'
        'case "$*" in *--paginate*) cat comments 2>/dev/null || true;; esac\n'
    )
    tool.chmod(0o755)
    Path("comment.md").write_text("<!-- patchspec:heads -->\nnew\n")
    given = {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "GITHUB_REPOSITORY": "owner/name",
        "NUMBER": "7",
        "COMMENT": "comment.md",
    }
    assert run("comment.sh", **given).returncode == 0
    assert "--method POST repos/owner/name/issues/7/comments" in Path("calls").read_text()
    others = "1\t<!-- patchspec:other -->\n2\t<!-- patchspec:heads -->\n"
    Path("comments").write_text(others)
    Path("calls").unlink()
    assert run("comment.sh", **given).returncode == 0
    assert "--method PATCH repos/owner/name/issues/comments/2" in Path("calls").read_text()
    assert "POST" not in Path("calls").read_text()


def test_the_action_and_the_template_name_files_that_there_are() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert action["runs"]["using"] == "composite"
    steps = action["runs"]["steps"]
    for step in steps:
        assert step["shell"] == "bash"
        # What a pull request says comes in through the environment, never into a script's text.
        assert "${{" not in step["run"]
    scripts = [word for step in steps for word in step["run"].split() if word.endswith('.sh"')]
    assert len(scripts) == 2
    for script in scripts:
        name = script.strip('"').removeprefix("$GITHUB_ACTION_PATH/")
        assert (ROOT / name).is_file()
    template = yaml.safe_load(
        (ROOT / "templates" / "patchspec.gitlab-ci.yml").read_text(encoding="utf-8")
    )
    job = template[".patchspec"]
    assert any("--format markdown" in line for line in job["script"])
    python = job["after_script"][0].split("<<'PYTHON'\n")[1].split("\nPYTHON")[0]
    compile(python, "template", "exec")
