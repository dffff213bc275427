"""merge two versions of a patch that come from one, by what they say"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from patchspec.cli.shared import PROGRAM
from patchspec.problems import PatchError, Problem


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """BASE OURS THEIRS"""
    parser.add_argument("base", metavar="BASE", help="the patch that both versions come from")
    parser.add_argument("ours", metavar="OURS", help="our version, whose text is kept")
    parser.add_argument("theirs", metavar="THEIRS", help="their version")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the result to FILE")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument("--path", metavar="NAME", help="what reports call the file")
    parser.add_argument(
        "--format",
        choices=("text", "json", "github"),
        default="text",
        help="how conflicts are printed (default: text)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print or write the merged patch; exit with 1 where there are conflicts, marked in it."""
    from patchspec.language.source import Source, read_file  # noqa: PLC0415
    from patchspec.merging.merge import Labels, merge  # noqa: PLC0415

    # Where both sides added the file, git's version of before is empty.
    began = Path(arguments.base)
    is_new = began.is_file() and not began.read_bytes().strip()
    base = Source("", arguments.base, {}) if is_new else read_file(began)
    ours, theirs = read_file(arguments.ours), read_file(arguments.theirs)
    found = merge(base, ours, theirs, Labels("ours", "theirs"))
    if arguments.output is None:
        print(found.text, end="")
    else:
        from patchspec.models.files import write_text  # noqa: PLC0415

        write_text(Path(arguments.output), found.text, force=arguments.force)
    for note in found.notes:
        print(f"{PROGRAM} merge: {note}", file=sys.stderr)
    if found.problems:
        raise PatchError(found.problems)
    if found.conflicts:
        name = arguments.path or arguments.ours
        raise PatchError(
            [
                Problem(
                    code="PS970",
                    message=f"{conflict.part}{_field(conflict.field)}: {_said(conflict.ours)} in "
                    f"ours, {_said(conflict.theirs)} in theirs",
                    file=name,
                    hint="the marks in the result show both; keep what is meant",
                )
                for conflict in found.conflicts
            ]
        )
    return 0


def _field(field: str) -> str:
    return f", `{field}`" if field else ""


def _said(value: object) -> str:
    from patchspec.merging.values import ABSENT  # noqa: PLC0415

    if value is ABSENT:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value)
