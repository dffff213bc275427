"""write an old model as a current `.keras` file, without Keras"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from patchspec.cli.shared import add_format, add_weights
from patchspec.models.files import check_target
from patchspec.models.opening import open_base
from patchspec.models.upgraded_file import write_base
from patchspec.review.models import upgrades_json, upgrades_text
from patchspec.review.style import style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OLD -o NEW.keras"""
    parser.add_argument("model", metavar="OLD", help="a model of any Keras")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the `.keras` file")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_weights(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say what was done; the last line of stdout is the path written."""
    output = Path(arguments.output)
    check_target(output, force=arguments.force)
    base = open_base(arguments.model, arguments.weights)
    write_base(base, output, force=arguments.force)
    if arguments.format == "json":
        said = {"format": 1, "output": str(output), "upgrades": upgrades_json(base)}
        print(json.dumps(said, indent=2))
        return 0
    lines = upgrades_text(base, style_for(sys.stdout)) or [
        "nothing to upgrade: the model is current"
    ]
    print("\n".join([*lines, str(output)]))
    return 0
