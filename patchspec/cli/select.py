"""print the layers that a selector matches"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping

from patchspec.cli.backend import use_light_backend
from patchspec.cli.shared import (
    add_custom_objects,
    add_format,
    add_weights,
    custom_objects,
    open_model,
    quiet_backend,
)
from patchspec.graph.graph import Graph
from patchspec.graph.selectors import select
from patchspec.graph.tensors import Spec, Tensor
from patchspec.language.schema import selector_problems
from patchspec.language.source import Source, read_text
from patchspec.models.base import Base
from patchspec.planning.shapes import known_specs
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
    source = _read(arguments.selector)
    base = open_model(arguments.model, arguments.custom_objects, arguments.weights)
    paths = _select(source, base, arguments)
    print(
        json.dumps({"format": 1, "layers": paths})
        if arguments.format == "json"
        else "\n".join(paths)
    )
    return 0


def selected(text: str, base: Base, arguments: argparse.Namespace) -> list[str]:
    """The paths of the layers that a selector matches, as it is written on a command line."""
    return _select(_read(text), base, arguments)


def _read(text: str) -> Source:
    # On a command line the quotes of a glob are the shell's; a bare `*` would be a YAML alias.
    lone = text.startswith("*")
    source = read_text(json.dumps(text) if lone else text, "selector")
    problems = list(selector_problems(source.data))
    if problems:
        raise PatchError(source.place(problems))
    return source


def _select(source: Source, base: Base, arguments: argparse.Namespace) -> list[str]:
    graph = Graph.of(base.document, lambda g: _specs(g, base, arguments))
    try:
        return [match.layer.path for match in select(source.data, graph)]
    except PatchError as error:
        raise PatchError(source.place(error.problems)) from None


def _specs(
    graph: Graph, base: Base, arguments: argparse.Namespace
) -> Mapping[str, Mapping[Tensor, Spec]]:
    """The shapes that a selector asks for: only then can Keras be needed."""
    with quiet_backend():
        from patchspec.inferring.resolving import inferrer_for  # noqa: PLC0415

        lighten = use_light_backend if arguments.owns_process else None
        return known_specs(
            graph, inferrer_for(base, custom_objects(arguments.custom_objects), lighten)
        )
