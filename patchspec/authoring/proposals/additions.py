"""New layers, one group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.growing import Placed, groups, places
from patchspec.authoring.selecting import selector
from patchspec.graph.graph import Graph


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Every place that each group may go to."""
    for group in groups(gaps):
        for place in places(gaps, group):
            yield step(place, gaps.now)


def step(place: Placed, graph: Graph) -> Mapping[str, Any]:
    """The operation for new layers at one place."""
    new: Any = list(place.new) if len(place.new) > 1 else dict(place.new[0])
    if place.kind == "replace":
        lone = isinstance(new, dict) and new.get("name") == place.target.rpartition("/")[2]
        if lone:
            del new["name"]
        return {"op": "replace", "layers": place.target, "new": new}
    said: dict[str, Any] = {"op": "insert"}
    if place.kind != "alone":
        said["after"] = place.target
    if place.before:
        said["before"] = selector(place.before, graph)
    return {**said, "new": new}
