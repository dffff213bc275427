"""print a model as lines of text, as `git diff` shows it"""

from __future__ import annotations

import argparse
from pathlib import Path

from patchspec.cli.shared import add_custom_objects, add_weights, open_model
from patchspec.problems import PatchError

_POINTER = b"version https://git-lfs"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL"""
    parser.add_argument("model", metavar="MODEL", help="a model file of any Keras")
    parser.add_argument(
        "--no-weights", action="store_true", help="the architecture alone: no value is read"
    )
    parser.add_argument(
        "--textconv",
        action="store_true",
        help="for git: what cannot be read is said as text, and is no failure",
    )
    add_weights(parser)
    add_custom_objects(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the lines."""
    from patchspec.review.showing import model_lines  # noqa: PLC0415

    if arguments.textconv and _is_pointer(arguments.model):
        # What a checkout without Git LFS has in the place of the model.
        print(Path(arguments.model).read_text(encoding="utf-8"), end="")
        return 0
    try:
        base = open_model(arguments.model, arguments.custom_objects, arguments.weights)
        for line in model_lines(base, values=not arguments.no_weights):
            print(line)
    except PatchError as error:
        if not arguments.textconv:
            raise
        for problem in error.problems:
            # The name is that of a file git made, another one each time.
            print(f"[{problem.code}] {problem.message.replace(arguments.model, 'the file')}")
    return 0


def _is_pointer(path: str) -> bool:
    try:
        with Path(path).open("rb") as opened:
            return opened.read(len(_POINTER)) == _POINTER
    except OSError:
        return False
