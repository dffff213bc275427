"""A saved plan: what was reviewed, with all that is needed to resolve it again.

A plan file's own edits are never executed. Applying one resolves its patches again and refuses
where the architecture or the weights come out otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.language.patch import Patch, parse_source
from patchspec.language.source import read_text
from patchspec.planning.plan import FORMAT, Plan, weight_rows
from patchspec.problems import refuse


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as it was reviewed."""

    patches: tuple[Patch, ...]
    base: str | None
    weights: str | None
    """The file of the base's weights, where it is an architecture alone."""
    models: Mapping[str, str]
    """The files of the other models, by name; of those without weights beside them."""
    said: Mapping[str, Any]


def saved_json(plan: Plan, said: Mapping[str, Any]) -> dict[str, Any]:
    """What the file holds: the plan as JSON, and every patch's text."""
    texts = [
        {
            "file": patch.source.file,
            "text": patch.source.text,
            "settings": dict(patch.settings),
        }
        for patch in plan.patches
    ]
    base, weights = plan.base.origin, plan.base.weights
    # A model whose weights lie in another file is found again by its patch, which names both.
    models = {name: m.origin for name, m in plan.models.items() if m.weights is None}
    saved = {"patches": texts, "base": base, "weights": weights, "models": models}
    return {**said, "saved": saved}


def read_saved(said: Any, origin: str) -> SavedPlan:
    """The plan in a plan file; PS910 where it is none."""
    if not isinstance(said, Mapping) or not isinstance(said.get("saved"), Mapping):
        refuse("PS910", f"`{origin}` is not a plan", hint="`patchspec plan -o` writes one")
    if said.get("format") != FORMAT:
        refuse("PS910", f"`{origin}` has the format {said.get('format')}, this version reads 1")
    try:
        texts = [(p["text"], p["file"], p["settings"]) for p in said["saved"]["patches"]]
        for key in ("architecture", "weights", "base"):
            said[key]
    except (KeyError, TypeError):
        refuse("PS910", f"`{origin}` is not a whole plan", hint="plan again")
    # What a patch extends was saved before it.
    patches = tuple(
        parse_source(read_text(text, file), settings, alone=True) for text, file, settings in texts
    )
    saved = said["saved"]
    models = saved.get("models", {})
    return SavedPlan(patches, saved.get("base"), saved.get("weights"), models, said)


def check_fresh(saved: SavedPlan, plan: Plan, origin: str) -> None:
    """Refuse (PS907) a plan whose base or outcome is no longer what was reviewed."""
    said = saved.said
    base = plan.base
    faults = []
    if said["base"]["architecture"] != base.architecture:
        faults.append("the base has another architecture")
    elif said["base"]["state"] not in (None, base.state):
        faults.append("the base has other weights")
    for name, was in said.get("models", {}).items():
        model = plan.models.get(name)
        if model is None or (was["architecture"], was["state"]) != (
            model.architecture,
            model.state,
        ):
            faults.append(f"the model `{name}` is another one")
    if said["architecture"] != plan.architecture:
        faults.append("the variant comes out with another architecture")
    if said.get("with_shapes") and said["weights"] != weight_rows(plan):
        faults.append("the weights come out otherwise")
    if faults:
        refuse(
            "PS907",
            f"`{origin}` is stale: {'; '.join(faults)}",
            hint="plan again and review the difference",
        )
