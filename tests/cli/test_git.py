"""git shows models as text and merges patches by their meaning, in real repositories."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

import patchspec
from patchspec.cli.git import ATTRIBUTES, with_lines, without_lines
from patchspec.cli.main import main

Git = Callable[..., str]
PATCH = """\
patchspec: 1
operations:
  - op: replace
    id: head
    layers: predictions
    new: {class: Dense, name: flowers, config: {units: 5}}
  - op: freeze
    layers: stem
"""


def model(path: str, units: int) -> None:
    keras.utils.set_random_seed(0)
    x = keras.Input((4,), name="x")
    a = keras.layers.Dense(units, name="a")(x)
    keras.Model(x, keras.layers.Dense(2, name="b")(a), name="m").save(path)


@pytest.fixture
def git(tmp_path: Path, monkeypatch: Any) -> Git:
    """A repository in which patchspec is set up, with one commit."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("PYTHONPATH", str(Path(patchspec.__file__).parents[1]))
    (tmp_path / "home").mkdir()

    def run(*words: str, fails: bool = False) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, check=False)
        assert bool(done.returncode) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("init", "-q", "-b", "main", "work")
    monkeypatch.chdir(tmp_path / "work")
    run("config", "user.email", "somebody@example.org")
    run("config", "user.name", "Somebody")
    assert main(["git", "enable"]) == 0
    Path("p.patchspec.yaml").write_text(PATCH)
    run("add", ".")
    run("commit", "-qm", "first")
    return run


def test_git_shows_the_architecture_of_a_model_that_changed(git: Git) -> None:
    """G5: diff, log and show, without a filter."""
    model("m.keras", 3)
    git("add", ".")
    git("commit", "-qm", "a model")
    model("m.keras", 8)
    said = git("diff")
    assert "-  units: 3" in said
    assert "+  units: 8" in said
    git("commit", "-qam", "wider")
    assert "+  units: 8" in git("log", "-p", "-1")
    assert "+  units: 8" in git("show")
    assert git("show", "--stat").count("m.keras") == 1


def test_a_file_that_is_no_model_does_not_stop_a_diff(git: Git) -> None:
    Path("m.keras").write_bytes(b"nothing")
    git("add", ".")
    git("commit", "-qm", "odd")
    Path("m.keras").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
    )
    said = git("diff")
    assert "-[PS903]" in said
    assert "+oid sha256:12" in said


def test_the_difftool_compares_two_models(git: Git) -> None:
    model("m.keras", 3)
    git("add", ".")
    git("commit", "-qm", "a model")
    model("m.keras", 8)
    assert "units 3 -> 8" in git("difftool", "-y", "-t", "patchspec", "m.keras")


def edited(text: str, old: str, new: str) -> None:
    assert old in text
    Path("p.patchspec.yaml").write_text(text.replace(old, new))


def branches(git: Git, ours: tuple[str, str], theirs: tuple[str, str]) -> None:
    """Two branches that change the patch, each in its way."""
    git("checkout", "-qb", "theirs")
    edited(PATCH, *theirs)
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "main")
    edited(PATCH, *ours)
    git("commit", "-qam", "ours")


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_changes_of_neighbouring_lines_merge_where_they_mean_other_things(
    git: Git, how: str
) -> None:
    """G6: lines would clash here, meanings do not."""
    branches(git, ("layers: predictions", "layers: logits"), ("units: 5", "units: 9"))
    git(how, *(["--no-edit"] if how == "merge" else []), "theirs")
    text = Path("p.patchspec.yaml").read_text()
    assert "logits" in text
    assert "units: 9" in text
    assert main(["validate", "p.patchspec.yaml"]) == 0


@pytest.mark.parametrize("how", ["merge", "rebase"])
def test_a_conflict_is_named_and_marked(git: Git, how: str) -> None:
    """G6: by layer and field."""
    branches(git, ("units: 5", "units: 7"), ("units: 5", "units: 9"))
    said = git(how, "theirs", fails=True)
    assert "p.patchspec.yaml" in said
    assert "PS970" in said
    assert "`new/config/units`" in said
    text = Path("p.patchspec.yaml").read_text()
    assert "<<<<<<<" in text
    assert text.count("op: freeze") == 1
    Path("p.patchspec.yaml").write_text(PATCH.replace("units: 5", "units: 8"))
    git("add", ".")
    git("-c", "core.editor=true", how, "--continue")


def test_both_adding_a_patch_is_a_merge_from_nothing(git: Git) -> None:
    git("checkout", "-qb", "theirs")
    Path("new.patchspec.yaml").write_text(PATCH)
    git("add", ".")
    git("commit", "-qm", "theirs")
    git("checkout", "-q", "main")
    Path("new.patchspec.yaml").write_text(PATCH + "meta: {by: us}\n")
    git("add", ".")
    git("commit", "-qm", "ours")
    git("merge", "--no-edit", "theirs")
    assert Path("new.patchspec.yaml").read_text() == PATCH + "meta: {by: us}\n"


def test_what_was_set_up_is_taken_away_and_nothing_else(git: Git, capsys: Any) -> None:
    own = Path(".gitattributes").read_text() + "*.png binary\n"
    Path(".gitattributes").write_text(own)
    assert main(["git", "disable"]) == 0
    assert Path(".gitattributes").read_text() == "*.png binary\n"
    git("config", "diff.patchspec.textconv", fails=True)
    assert main(["git", "status"]) == 0
    assert "not set" in capsys.readouterr().out


def test_attributes_are_added_once_below_what_stands_there() -> None:
    text = with_lines("*.png binary")
    assert text == "*.png binary\n" + "".join(f"{line}\n" for line in ATTRIBUTES)
    assert with_lines(text) == text
    assert without_lines(text) == "*.png binary\n"


def test_outside_a_repository_git_says_so(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert main(["git", "enable"]) == 1
    assert "PS980" in capsys.readouterr().err
