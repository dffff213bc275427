"""show all that patches would do to a model, with nothing done"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from patchspec.cli.backend import use_light_backend
from patchspec.cli.shared import (
    Usage,
    add_format,
    add_planned,
    custom_objects,
    models_for,
    open_for,
    patches_in,
    quiet_backend,
    refuse_inputs,
    split_base,
)
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from patchspec.review.plans import plan_json, plan_text
from patchspec.review.style import style_for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[BASE] PATCH..."""
    add_planned(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="save the plan for `apply`")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument(
        "--detailed-exitcode",
        action="store_true",
        help="exit with 0 for no change, 1 for an error, 2 for changes",
    )
    parser.add_argument(
        "--json-patch", action="store_true", help="print the RFC 6902 document alone"
    )
    parser.add_argument(
        "--with-config", action="store_true", help="in JSON, the config document afterwards too"
    )
    parser.add_argument(
        "--each",
        action="store_true",
        help="plan each patch alone on the base, and print one table of all the variants",
    )
    parser.add_argument(
        "--report", metavar="URL", help="with --format markdown, where the page of the plan lies"
    )
    add_format(parser, "markdown")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan, save it where asked."""
    if arguments.each:
        return _each(arguments)
    with quiet_backend():
        plan = planned(arguments)
    if arguments.output:
        models = (plan.base, *plan.models.values())
        read = (file for model in models for file in model.files)
        refuse_inputs([Path(arguments.output)], [*arguments.paths, *read])
        from patchspec.models.files import write_text  # noqa: PLC0415
        from patchspec.planning.saved import saved_json  # noqa: PLC0415

        said = saved_json(plan, plan_json(plan))
        write_text(Path(arguments.output), json.dumps(said, indent=1), force=arguments.force)
    if arguments.json_patch:
        print(json.dumps(plan.json_patch, indent=2))
    elif arguments.format == "json":
        print(json.dumps(plan_json(plan, with_config=arguments.with_config), indent=2))
    elif arguments.format == "markdown":
        from patchspec.review.comments import plan_comment  # noqa: PLC0415

        print(plan_comment(plan, report=arguments.report), end="")
    else:
        print(plan_text(plan, style_for(sys.stdout)))
    return 2 if arguments.detailed_exitcode and not plan.is_identity else 0


def _each(arguments: argparse.Namespace) -> int:
    """The table of what each patch makes alone; exit with 1 where one does not fit."""
    from patchspec.review.sweeps import (  # noqa: PLC0415
        Variant,
        sweep_json,
        sweep_markdown,
        sweep_text,
    )

    if arguments.output or arguments.json_patch:
        raise Usage("`--each` prints a table: plan one patch alone to save or print its plan")
    base, paths = split_base(arguments.paths)
    if not paths:
        raise Usage("give at least one patch (a file that ends in .yaml or .yml)")
    variants = []
    for path in paths:
        alone = argparse.Namespace(**vars(arguments))
        alone.paths = [path] if base is None else [base, path]
        name = path.rpartition("/")[2].removesuffix(".patchspec.yaml")
        try:
            with quiet_backend():
                variants.append(Variant(name, planned(alone)))
        except PatchError as error:
            variants.append(Variant(name, None, error))
    if arguments.format == "json":
        print(json.dumps(sweep_json(variants), indent=2))
    elif arguments.format == "markdown":
        print(sweep_markdown(variants))
    else:
        print(sweep_text(variants, style_for(sys.stdout)))
    return 1 if any(one.error for one in variants) else 0


def planned(arguments: argparse.Namespace) -> Plan:
    """The plan that the arguments ask for."""
    base, paths = split_base(arguments.paths)
    if not paths:
        raise Usage("give at least one patch (a file that ends in .yaml or .yml)")
    patches = patches_in(paths, arguments.settings)
    opened = open_for(base or arguments.base, patches, arguments)
    models = models_for(patches, arguments)
    if arguments.no_shapes:
        return resolve(patches, opened, models=models)
    from patchspec.inferring.resolving import resolve_lightly  # noqa: PLC0415

    custom = custom_objects(arguments.custom_objects)
    lighten = use_light_backend if arguments.owns_process else None
    return resolve_lightly(patches, opened, custom, models, lighten)
