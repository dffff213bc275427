"""print the layers of a model: names, calls, shapes, parameters; or draw them"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from patchspec.cli.backend import use_light_backend
from patchspec.cli.pictures import check_picture
from patchspec.cli.shared import (
    PROGRAM,
    Usage,
    add_custom_objects,
    add_format,
    add_weights,
    custom_objects,
    open_model,
    quiet_backend,
    refuse_inputs,
)
from patchspec.models.base import Base
from patchspec.planning.shapes import known_specs
from patchspec.review.models import Specs, inspect_json, inspect_text
from patchspec.review.style import plural, style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL"""
    parser.add_argument("model", metavar="MODEL", help="a model file of any Keras")
    parser.add_argument(
        "--no-shapes",
        action="store_true",
        help="without Keras: only the shapes that the file records",
    )
    parser.add_argument("--config", action="store_true", help="print the config document alone")
    parser.add_argument(
        "--graph",
        metavar="FILE",
        help="draw the graph instead: `.svg`, `.html` to look around in, or `.mmd` (Mermaid)",
    )
    parser.add_argument(
        "--histograms",
        metavar="FILE",
        help="draw how the weights are spread instead: `.png` (needs `patchspec[plot]`)",
    )
    parser.add_argument(
        "--layers", metavar="SELECTOR", help="the layers for `--histograms`, as in a patch"
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    add_weights(parser)
    add_custom_objects(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, the JSON, or the config document; or draw, and print what was written."""
    pictures = _pictures(arguments)
    base = open_model(arguments.model, arguments.custom_objects, arguments.weights)
    if pictures:
        refuse_inputs(pictures.values(), [arguments.model, *base.files])
        _draw(base, pictures, arguments)
    elif arguments.config:
        print(json.dumps(base.document, indent=2))
    elif arguments.format == "json":
        print(json.dumps(inspect_json(base, _specs(base, arguments)), indent=2))
    else:
        print(inspect_text(base, _specs(base, arguments), style_for(sys.stdout)))
    return 0


def _pictures(arguments: argparse.Namespace) -> dict[str, Path]:
    """The files to draw, refused before any work is done where they cannot be."""
    named = {"graph": arguments.graph, "histograms": arguments.histograms}
    pictures = {what: Path(name) for what, name in named.items() if name is not None}
    if arguments.layers is not None and "histograms" not in pictures:
        raise Usage("`--layers` says which layers `--histograms` draws")
    if arguments.force and not pictures:
        raise Usage("`--force` overwrites what `--graph` or `--histograms` names")
    if not pictures:
        return {}
    if arguments.config:
        raise Usage("`--config` prints and draws nothing: leave it out")
    from patchspec.review.drawing.draw import SUFFIXES  # noqa: PLC0415 (most calls draw nothing)

    for what, path in pictures.items():
        suffixes = SUFFIXES if what == "graph" else (".png",)
        check_picture(f"--{what}", path, suffixes, force=arguments.force)
    return pictures


def _draw(base: Base, pictures: dict[str, Path], arguments: argparse.Namespace) -> None:
    if "graph" in pictures:
        from patchspec.review.drawing.draw import write_graph  # noqa: PLC0415

        specs = _specs(base, arguments)
        folded = write_graph(base, specs, pictures["graph"], force=arguments.force)
        if folded:
            what = f"{plural(folded, 'call')} folded together: Mermaid holds no more"
            print(f"{PROGRAM} inspect: {what}; `.svg` and `.html` hold all", file=sys.stderr)
    if "histograms" in pictures:
        from patchspec.review.weights import write_histograms  # noqa: PLC0415

        layers = None if arguments.layers is None else _selected(base, arguments)
        write_histograms(base, pictures["histograms"], layers, force=arguments.force)
    if arguments.format == "json":
        print(json.dumps({"format": 1, **{what: str(path) for what, path in pictures.items()}}))
    else:
        print("\n".join(map(str, pictures.values())))


def _selected(base: Base, arguments: argparse.Namespace) -> list[str]:
    from patchspec.cli.select import selected  # noqa: PLC0415 (only `--layers` selects)

    return selected(arguments.layers, base, arguments)


def _specs(base: Base, arguments: argparse.Namespace) -> Specs:
    """What is known of the tensors: what Keras would infer, or what the file records."""
    if arguments.no_shapes:
        return {model.path: model.recorded for model in base.graph.models()}
    with quiet_backend():
        from patchspec.inferring.resolving import inferrer_for  # noqa: PLC0415

        lighten = use_light_backend if arguments.owns_process else None
        inferrer = inferrer_for(base, custom_objects(arguments.custom_objects), lighten)
        return known_specs(base.graph, inferrer)
