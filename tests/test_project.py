"""The house rules that a test can hold."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import patchspec
from patchspec.codes import CODES

PACKAGE = Path(patchspec.__file__).parent
ROOMS = (
    "distributions", "problems", "codes", "layers", "graph", "weights", "operations", "language",
    "models", "planning", "inferring", "differences", "rewriting", "authoring",
    "merging", "linting", "building", "probing", "training", "review", "reference", "cli",
)  # fmt: skip


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a module imports when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[1] for name in found if name.startswith("patchspec.")}


@pytest.mark.parametrize("room", [room for room in ROOMS if (PACKAGE / room).is_dir()])
def test_a_room_imports_only_rooms_before_it(room: str) -> None:
    allowed = {*ROOMS[: ROOMS.index(room) + 1], "_version"}
    if room == "building":
        # The variant renders itself in a notebook.
        allowed.add("review")
    for path in (PACKAGE / room).glob("*.py"):
        rooms = imported_rooms(path) - {"weights"} if room == "layers" else imported_rooms(path)
        assert rooms <= allowed, path


def test_validate_imports_neither_keras_nor_numpy_nor_h5py(tmp_path: Path) -> None:
    """T76: a check of a text must not wait for TensorFlow."""
    patch = tmp_path / "p.yaml"
    patch.write_text("patchspec: 1\noperations: []\n")
    code = (
        "import sys; from patchspec.cli.main import main;"
        "assert main(['validate', sys.argv[1]]) == 0;"
        "print(sorted({'keras', 'numpy', 'h5py', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(patch)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_importing_the_package_prints_and_configures_nothing() -> None:
    """T76, G2: logging is the caller's."""
    code = "import logging, patchspec; print(logging.getLogger().handlers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_an_error_that_is_made_and_not_raised_is_found() -> None:
    """T77: by the linter that holds all of the code."""
    command = ["ruff", "check", "--output-format", "concise", "--stdin-filename"]
    done = subprocess.run(
        [sys.executable, "-m", *command, str(PACKAGE / "problems.py"), "-"],
        cwd=PACKAGE.parent,
        input="ValueError()\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "PLW0133" in done.stdout


def test_edits_are_made_from_what_changes_and_never_from_a_comparison_of_configs() -> None:
    """T66: `jsonpatch` has made patches by comparison that do not apply."""
    words = ("make_patch", "from_diff")
    texts = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    assert [path for path, text in texts.items() for word in words if word in text] == []


def test_every_code_is_the_subject_of_a_test() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("*.py")
    )
    assert [code for code in CODES if f'"{code}"' not in tests] == []


@pytest.mark.parametrize(
    "command",
    [["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]],
    ids=" ".join,
)
def test_the_code_is_clean(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
