"""What `diff` and `init` compare: models, and what plans and patches make of models."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchspec.cli.shared import PATCH_SUFFIXES, Usage, models_for, open_model, patches_in
from patchspec.language.patch import Patch
from patchspec.problems import refuse

if TYPE_CHECKING:
    from patchspec.models.base import Base
    from patchspec.planning.plan import Plan


@dataclass(frozen=True)
class Operand:
    """One side: a model, or what a patch makes of one."""

    model: Base
    has_values: bool = False
    """Whether the weights can be read; those of a variant are not made."""


def add_operands(parser: argparse.ArgumentParser) -> None:
    """`--base`."""
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="the model that patches are applied to: their variants are compared then, "
        "not their texts; for a saved plan, the model in the place of the one it names",
    )


def operand(path: str, arguments: argparse.Namespace) -> Operand:
    """A side by its file: a patch by its suffix, a plan by what it says, else a model."""
    if is_patch(path):
        patches = patches_in([path], arguments.settings)
        if arguments.base is None:
            raise Usage("a patch alone is no model: `--base MODEL` says what to apply it to")
        base = open_model(arguments.base, arguments.custom_objects)
        return _variant(path, patches, base, models_for(patches, arguments))
    saved = _saved(path)
    if saved is not None:
        from patchspec.planning.saved import read_saved  # noqa: PLC0415 (most are no plans)

        plan = read_saved(saved, path)
        given = arguments.base or plan.base
        if given is None or not Path(given).exists():
            what = f"`{given}`" if given else "a live model"
            refuse(
                "PS910",
                f"the plan `{path}` is for {what}, which is not there",
                hint="give the model with `--base MODEL`",
            )
        base = open_model(given, arguments.custom_objects, plan.weights)
        return _variant(path, plan.patches, base, models_for(plan.patches, arguments))
    base = open_model(path, arguments.custom_objects)
    return Operand(base, has_values=base.variables is not None)


def is_patch(path: str) -> bool:
    """Whether a YAML file is a patch and not a model, which Keras once wrote as YAML too."""
    if not path.endswith(PATCH_SUFFIXES):
        return False
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as opened:
            return not any(line.startswith(("class_name:", "backend:")) for line in opened)
    except OSError:
        return True


def _saved(path: str) -> Mapping[str, Any] | None:
    """What a saved plan says; none for any other file."""
    if not path.endswith(".json"):
        return None
    try:
        said = json.loads(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
    return said if isinstance(said, Mapping) and "saved" in said else None


def _variant(
    path: str, patches: tuple[Patch, ...], base: Base, models: Mapping[str, Base]
) -> Operand:
    """The variant as a model of which only the structure is read."""
    from patchspec.planning.resolve import resolve  # noqa: PLC0415 (models are not planned)

    plan: Plan = resolve(patches, base, models=models)
    return Operand(replace(base, document=plan.document, variables=None, origin=path, lens=None))
