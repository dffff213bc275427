"""print the JSON Schema of patches, or of what the commands print"""

from __future__ import annotations

import argparse

from patchspec.cli.shared import add_format


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[NAME]"""
    parser.add_argument(
        "name",
        nargs="?",
        choices=("patch", "plan", "inspect"),
        default="patch",
        help="which schema (default: patch)",
    )
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    from patchspec.language.schema import printed_schema  # noqa: PLC0415
    from patchspec.review.schemas import printed  # noqa: PLC0415

    print(printed_schema() if arguments.name == "patch" else printed(arguments.name), end="")
    return 0
