"""show what two models differ in: layers, wiring, inputs and outputs, weights"""

from __future__ import annotations

import argparse
import json
import sys

from patchspec.cli.operands import Operand, add_operands, is_patch, operand
from patchspec.cli.shared import add_custom_objects, add_models, add_settings
from patchspec.review.style import style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """A B"""
    parser.add_argument(
        "before", metavar="A", help="a model of any format, a saved plan, or a patch"
    )
    parser.add_argument("after", metavar="B", help="what to hold against it")
    add_operands(parser)
    parser.add_argument("--no-weights", action="store_true", help="look at the architectures alone")
    parser.add_argument(
        "--exit-code",
        action="store_true",
        help="exit with 1 where they differ and 2 where something is wrong, as `git diff` does",
    )
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print nothing; implies --exit-code"
    )
    add_custom_objects(parser)
    add_models(parser)
    add_settings(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--format",
        choices=("text", "json", "markdown"),
        default="text",
        help="how the difference is printed (default: text)",
    )
    group.add_argument(
        "--json", dest="format", action="store_const", const="json", help="short for --format json"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the difference; 0, or with `--exit-code` 1 where there is one."""
    if arguments.exit_code or arguments.quiet:
        # As with git, 1 is said of a difference alone.
        arguments.trouble = 2
    paths = (arguments.before, arguments.after)
    if arguments.base is None and all(map(is_patch, paths)):
        differs, said = _patches(*paths, arguments)
    else:
        one, other = (operand(path, arguments) for path in paths)
        differs, said = _models(one, other, arguments)
    if not arguments.quiet:
        print(said)
    return 1 if differs and (arguments.exit_code or arguments.quiet) else 0


def _patches(before: str, after: str, arguments: argparse.Namespace) -> tuple[bool, str]:
    """Two versions of a patch, by what they say."""
    from patchspec.language.source import read_file  # noqa: PLC0415
    from patchspec.merging.changes import changes_of  # noqa: PLC0415
    from patchspec.review.patches import (  # noqa: PLC0415
        patch_changes_json,
        patch_changes_markdown,
        patch_changes_text,
    )

    found = changes_of(read_file(before), read_file(after))
    if arguments.format == "json":
        return bool(found), json.dumps(patch_changes_json(found), indent=2)
    if arguments.format == "markdown":
        return bool(found), patch_changes_markdown(found)
    return bool(found), patch_changes_text(found, style_for(sys.stdout))


def _models(one: Operand, other: Operand, arguments: argparse.Namespace) -> tuple[bool, str]:
    from patchspec.differences.difference import difference  # noqa: PLC0415
    from patchspec.review.differences import difference_markdown, difference_text  # noqa: PLC0415

    readable = one.has_values and other.has_values and not arguments.no_weights
    found = difference(one.model, other.model, values=readable)
    if arguments.format == "json":
        from patchspec.review.difference_json import difference_json  # noqa: PLC0415

        return not found.is_empty, json.dumps(difference_json(found), indent=2)
    if arguments.format == "markdown":
        return not found.is_empty, difference_markdown(found)
    return not found.is_empty, difference_text(found, style_for(sys.stdout))
