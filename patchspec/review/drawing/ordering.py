"""Who stands left of whom in each rank, so that few lines cross.

Barycentres (Sugiyama, Tagawa and Toda 1981): every node goes to the mean place of its neighbours
in the rank before, down and up the ranks by turns; the best order that was met is kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import pairwise

from patchspec.review.drawing.layering import Layered

_SWEEPS = 16
_PATIENCE = 4
"""How many sweeps may bring nothing before it stays as it is."""

Rows = list[list[int]]


def ordered(graph: Layered) -> Rows:
    """The ranks, each from left to right."""
    best = rows = _first(graph)
    fewest = crossings(rows, graph.below)
    stale = 0
    for sweep in range(_SWEEPS):
        if not fewest or stale == _PATIENCE:
            break
        rows = _swept(rows, graph, down=sweep % 2 == 0)
        count = crossings(rows, graph.below)
        stale = 0 if count < fewest else stale + 1
        if count < fewest:
            best, fewest = rows, count
    return best


def _first(graph: Layered) -> Rows:
    """In the order in which a walk down from the top meets them: what belongs together is close."""
    rows: Rows = [[] for _ in graph.ranks]
    rank = {node: i for i, row in enumerate(graph.ranks) for node in row}
    met: set[int] = set()
    for start in (node for row in graph.ranks for node in row if not graph.above[node]):
        stack = [start]
        while stack:
            node = stack.pop()
            if node in met:
                continue
            met.add(node)
            rows[rank[node]].append(node)
            stack += reversed(graph.below[node])
    return rows


def _swept(rows: Rows, graph: Layered, *, down: bool) -> Rows:
    near = graph.above if down else graph.below
    place = {node: i for row in rows for i, node in enumerate(row)}
    swept = [list(row) for row in rows]
    for i in range(1, len(rows)) if down else reversed(range(len(rows) - 1)):
        row = swept[i]
        centre = {node: _mean([place[n] for n in near[node]], place[node]) for node in row}
        row.sort(key=lambda node, c=centre: (c[node], place[node]))  # type: ignore[misc]
        place.update((node, j) for j, node in enumerate(row))
    return swept


def _mean(places: Sequence[int], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise


def crossings(rows: Rows, below: Sequence[Sequence[int]]) -> int:
    """How many pairs of lines cross."""
    count = 0
    for upper, lower in pairwise(rows):
        place = {node: i for i, node in enumerate(lower)}
        count += _inversions(p for node in upper for p in sorted(place[n] for n in below[node]))
    return count


def _inversions(ends: Iterable[int]) -> int:
    seen: list[int] = []
    count = 0
    for end in ends:
        count += len(seen) - bisect_right(seen, end)
        insort(seen, end)
    return count
