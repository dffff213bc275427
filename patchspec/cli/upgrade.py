"""write an old model as a current `.keras` file, without Keras"""

from __future__ import annotations

import argparse
import json
import sys

from patchspec.cli.progress import bar
from patchspec.cli.shared import (
    add_format,
    add_weights,
    add_weights_out,
    check_outputs,
    refuse_inputs,
    removed_on_failure,
)
from patchspec.models.opening import open_base
from patchspec.models.upgraded_file import write_base
from patchspec.models.weights_out import write_weights
from patchspec.review.models import upgrades_json, upgrades_text
from patchspec.review.style import style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """OLD -o NEW.keras"""
    parser.add_argument("model", metavar="OLD", help="a model of any Keras")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the `.keras` file")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_weights(parser)
    add_weights_out(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Say what was done; the last line of stdout is the path written."""
    output, weights_out = check_outputs(arguments)
    refuse_inputs([weights_out], [arguments.model, arguments.weights])
    base = open_base(arguments.model, arguments.weights)
    if weights_out is not None and base.variables is not None:
        write_weights(
            weights_out,
            base.variables.values(),
            graph=base.graph,
            force=arguments.force,
            shard_size=arguments.shard_size,
        )
    with removed_on_failure(weights_out), bar(f"writing {output.name}") as progress:
        write_base(base, output, force=arguments.force, progress=progress)
    if arguments.format == "json":
        weights = {"weights": str(weights_out)} if weights_out is not None else {}
        said = {"format": 1, "output": str(output), **weights, "upgrades": upgrades_json(base)}
        print(json.dumps(said, indent=2))
        return 0
    lines = upgrades_text(base, style_for(sys.stdout)) or [
        "nothing to upgrade: the model is current"
    ]
    written = [str(path) for path in (weights_out, output) if path is not None]
    print("\n".join([*lines, *written]))
    return 0
