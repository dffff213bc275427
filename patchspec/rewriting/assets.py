"""Files that layers saved beside their weights, under the paths that they have in the variant."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.models.base import Base
from patchspec.models.layout import layer_groups, named_path
from patchspec.planning.plan import Plan


def assets_by_part(base: Base) -> dict[str, dict[str, bytes]]:
    """The assets of a file by the path of the part that saved them, each by its name."""
    groups = {group: layer.path for layer, group in layer_groups(base.graph)}
    found: dict[str, dict[str, bytes]] = {}
    for path, content in base.assets.items():
        folder, _, name = path.removeprefix("assets/").rpartition("/")
        owner = named_path(groups, f"{folder}/{name}")
        if owner is not None:
            found.setdefault(owner.removesuffix(f"/{name}"), {})[name] = content
    return found


def moved_assets(plan: Plan) -> dict[str, bytes]:
    """The assets of layers that stay, by their path in the variant's archive."""
    return {path: content for _, path, content in _moved(plan)}


def layers_with_assets(plan: Plan) -> set[str]:
    """The layers of the variant that take assets over."""
    return {layer for layer, _, _ in _moved(plan)}


def _moved(plan: Plan) -> Iterator[tuple[str, str, bytes]]:
    if not plan.base.assets:
        return
    parts = assets_by_part(plan.base)
    for layer, group in layer_groups(plan.graph):
        origin = plan.origins.get(layer.path)
        if origin is None or layer.inner is not None:
            continue
        for part, files in parts.items():
            if part == origin or part.startswith(f"{origin}/"):
                inside = part.removeprefix(origin)
                for name, content in files.items():
                    yield layer.path, f"assets/{group}{inside}/{name}", content
