"""build the variant and write it as a `.keras` file"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patchspec.cli.backend import use_light_backend
from patchspec.cli.progress import bar
from patchspec.cli.shared import (
    Usage,
    add_custom_objects,
    add_format,
    add_models,
    add_settings,
    add_weights,
    add_weights_out,
    check_outputs,
    custom_objects,
    models_for,
    open_for,
    open_model,
    patches_in,
    quiet_backend,
    refuse_inputs,
    removed_on_failure,
    split_base,
)
from patchspec.language.patch import Patch
from patchspec.models.base import Base
from patchspec.models.document import read_json
from patchspec.problems import refuse
from patchspec.review.plans import check_json
from patchspec.review.problems import problem_json, problem_text
from patchspec.review.rows import check_sentences
from patchspec.review.style import plural, style_for

if TYPE_CHECKING:
    from patchspec.building.variant import Variant
    from patchspec.planning.saved import SavedPlan
    from patchspec.rewriting.file_variant import FileVariant


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[BASE] PATCH... or PLAN.json"""
    parser.add_argument(
        "paths",
        metavar="[BASE] PATCH",
        nargs="+",
        help="the model, unless the first patch names it, then patch files; or one saved plan",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="the variant: a `.keras` file, or with `/` at its end a folder with what one holds",
    )
    parser.add_argument("--base", metavar="FILE", help="the model, for a saved plan")
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument(
        "--link",
        action="store_true",
        help="from folder to folder, have both be one file of weights where none moves; what is "
        "written into one is then written into both",
    )
    add_weights(parser)
    add_weights_out(parser)
    add_models(parser)
    add_custom_objects(parser)
    add_settings(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Resolve, build, write; the last line of stdout is the path written."""
    zipped = not arguments.output.endswith("/")
    if zipped and not arguments.output.endswith(".keras"):
        raise Usage(
            f"`{arguments.output}`: a variant is written as a `.keras` file, or as a folder with "
            "what one holds: give a name that ends in `.keras` or `/`"
        )
    output, weights_out = check_outputs(arguments)
    saved = None
    if len(arguments.paths) == 1 and arguments.paths[0].endswith(".json"):
        saved, patches, base = _saved(arguments)
    else:
        given, paths = split_base(arguments.paths)
        if not paths:
            raise Usage("give at least one patch (a file that ends in .yaml or .yml)")
        patches = patches_in(paths, arguments.settings)
        base = open_for(given or arguments.base, patches, arguments)
    models = _models(arguments, saved, patches)
    read = (file for model in (base, *models.values()) for file in model.files)
    refuse_inputs((output, weights_out), [*arguments.paths, *read])
    with quiet_backend():
        variant = _variant(arguments, saved, patches, base, models)
    if weights_out is not None:
        size = arguments.shard_size
        variant.save_weights(weights_out, force=arguments.force, shard_size=size)
    with removed_on_failure(weights_out), bar(f"writing {output.name}") as progress:
        link, force = arguments.link, arguments.force
        variant.save(output, zipped=zipped, link=link, force=force, progress=progress)
    if arguments.format == "json":
        findings = [{**problem_json(f.problem), "allowed": f.allowed} for f in variant.findings]
        weights = {"weights": str(weights_out)} if weights_out is not None else {}
        said = {
            "format": 1,
            "output": str(output),
            **weights,
            "findings": findings,
            "expectations": [check_json(check) for check in variant.checks],
            **variant.provenance,
        }
        print(json.dumps(said, indent=2))
        return 0
    style = style_for(sys.stderr)
    for finding in variant.findings:
        if not finding.allowed:
            print(problem_text(finding.problem, style, "finding"), file=sys.stderr)
    for action, counts in variant.report.items():
        if counts["variables"]:
            print(
                f"{plural(counts['variables'], 'variable')} {action} ({counts['values']:,} values)"
            )
    for text in check_sentences(variant.checks):
        print(text)
    if weights_out is not None:
        print(weights_out)
    print(output)
    return 0


def _variant(
    arguments: argparse.Namespace,
    saved: SavedPlan | None,
    patches: Sequence[Patch],
    base: Base,
    models: Mapping[str, Base],
) -> FileVariant | Variant:
    """The variant, from file to file where no model need be made for it."""
    from patchspec.inferring.resolving import resolve_lightly  # noqa: PLC0415
    from patchspec.planning.saved import check_fresh  # noqa: PLC0415
    from patchspec.rewriting.file_variant import FileVariant  # noqa: PLC0415 (imports NumPy)
    from patchspec.rewriting.obstacles import check_weights, obstacle  # noqa: PLC0415

    custom = custom_objects(arguments.custom_objects)
    light = arguments.owns_process and not _runs_a_model(patches, base)
    lighten = use_light_backend if light else None
    plan = resolve_lightly(patches, base, custom, models, lighten)
    if saved is not None:
        check_fresh(saved, plan, arguments.paths[0])
    check_weights(plan)
    if obstacle(plan) is None:
        return FileVariant(plan)
    from patchspec.building.variant import build  # noqa: PLC0415 (imports Keras)

    return build(plan, custom)


def _runs_a_model(patches: Sequence[Patch], base: Base) -> bool:
    """Whether a model is made in any case, on the backend that the user has."""
    compiled = base.document.get("compile_config") or any(
        isinstance(one.compile, Mapping) for patch in patches for one in patch.sequence
    )
    values = any({"same", "different"} & one.expect.keys() for p in patches for one in p.sequence)
    return bool(compiled or values)


def _models(
    arguments: argparse.Namespace, saved: SavedPlan | None, patches: Sequence[Patch]
) -> dict[str, Base]:
    """The other models: those of the command line, else those that the plan was made with."""
    told = {said.partition("=")[0] for said in arguments.models}
    for name, path in saved.models.items() if saved is not None else ():
        if name not in told:
            arguments.models.append(f"{name}={path}")
    return models_for(patches, arguments)


def _saved(arguments: argparse.Namespace) -> tuple[SavedPlan, Sequence[Patch], Base]:
    from patchspec.planning.saved import read_saved  # noqa: PLC0415

    path = Path(arguments.paths[0])
    try:
        content = path.read_bytes()
    except OSError as error:
        refuse("PS902", f"the plan `{path}` cannot be read: {error.strerror}")
    saved = read_saved(read_json(content, str(path)), str(path))
    weights = arguments.weights or saved.weights
    base = open_model(arguments.base or saved.base or "", arguments.custom_objects, weights)
    return saved, saved.patches, base
