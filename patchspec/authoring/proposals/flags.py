"""Layers that train, or no longer do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.selecting import in_graph_order, selector


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """All that freeze in one operation, all that train again in another."""
    flips: dict[bool, list[str]] = {False: [], True: []}
    for path, keys in gaps.configs.items():
        if isinstance(keys.get("trainable"), bool):
            flips[keys["trainable"]].append(path)
    if flips[False]:
        yield {"op": "freeze", "layers": _layers(flips[False], gaps)}
    if flips[True]:
        yield {"op": "unfreeze", "layers": _layers(flips[True], gaps)}
        for how in ("include", "leave"):
            yield {"op": "unfreeze", "layers": _layers(flips[True], gaps), "batchnorm": how}


def _layers(paths: list[str], gaps: Gaps) -> Any:
    """The layers; those that hold no flag may be meant as well, where that is shorter to say."""
    bare = [
        path
        for path, layer in gaps.now.by_path.items()
        if layer.is_input or layer.is_operation or layer.inner is not None
    ]
    exact = selector(in_graph_order(paths, gaps.now), gaps.now)
    listed = [p for p in (*paths, *bare) if not gaps.now.by_path[p].is_operation]
    wider = selector(in_graph_order(dict.fromkeys(listed), gaps.now), gaps.now)
    whole = selector(in_graph_order(_whole(paths, gaps), gaps.now), gaps.now)
    return min(whole, exact, wider, key=lambda said: len(str(said)))


def _whole(paths: list[str], gaps: Gaps) -> list[str]:
    """The layers, nested models of which every layer is meant by their own names."""
    found = set(paths)
    for path, model in gaps.now.by_path.items():
        if model.inner is None:
            continue
        inside = [
            layer.path
            for layer in model.inner.walk()
            if layer.inner is None and not (layer.is_input or layer.is_operation)
        ]
        if inside and found >= set(inside):
            found = {p for p in found if not p.startswith(f"{path}/")} | {path}
    return list(found)
