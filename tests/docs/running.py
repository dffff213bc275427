"""Running the examples of the pages: files and commands in a folder of their own, Keras here."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import keras

import examples.models
from patchspec.cli.main import main
from patchspec.reference.examples import PRINTED, Example

ROOT = Path(__file__).parents[2]


@contextlib.contextmanager
def clean_folder() -> Iterator[Path]:
    """A folder to work in; what is imported from it is forgotten."""
    before, paths = Path.cwd(), list(sys.path)
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        os.chdir(folder)
        sys.path.insert(0, str(folder))
        try:
            yield folder
        finally:
            os.chdir(before)
            sys.path[:] = paths
            for module, loaded in list(sys.modules.items()):
                if (getattr(loaded, "__file__", None) or "").startswith(str(folder)):
                    del sys.modules[module]


def command_output(command: str) -> str:
    """What a command prints, on both streams, in order."""
    program, *arguments = shlex.split(command)
    assert program == "patchspec", command
    shown = io.StringIO()
    with (
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        main(arguments)
    return shown.getvalue()


def run_python(code: str, names: dict[str, object]) -> str:
    """What a block of Python prints."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(compile(code, "example", "exec"), names)
    return shown.getvalue()


def recorded(example: Example) -> str:
    """The commands of an example, each with what it prints."""
    # Names that Keras makes up count what the process has made before.
    keras.backend.clear_session()
    with clean_folder() as folder:
        if example.model is not None:
            keras.utils.set_random_seed(0)
            getattr(examples.models, example.model)().save(f"{example.model}.keras")
        for name, text in example.files.items():
            (folder / name).write_text(text, encoding="utf-8")
        if example.python is not None:
            keras.utils.set_random_seed(0)
            run_python(example.python, {"__name__": "__main__"})
        return "".join(f"$ {command}\n{command_output(command)}" for command in example.commands)


def recorded_with() -> str:
    """The Keras that the printed texts come from."""
    version: str = json.loads(PRINTED.read_text(encoding="utf-8"))["keras"]
    return version
