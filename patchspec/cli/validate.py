"""check patches against the schema and the table of Keras layers, without a model"""

from __future__ import annotations

import argparse
import json

from patchspec.cli.shared import add_format, add_settings, patches_in


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATCH..."""
    parser.add_argument("patches", metavar="PATCH", nargs="+", help="patch files")
    add_settings(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say that every patch is valid; problems are raised."""
    patches = patches_in(arguments.patches, arguments.settings)
    if arguments.format == "json":
        print(json.dumps({"format": 1, "problems": []}, indent=2))
    elif arguments.format == "text":
        for path, patch in zip(arguments.patches, patches, strict=True):
            count = len(patch.steps)
            print(f"{path}: valid, {count} operation{'' if count == 1 else 's'}")
    return 0
