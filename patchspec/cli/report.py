"""write the page of a plan: the graph to look around in, and everything beside it"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from patchspec.cli.plan import planned
from patchspec.cli.shared import (
    Usage,
    add_planned,
    quiet_backend,
    refuse_inputs,
)
from patchspec.planning.plan import Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[BASE] PATCH..."""
    add_planned(parser)
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="report.html", help="default: report.html"
    )
    parser.add_argument(
        "--model-explorer",
        metavar="FOLDER",
        help="write `graphs.json` and `node_data.json` for Google's Model Explorer there, too",
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")


def run(arguments: argparse.Namespace) -> int:
    """Write the page and print where."""
    output = Path(arguments.output)
    if output.suffix.lower() not in (".html", ".htm"):
        raise Usage(f"`{output}`: the report is a page, give a name that ends in .html")
    from patchspec.models.files import check_target, write_text  # noqa: PLC0415

    check_target(output, force=arguments.force)
    with quiet_backend():
        plan = planned(arguments)
    models = (plan.base, *plan.models.values())
    refuse_inputs([output], [*arguments.paths, *(file for one in models for file in one.files)])
    from patchspec.review.report.page import report_page  # noqa: PLC0415

    write_text(output, report_page(plan), force=arguments.force)
    if arguments.model_explorer is not None:
        _explorer(plan, Path(arguments.model_explorer), force=arguments.force)
    print(output)
    return 0


def _explorer(plan: Plan, folder: Path, *, force: bool) -> None:
    """The two files that Model Explorer opens; what was written is said."""
    from patchspec.models.files import write_text  # noqa: PLC0415
    from patchspec.review.model_explorer import explorer_data, explorer_graphs  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True)
    said = {"graphs.json": explorer_graphs(plan), "node_data.json": explorer_data(plan)}
    for name, value in said.items():
        write_text(folder / name, json.dumps(value, indent=1) + "\n", force=force)
        print(folder / name)
