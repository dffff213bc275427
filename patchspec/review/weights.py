"""The weights of a model as histograms, one variable in memory at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from patchspec.models.base import Base, Variable, natural
from patchspec.models.files import check_target
from patchspec.probing.histograms import histogram_of
from patchspec.problems import refuse
from patchspec.review.plots import write_histograms_png
from patchspec.review.style import plural


def write_histograms(
    base: Base, path: Path, layers: Iterable[str] | None = None, *, force: bool
) -> None:
    """Write a histogram of each variable to a PNG, of all layers or of those at these paths.

    PS910 where there are no values, PS931 without matplotlib, PS904 where the file exists and
    `force` is not given, PS905 where it cannot be written.
    """
    check_target(path, force=force)
    if base.variables is None:
        why = base.no_weights or "the file holds an architecture alone"
        refuse("PS910", f"there are no weights to draw: {why}", hint="give them with `--weights`")
    variables = list(_variables(base, layers))
    if not variables:
        refuse("PS910", "there are no weights to draw: none of these layers has variables")
    drawn = [
        histogram_of(one.path if one.name is None else f"{one.path} ({one.name})", one.read())
        for one in variables
    ]
    name = base.graph.config.get("name") or "model"
    write_histograms_png(path, drawn, f"{name}, {plural(len(drawn), 'variable')}")


def _variables(base: Base, layers: Iterable[str] | None) -> Iterator[Variable]:
    """In the order of the layers; what a nested model or a wrapper holds is its own as well."""
    paths = None if layers is None else {*layers}
    order = {path: i for i, path in enumerate(base.graph.by_path)}
    found = []
    for layer, variables in base.by_layer.items():
        if paths is None or _within(layer, paths):
            found += [(order.get(layer, len(order)), natural(v.path), v) for v in variables]
    yield from (variable for _, _, variable in sorted(found, key=lambda one: one[:2]))


def _within(path: str, paths: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:end]) in paths for end in range(1, len(parts) + 1))
