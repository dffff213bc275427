"""write the patch that makes the base again of a variant"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from patchspec.cli.init import give
from patchspec.cli.plan import planned
from patchspec.cli.shared import (
    PROGRAM,
    add_planned,
    quiet_backend,
)
from patchspec.problems import PatchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[BASE] PATCH..."""
    add_planned(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the patch to FILE")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument(
        "--partial",
        action="store_true",
        help="print what was found though it does not undo everything",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the patch, or write it; it takes lost values from the base."""
    from patchspec.authoring.writing import undone  # noqa: PLC0415

    with quiet_backend():
        plan = planned(arguments)
    found = undone(plan, Path(arguments.output).parent if arguments.output else None)
    if found.left and not arguments.partial:
        raise PatchError([found.problem])
    for note in (*found.notes, *found.left):
        print(f"{PROGRAM} invert: {note}", file=sys.stderr)
    models = (plan.base, *plan.models.values())
    give(found.text, arguments, [*arguments.paths, *(f for m in models for f in m.files)])
    return 0
