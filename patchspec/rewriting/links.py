"""Whether the weights of the base are those of the variant as they lie, so that none is copied."""

from __future__ import annotations

from pathlib import Path

from patchspec.graph.graph import Graph
from patchspec.models.folder import WEIGHTS, is_unzipped
from patchspec.models.layout import layer_groups
from patchspec.planning.plan import Move, Plan
from patchspec.rewriting.optimizers import optimizer_state


def same_weights(plan: Plan) -> Path | None:
    """The file of weights of an unzipped base, where every variable stays, and in its place."""
    base = plan.base
    folder = Path(base.origin)
    if base.live is not None or base.weights is not None or base.upgrades or base.opened:
        return None
    if not is_unzipped(folder) or not (folder / WEIGHTS).is_file():
        return None
    optimizer_stays = optimizer_state(plan) == base.optimizer
    spans = [v.span for v in (base.variables or {}).values() if v.span is not None]
    found = (folder / WEIGHTS).stat()
    opened = all(span.content.identity == (found.st_dev, found.st_ino) for span in spans)
    stays = opened and all(_stays(move, plan) for move in plan.moves) and optimizer_stays
    return folder / WEIGHTS if stays and _places(base.graph) == _places(plan.graph) else None


def _stays(move: Move, plan: Plan) -> bool:
    if move.action != "kept" or move.sources != (("base", move.path),):
        return False
    return (plan.base.variables or {})[move.path].dtype == move.dtype


def _places(graph: Graph) -> list[tuple[str, str]]:
    groups = [(layer.path, group) for layer, group in layer_groups(graph)]
    return [(str(graph.config.get("name")), ""), *groups]
