"""One level of a model in the plane: where its nodes stand, and how its lines run.

Lines run straight down where they pass a rank, each in a column of its own, and bend between ranks
alone, where no node stands. So none can run through a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from patchspec.review.drawing.layering import Layered, Link, layered
from patchspec.review.drawing.ordering import ordered
from patchspec.review.drawing.placing import placed

Size = tuple[float, float]
Run = tuple[float, float, float]
"""A piece of a line that runs straight down: at which x, from which y to which."""

NODE_GAP = 30.0
LINE_WIDTH = 4.0
_RANK_GAP = 30.0
_WIDEST_RANK_GAP = 110.0
_SLOPE = 0.12
"""How much further apart ranks stand for each step that a line between them goes sideways."""
PORT_GAP = 26.0
_TIP = 6.0
"""How far a line runs straight before it ends, so that the tip of its arrow points down."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Corners of nodes and runs of lines; the upper left corner of all is 0, 0."""

    width: float
    height: float
    corners: tuple[tuple[float, float], ...]
    routes: tuple[tuple[Run, ...], ...]
    """For each edge its straight runs, which curves join."""


def lay_out(sizes: Sequence[Size], links: Sequence[Link]) -> Layout:
    """Nodes of these sizes and the links between them; the same each time."""
    if not sizes:
        return Layout(0.0, 0.0, (), ())
    graph = layered(len(sizes), links)
    rows = ordered(graph)
    count = len(graph.above)
    widths = [w for w, _ in sizes] + [LINE_WIDTH] * (count - len(sizes))
    centres = placed(graph, rows, widths, NODE_GAP)
    left = min(x - w / 2 for x, w in zip(centres, widths, strict=True))
    xs = [round(x - left, 1) for x in centres]
    tops, bottoms = _heights(graph, xs, sizes)
    rank = {node: i for i, row in enumerate(graph.ranks) for node in row}
    corners = []
    for node, (w, h) in enumerate(sizes):
        middle = (tops[rank[node]] + bottoms[rank[node]]) / 2
        corners.append((round(xs[node] - w / 2, 1), round(middle - h / 2, 1)))
    ports = _ports(links, graph, xs)
    routes = []
    for (source, target, tensor), places in zip(links, graph.passes, strict=True):
        start = xs[source] + ports[source, tensor]
        first = (start, corners[source][1] + sizes[source][1], bottoms[rank[source]])
        between = [(xs[place], tops[rank[place]], bottoms[rank[place]]) for place in places]
        end = corners[target][1]
        last = (xs[target], min(tops[rank[target]], end - _TIP), end)
        routes.append((first, *between, last))
    right = max(x + w / 2 for x, w in zip(xs, widths, strict=True))
    return Layout(round(right, 1), bottoms[-1], tuple(corners), tuple(routes))


def _heights(
    graph: Layered, xs: Sequence[float], sizes: Sequence[Size]
) -> tuple[list[float], list[float]]:
    """Where each rank begins and ends, with room between for lines that go far sideways."""
    tops, bottoms, y = [], [], 0.0
    for row in graph.ranks:
        height = max((sizes[node][1] for node in row if node < graph.real), default=0.0)
        tops.append(round(y, 1))
        bottoms.append(round(y + height, 1))
        far = max((abs(xs[n] - xs[node]) for node in row for n in graph.below[node]), default=0.0)
        y += height + min(_RANK_GAP + _SLOPE * far, _WIDEST_RANK_GAP)
    return tops, bottoms


def _ports(
    links: Sequence[Link], graph: Layered, xs: Sequence[float]
) -> dict[tuple[int, int], float]:
    """How far from the middle of its node each tensor leaves it: several stand side by side.

    They stand in the order in which they go on, so that they do not cross at once.
    """
    nearest: dict[int, dict[int, float]] = {}
    for (source, target, tensor), places in zip(links, graph.passes, strict=True):
        x = xs[(*places, target)[0]]
        own = nearest.setdefault(source, {})
        own[tensor] = min(x, own.get(tensor, x))
    return {
        (source, tensor): (i - (len(own) - 1) / 2) * PORT_GAP
        for source, own in nearest.items()
        for i, tensor in enumerate(sorted(own, key=lambda one, own=own: (own[one], one)))  # type: ignore[misc]
    }
