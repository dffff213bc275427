"""print the layers of a model: names, calls, shapes, parameters"""

from __future__ import annotations

import argparse
import json
import sys

from patchspec.cli.backend import use_light_backend
from patchspec.cli.shared import (
    add_custom_objects,
    add_format,
    add_weights,
    custom_objects,
    open_model,
    quiet_backend,
)
from patchspec.planning.shapes import known_specs
from patchspec.review.models import Specs, inspect_json, inspect_text
from patchspec.review.style import style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL"""
    parser.add_argument("model", metavar="MODEL", help="a model file of any Keras")
    parser.add_argument(
        "--no-shapes",
        action="store_true",
        help="without Keras: only the shapes that the file records",
    )
    parser.add_argument("--config", action="store_true", help="print the config document alone")
    add_weights(parser)
    add_custom_objects(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, the JSON, or the config document."""
    base = open_model(arguments.model, arguments.custom_objects, arguments.weights)
    if arguments.config:
        print(json.dumps(base.document, indent=2))
        return 0
    specs: Specs = {model.path: model.recorded for model in base.graph.models()}
    if not arguments.no_shapes:
        with quiet_backend():
            from patchspec.inferring.resolving import inferrer_for  # noqa: PLC0415

            lighten = use_light_backend if arguments.owns_process else None
            inferrer = inferrer_for(base, custom_objects(arguments.custom_objects), lighten)
            specs = known_specs(base.graph, inferrer)
    if arguments.format == "json":
        print(json.dumps(inspect_json(base, specs), indent=2))
    else:
        print(inspect_text(base, specs, style_for(sys.stdout)))
    return 0
