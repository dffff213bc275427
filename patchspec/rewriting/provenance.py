"""Where a variant comes from: enough to make it again and to tell that it is the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from patchspec._version import __version__
from patchspec.distributions import version_of
from patchspec.planning.plan import Plan, transfer

PROVENANCE = "patchspec"
"""The key in the archive's `metadata.json`, which Keras carries and does not read."""


@dataclass(frozen=True)
class Planned:
    """What was made of a plan, and what there is to say of it."""

    plan: Plan

    @cached_property
    def report(self) -> dict[str, Any]:
        """The transfer report: what was kept, initialised, dropped: variables, values, bytes."""
        return transfer(self.plan)

    @property
    def provenance(self) -> dict[str, Any]:
        """Where the variant comes from: enough to make it again and to tell that it is the same."""
        return provenance(self.plan)


def provenance(plan: Plan) -> dict[str, Any]:
    """What the file says of the plan.

    The digest of a model's weights is there where a patch pins it: it takes longer than all else.
    """
    base = any(patch.base.state for patch in plan.patches)
    pinned = {name for p in plan.patches for name, pin in p.models.items() if pin.state}
    return {
        "format": 1,
        "patchspec": __version__,
        "keras": version_of("keras"),
        "base": {
            "architecture": plan.base.architecture,
            "state": plan.base.state if base else None,
        },
        "models": {
            name: {
                "architecture": model.architecture,
                "state": model.state if name in pinned else None,
            }
            for name, model in plan.models.items()
        },
        "patches": [
            {
                "name": patch.name,
                "digest": patch.digest,
                "seed": patch.seed,
                "settings": dict(patch.settings),
                "text": patch.source.text,
            }
            for patch in plan.patches
        ],
        "plan": plan.digest,
        "architecture": plan.architecture,
        "transfer": transfer(plan),
    }


def metadata_of(plan: Plan) -> Mapping[str, Any]:
    """The `metadata.json` of the variant: what the base's said, and the provenance."""
    kept = {k: v for k, v in plan.base.metadata.items() if k != PROVENANCE}
    return {**kept, "keras_version": version_of("keras"), PROVENANCE: provenance(plan)}
