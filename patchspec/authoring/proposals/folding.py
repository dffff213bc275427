"""The same new layers at many places: one operation, whose names hold a placeholder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.growing import Placed, groups, places
from patchspec.authoring.naming import templates
from patchspec.authoring.proposals.configs import column
from patchspec.authoring.selecting import in_graph_order, selector, selectors

MOST_NAMES = 8
"""So many ways to name the new layers of one operation are tried."""


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """One operation for all groups that are alike and go to places of one kind."""
    exact: dict[tuple[str, str], dict[str, Placed]] = {}
    loose: dict[tuple[str, str], dict[str, Placed]] = {}
    for group in groups(gaps):
        for place in places(gaps, group):
            if place.kind != "alone" and place.target in gaps.now.by_path:
                exact.setdefault((place.kind, _form(place, True)), {})[place.target] = place
                loose.setdefault((place.kind, _form(place, False)), {})[place.target] = place
    for alike in exact.values():
        if len(alike) > 1:
            yield from _folded(gaps, alike, None)
    for key, alike in loose.items():
        varied = _varied(alike)
        if len(alike) > 1 and varied is not None and key not in exact:
            yield from _folded(gaps, alike, varied)


def _form(place: Placed, with_values: bool) -> str:
    """The new layers without their names, and maybe without the values of their configs."""
    names = {str(one.get("name")): f"#{i}" for i, one in enumerate(place.new)}

    def bare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {k: bare(v) for k, v in value.items()}
        if isinstance(value, list):
            return [bare(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    said = []
    for one in place.new:
        layer = {k: bare(v) for k, v in one.items() if k != "name"}
        if not with_values and "config" in layer:
            layer["config"] = sorted(layer["config"])
        said.append(layer)
    return json.dumps(said, sort_keys=True)


def _varied(alike: Mapping[str, Placed]) -> tuple[int, str] | None:
    """The one key, of which new layer, whose value is another at each place."""
    first = next(iter(alike.values())).new
    keys = [
        (i, key)
        for i, one in enumerate(first)
        for key in one.get("config", {})
        if len({json.dumps(place.new[i]["config"][key]) for place in alike.values()}) > 1
    ]
    return keys[0] if len(keys) == 1 else None


def _folded(
    gaps: Gaps, alike: Mapping[str, Placed], varied: tuple[int, str] | None
) -> Iterator[Mapping[str, Any]]:
    targets = in_graph_order(alike, gaps.now)
    first = alike[targets[0]]
    before = list(dict.fromkeys(path for t in targets for path in alike[t].before))
    tried = 0
    for said in selectors(targets, gaps.now):
        named = [
            list(templates({t: str(alike[t].new[i].get("name")) for t in targets}, said, gaps.now))
            for i in range(len(first.new))
        ]
        for names in product(*named):
            new = _renamed(first, names)
            step: dict[str, Any] = {"op": "replace" if first.kind == "replace" else "insert"}
            step["layers" if first.kind == "replace" else "after"] = said
            if before:
                step["before"] = selector(in_graph_order(before, gaps.now), gaps.now)
            if varied is not None:
                i, key = varied
                new[i] = {**new[i], "config": {**new[i]["config"], key: f"$({key})"}}
            if first.kind == "replace" and len(new) == 1 and new[0]["name"] == "$(target)":
                del new[0]["name"]
            step["new"] = new if len(new) > 1 else new[0]
            if varied is not None:
                i, key = varied
                values = [alike[t].new[i]["config"][key] for t in targets]
                step["each"] = {key: column(values)}
            yield step
            tried += 1
            if tried >= MOST_NAMES:
                return


def _renamed(place: Placed, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The new layers of one place under names with placeholders."""
    own = {str(one.get("name")): name for one, name in zip(place.new, names, strict=True)}

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return own.get(value, value) if isinstance(value, str) else value

    return [
        {**one, "name": name, **({"inputs": renamed(one["inputs"])} if "inputs" in one else {})}
        for one, name in zip(place.new, names, strict=True)
    ]
