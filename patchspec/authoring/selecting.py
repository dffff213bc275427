"""The shortest selector that names exactly some layers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.selectors import Match, select
from patchspec.problems import PatchError

_FEW = 4
"""So many names are listed rather than described, and may be left out of a description."""


def selector(paths: Sequence[str], graph: Graph) -> Any:
    """What a patch says to mean these layers and no other, as short as it can be said."""
    return min(selectors(paths, graph), key=_length)


def selectors(paths: Sequence[str], graph: Graph) -> Iterator[Any]:
    """All that was found to name exactly these layers; their own names among it."""
    wanted = set(paths)
    if len(paths) == 1:
        yield paths[0]
        entrances = [slot.tensor.layer for slot in graph.inputs]
        if entrances == [paths[0]]:
            yield "$input"
        return
    yield list(paths)
    broad = []
    for said in _described(paths, graph):
        found = _matched(said, graph)
        if found == wanted:
            yield _counted(said, len(wanted))
        elif found > wanted:
            broad.append((said, found))
    for said, found in broad:
        rest = sorted(found - wanted, key=list(graph.by_path).index)
        if len(rest) > len(found) // 2:
            continue
        left = rest if len(rest) <= _FEW else _left_out(rest, graph, found)
        for one in [left] if left is not None else []:
            described = said if isinstance(said, dict) else {"name": said}
            without = {**described, "not": one[0] if len(one) == 1 else one}
            if _matched(without, graph) == wanted:
                yield _counted(without, len(wanted))


def _left_out(rest: Sequence[str], graph: Graph, found: set[str]) -> list[Any] | None:
    """A description of what is left out; it may name more, as long as that was not meant."""
    kept = found - set(rest)
    for said in _described(rest, graph):
        named = _matched(said, graph)
        if named >= set(rest) and not named & kept:
            return [said]
    return None


def _counted(said: Any, count: int) -> Any:
    """A description that says how many layers it means, so that it cannot come to mean others."""
    return {**said, "count": count} if isinstance(said, dict) else said


def _length(said: Any) -> tuple[int, int]:
    bare = {k: v for k, v in said.items() if k != "count"} if isinstance(said, dict) else said
    return len(json.dumps(bare)), isinstance(said, dict)


def _matched(said: Any, graph: Graph) -> set[str]:
    try:
        return {match.layer.path for match in select(said, graph)}
    except PatchError:
        return set()


def matches(said: Any, graph: Graph) -> tuple[Match, ...]:
    """What a selector means, in graph order; nothing where it is refused."""
    try:
        return select(said, graph)
    except PatchError:
        return ()


def _described(paths: Sequence[str], graph: Graph) -> Iterator[Any]:
    """Ways to describe the layers, which may all mean others too."""
    layers = [graph.by_path[path] for path in paths if path in graph.by_path]
    if len(layers) < len(paths):
        return
    classes = sorted({layer.class_name for layer in layers})
    of_class: Any = classes[0] if len(classes) == 1 else classes
    globs = list(dict.fromkeys(_globs(paths)))
    yield from globs
    if len(classes) <= _FEW:
        yield {"class": of_class}
        yield from ({"name": glob, "class": of_class} for glob in globs)
    for key, value in _shared(layers):
        yield {"where": {key: value}}
        yield {"class": of_class, "where": {key: value}}
        yield from ({"name": glob, "where": {key: value}} for glob in globs)
    order = [p for p, layer in graph.by_path.items() if not layer.is_operation]
    chosen = [p for p in order if p in set(paths)]
    if order[-len(paths) :] == chosen:
        yield {"last": len(paths)}
    if order[: len(paths)] == chosen:
        yield {"first": len(paths)}


def _shared(layers: Sequence[Layer]) -> Iterator[tuple[str, Any]]:
    """Plain values of the config that all of the layers have, activations and sizes first."""
    first = layers[0].config
    for key in sorted(first, key=lambda k: (k != "activation", k)):
        value = first[key]
        plain = value is None or isinstance(value, (str, int, float, bool))
        if key in ("name", "trainable", "dtype", "data_format") or not plain:
            continue
        if all(key in layer.config and layer.config[key] == value for layer in layers):
            yield key, value


def _globs(paths: Sequence[str]) -> Iterator[str]:
    start = _common(paths)
    end = _common([path[::-1] for path in paths])[::-1]
    shortest = min(map(len, paths))
    end = end[max(0, len(start) + len(end) - shortest) :]
    middles = [path[len(start) : len(path) - len(end)] for path in paths]
    deep = any("/" in middle for middle in middles)
    for begin in dict.fromkeys((start, re.sub(r"\d+\Z", "", start))):
        yield f"{begin}{'**' if deep else '*'}{end}"
    pieces = [re.findall(r"\d+|[^\W\d_]+|.", path) for path in paths]
    if len({len(piece) for piece in pieces}) == 1:
        columns = zip(*pieces, strict=True)
        yield re.sub(r"\*+", "*", "".join(c[0] if len(set(c)) == 1 else "*" for c in columns))
    if not deep:
        yield from _words(paths)
    yield "**"
    yield "*"


def _common(texts: Sequence[str]) -> str:
    """What all the texts begin with."""
    first, last = min(texts), max(texts)
    length = next((i for i, sign in enumerate(first) if last[i : i + 1] != sign), len(first))
    return first[:length]


def _words(paths: Sequence[str]) -> Iterator[str]:
    """Globs of the words that all names share, first and last and in between."""
    shared = set(re.split(r"[_/.-]", paths[0]))
    for path in paths[1:]:
        shared &= set(re.split(r"[_/.-]", path))
    for word in sorted(filter(None, shared), key=len, reverse=True):
        if all(path.endswith(f"_{word}") for path in paths):
            yield f"*_{word}"
        elif all(path.startswith(f"{word}_") for path in paths):
            yield f"{word}_*"


def in_graph_order(paths: Iterable[str], graph: Graph) -> list[str]:
    """The paths as `model.layers` lists them."""
    order = {path: place for place, path in enumerate(graph.by_path)}
    return sorted(paths, key=lambda path: order.get(path, len(order)))
