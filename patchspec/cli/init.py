"""write the patch that turns one model into another, or the beginning of one"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from patchspec.cli.operands import add_operands, operand
from patchspec.cli.shared import (
    PROGRAM,
    add_custom_objects,
    add_models,
    add_settings,
    open_model,
    refuse_inputs,
)
from patchspec.problems import PatchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A [B]"""
    parser.add_argument("before", metavar="A", help="the model to start from")
    parser.add_argument(
        "after",
        metavar="B",
        nargs="?",
        help="the model to arrive at: a file of any Keras, or a saved plan; without it, the "
        "beginning of a patch for A",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the patch to FILE")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument("--name", help="what the patch is called")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="print what was found though it does not make all of B",
    )
    add_operands(parser)
    add_custom_objects(parser)
    add_models(parser)
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the patch, or write it; notes on what no patch says go to stderr."""
    from patchspec.authoring.writing import scaffold, written  # noqa: PLC0415

    before = open_model(arguments.before, arguments.custom_objects)
    folder = Path(arguments.output).parent if arguments.output else None
    read = [arguments.before, *before.files]
    if arguments.after is None:
        text = scaffold(before, folder)
    else:
        after = operand(arguments.after, arguments)
        read += [arguments.after, *after.model.files]
        found = written(before, after.model, arguments.name, folder)
        if found.left and not arguments.partial:
            raise PatchError([found.problem])
        for note in (*found.notes, *found.left):
            print(f"{PROGRAM} init: {note}", file=sys.stderr)
        text = found.text
    give(text, arguments, read)
    return 0


def give(text: str, arguments: argparse.Namespace, read: list[str | None]) -> None:
    """Print a patch, or write it and print where."""
    if arguments.output is None:
        print(text, end="")
        return
    from patchspec.models.files import write_text  # noqa: PLC0415

    refuse_inputs([Path(arguments.output)], read)
    write_text(Path(arguments.output), text, force=arguments.force)
    print(arguments.output)
