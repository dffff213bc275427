"""How far right everything stands: lines straight where they can be, nothing upon another.

Brandes and Köpf (2001): nodes are aligned with the median of their neighbours, four times, looking
up and down, from the left and from the right, and stand in the middle of the four. The main path
stays straight: a node follows other nodes before the lines that pass by, and a line itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from patchspec.review.drawing.layering import Layered
from patchspec.review.drawing.ordering import Rows

Conflicts = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _View:
    """The graph as it is looked at: upside down, say, or in a mirror."""

    rows: Sequence[Sequence[int]]
    above: Sequence[Sequence[int]]
    below: Sequence[Sequence[int]]
    real: int
    widths: Sequence[float]
    gap: float


def placed(graph: Layered, rows: Rows, widths: Sequence[float], gap: float) -> list[float]:
    """The x of the centre of every node and of every place that a line passes.

    `widths` has the room for each; nodes keep `gap` between them, and lines half of it.
    """
    if not rows:
        return []
    view = _View(rows, graph.above, graph.below, graph.real, widths, gap)
    conflicts = _conflicts(view)
    ways = []
    for upside_down in (False, True):
        one = _turned(view) if upside_down else view
        crossing = frozenset((b, a) for a, b in conflicts) if upside_down else conflicts
        for mirrored in (False, True):
            seen = replace(one, rows=[row[::-1] for row in one.rows]) if mirrored else one
            xs = _compacted(seen, _blocks(seen, crossing))
            ways.append([-x for x in xs] if mirrored else xs)
    return _balanced(ways, widths)


def _turned(view: _View) -> _View:
    return replace(view, rows=view.rows[::-1], above=view.below, below=view.above)


def _balanced(ways: Sequence[Sequence[float]], widths: Sequence[float]) -> list[float]:
    """The middle of the ways, moved to where the narrowest of them stands."""
    spans = [
        (
            min(x - w / 2 for x, w in zip(xs, widths, strict=True)),
            max(x + w / 2 for x, w in zip(xs, widths, strict=True)),
        )
        for xs in ways
    ]
    left, right = min(spans, key=lambda span: span[1] - span[0])
    moved = [
        [x + (right - high if mirrored else left - low) for x in xs]
        for xs, (low, high), mirrored in zip(ways, spans, (False, True) * 2, strict=True)
    ]
    return [median(xs) for xs in zip(*moved, strict=True)]


def _conflicts(view: _View) -> Conflicts:
    """The pieces of line that cross a line on its way, which stays straight and not they."""
    found: set[tuple[int, int]] = set()
    for upper, lower in pairwise(view.rows):
        place = {node: i for i, node in enumerate(upper)}
        start, low = 0, 0
        for i, node in enumerate(lower):
            inner = _inner(view, node)
            if inner is None and i < len(lower) - 1:
                continue
            high = len(upper) if inner is None else place[inner]
            for other in lower[start : i + 1]:
                found.update(
                    (source, other)
                    for source in view.above[other]
                    if not low <= place[source] <= high
                    and not (source >= view.real and other >= view.real)
                )
            start, low = i + 1, high
    return frozenset(found)


def _inner(view: _View, node: int) -> int | None:
    """Where a line comes from that passes the rank before and this one."""
    if node < view.real:
        return None
    return next((source for source in view.above[node] if source >= view.real), None)


def _blocks(view: _View, conflicts: Conflicts) -> list[int]:
    """For every node, the topmost of those that stand in one column with it."""
    root = list(range(len(view.above)))
    for upper, lower in pairwise(view.rows):
        place = {node: i for i, node in enumerate(upper)}
        reached = -1
        for node in lower:
            near = _aligned(view, node)
            near.sort(key=place.__getitem__)
            for i in dict.fromkeys(((len(near) - 1) // 2, len(near) // 2)) if near else ():
                source = near[i]
                if (source, node) not in conflicts and place[source] > reached:
                    root[node] = root[source]
                    reached = place[source]
                    break
    return root


def _aligned(view: _View, node: int) -> list[int]:
    """The neighbours above that a node may share a column with: those that prefer it as well."""
    return [
        source
        for source in _preferred(view.above[node], node, view.real)
        if node in _preferred(view.below[source], source, view.real)
    ]


def _preferred(near: Sequence[int], node: int, real: int) -> Sequence[int]:
    """Nodes before lines for a node, and its own way on for a line."""
    return [n for n in near if (n < real) == (node < real)] or near


def _compacted(view: _View, root: Sequence[int]) -> list[float]:
    """The x of every node: each column as far left as those left of it let it, then drawn close."""
    after: dict[int, list[tuple[int, float]]] = {}
    waiting: dict[int, int] = dict.fromkeys(root, 0)
    for row in view.rows:
        for left, right in pairwise(row):
            after.setdefault(root[left], []).append((root[right], _distance(view, left, right)))
            waiting[root[right]] += 1
    x: dict[int, float] = dict.fromkeys(waiting, 0.0)
    ready = sorted((column for column, count in waiting.items() if not count), reverse=True)
    order = []
    while ready:
        column = ready.pop()
        order.append(column)
        for other, distance in after.get(column, ()):
            x[other] = max(x[other], x[column] + distance)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for column in reversed(order):
        rooms = [x[other] - distance for other, distance in after.get(column, ())]
        if rooms:
            x[column] = max(x[column], min(rooms))
    return [x[column] for column in root]


def _distance(view: _View, left: int, right: int) -> float:
    nodes = (left < view.real) + (right < view.real)
    return (view.widths[left] + view.widths[right]) / 2 + view.gap * (1 + nodes) / 3
