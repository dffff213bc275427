"""Finding a patch of the cookbook again, from the model that it is for and the one it makes."""

from __future__ import annotations

from pathlib import Path

from patchspec.authoring.author import author
from patchspec.models.base import Base
from patchspec.planning.plan import Plan

COOKBOOK = Path(__file__).parents[2] / "patches"


def check_recovered(plan: Plan, recovered: set[str]) -> None:
    """The operations found make the same model, and are no more than the author wrote."""
    files = [Path(patch.source.file or "") for patch in plan.patches]
    if len(files) != 1 or files[0].resolve().parent != COOKBOOK or files[0].name in recovered:
        return
    found = author(Base(plan.base.document), Base(plan.document))
    assert not found.gaps.size, (files[0].name, found.steps)
    assert len(found.steps) <= len(plan.patches[0].steps), (files[0].name, found.steps)
    recovered.add(files[0].name)
