"""print the layers that a selector matches"""

from __future__ import annotations

import argparse
import json

from patchspec.cli.shared import add_custom_objects, add_format, add_weights, open_model
from patchspec.graph.selectors import select
from patchspec.language.schema import selector_problems
from patchspec.language.source import read_text
from patchspec.problems import PatchError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """SELECTOR MODEL"""
    parser.add_argument("selector", metavar="SELECTOR", help="as in a patch, in YAML")
    parser.add_argument("model", metavar="MODEL", help="a model file of any Keras")
    add_weights(parser)
    add_custom_objects(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one path a line, in graph order."""
    text = arguments.selector
    # On a command line the quotes of a glob are the shell's; a bare `*` would be a YAML alias.
    lone = text.startswith("*")
    source = read_text(json.dumps(text) if lone else text, "selector")
    problems = list(selector_problems(source.data))
    if problems:
        raise PatchError(source.place(problems))
    base = open_model(arguments.model, arguments.custom_objects, arguments.weights)
    try:
        matches = select(source.data, base.graph)
    except PatchError as error:
        raise PatchError(source.place(error.problems)) from None
    paths = [match.layer.path for match in matches]
    print(
        json.dumps({"format": 1, "layers": paths})
        if arguments.format == "json"
        else "\n".join(paths)
    )
    return 0
