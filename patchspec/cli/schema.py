"""print the JSON Schema of patches, or of what the commands print"""

from __future__ import annotations

import argparse

from patchspec.cli.shared import Usage, add_format, add_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[NAME]"""
    parser.add_argument(
        "name",
        nargs="?",
        choices=("patch", "plan", "inspect", "probe", "comparison", "diff", "lint"),
        default="patch",
        help="which schema (default: patch)",
    )
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a model file of any Keras, whose layers an editor then proposes too",
    )
    add_weights(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the schema."""
    if arguments.name != "patch" and arguments.model is not None:
        raise Usage("`--model` goes with the schema of patches")
    if arguments.weights is not None and arguments.model is None:
        raise Usage("`--weights` goes with `--model`")
    from patchspec.language.editor import names_of, printed_schema  # noqa: PLC0415
    from patchspec.review.schemas import printed  # noqa: PLC0415

    if arguments.name != "patch":
        print(printed(arguments.name), end="")
    elif arguments.model is None:
        print(printed_schema(), end="")
    else:
        from patchspec.models.opening import open_base  # noqa: PLC0415

        base = open_base(arguments.model, arguments.weights)
        print(printed_schema(names_of(base.graph)), end="")
    return 0
