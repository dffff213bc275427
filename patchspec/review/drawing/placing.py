"""How far right everything stands: near to its neighbours, in straight columns, with room for all.

First each rank by itself, up and down by turns, comes as near to its neighbours as the room that
its members need allows: least squares under an order, which pooling solves exactly (the isotonic
regression of Barlow et al. 1972). What then stands almost in line becomes a column, and columns
move apart until all have their room, and together again as far as they can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from patchspec.review.drawing.layering import Layered
from patchspec.review.drawing.ordering import Rows

_SWEEPS = 24
_ALONE = 4
"""How many of them look to one side only: from there everything comes near soon."""
_SETTLING = 3
_IN_LINE = 60.0
"""How far from a column a node may be that is drawn into it."""
_CHAIN, _PATH, _SIDE = 16.0, 4.0, 0.25
"""What it weighs that chains and lines stay straight, that the main path does, and all else."""


@dataclass(frozen=True)
class _Plane:
    """The graph with its ranks in order, and the room that each member needs."""

    graph: Layered
    rows: Rows
    widths: Sequence[float]
    gap: float

    def distance(self, left: int, right: int) -> float:
        """How far apart the centres of two neighbours must be; lines are content with less."""
        nodes = (left < self.graph.real) + (right < self.graph.real)
        return (self.widths[left] + self.widths[right]) / 2 + self.gap * (1 + nodes) / 3

    @cached_property
    def path(self) -> list[list[int]]:
        """For each member, those above that it would stand right under, and they right over it."""
        graph = self.graph
        return [
            [
                source
                for source in _preferred(graph, above, node)
                if node in _preferred(graph, graph.below[source], source)
            ]
            for node, above in enumerate(graph.above)
        ]

    @cached_property
    def weighed(self) -> tuple[list[list[tuple[int, float]]], list[list[tuple[int, float]]]]:
        """For each member, those above and those below, and how much it is drawn to them."""
        above: list[list[tuple[int, float]]] = [[] for _ in self.graph.above]
        below: list[list[tuple[int, float]]] = [[] for _ in self.graph.above]
        for node, sources in enumerate(self.graph.above):
            for source in sources:
                weight = self._weight(source, node)
                above[node].append((source, weight))
                below[source].append((node, weight))
        return above, below

    def _weight(self, source: int, node: int) -> float:
        graph = self.graph
        alone = len(graph.below[source]) == len(graph.above[node]) == 1
        if alone or min(source, node) >= graph.real:
            return _CHAIN
        return _PATH if source in self.path[node] else _SIDE


def _preferred(graph: Layered, near: Sequence[int], node: int) -> Sequence[int]:
    """For a node, branches before the lines that go round them; for a line its own way on."""
    if node < graph.real:
        return [n for n in near if graph.branch[n]] or near
    return [n for n in near if n >= graph.real] or near


def placed(graph: Layered, rows: Rows, widths: Sequence[float], gap: float) -> list[float]:
    """The x of the centre of every node and of every place that a line passes.

    `widths` has the room for each; nodes keep `gap` between them, and lines a third of it.
    """
    plane = _Plane(graph, rows, widths, gap)
    xs = _packed(plane)
    for sweep in range(_SWEEPS):
        _swept(plane, xs, both=sweep >= _ALONE)
    columns = _columns(plane, xs)
    return _settled(plane, columns, _apart(plane, columns, xs))


def _packed(plane: _Plane) -> list[float]:
    xs = [0.0] * len(plane.graph.above)
    for row in plane.rows:
        for left, right in pairwise(row):
            xs[right] = xs[left] + plane.distance(left, right)
    return xs


def _swept(plane: _Plane, xs: list[float], *, both: bool) -> None:
    """Bring each rank near to its neighbours, down the ranks and up again."""
    above, below = plane.weighed
    for rows, near in ((plane.rows, above), (plane.rows[::-1], below)):
        for row in rows:
            pulls = ((*above[node], *below[node]) if both else near[node] for node in row)
            wanted = [_wanted(xs, node, pull) for node, pull in zip(row, pulls, strict=True)]
            for node, x in zip(row, _pooled(plane, row, wanted), strict=True):
                xs[node] = x


def _wanted(
    xs: Sequence[float], node: int, pull: Sequence[tuple[int, float]]
) -> tuple[float, float]:
    """Where a member would stand, and how much it wants to."""
    weight = sum(weight for _, weight in pull)
    if not weight:
        return xs[node], _SIDE / 10
    return sum(xs[other] * weight for other, weight in pull) / weight, weight


def _pooled(
    plane: _Plane, row: Sequence[int], wanted: Sequence[tuple[float, float]]
) -> Iterator[float]:
    """The places nearest to the wanted ones at which all have their room, in this order."""
    offsets = [0.0]
    for left, right in pairwise(row):
        offsets.append(offsets[-1] + plane.distance(left, right))
    pools: list[tuple[float, float, int]] = []
    for (x, weight), offset in zip(wanted, offsets, strict=True):
        pool = (weight * (x - offset), weight, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            before = pools.pop()
            pool = (before[0] + pool[0], before[1] + pool[1], before[2] + pool[2])
        pools.append(pool)
    at = iter(offsets)
    for total, weight, count in pools:
        yield from (total / weight + next(at) for _ in range(count))


def _columns(plane: _Plane, xs: Sequence[float]) -> list[int]:
    """For every member, the topmost of those that stand in one column with it.

    A column goes from rank to rank, and no two of them cross: so they have an order.
    """
    column = list(range(len(xs)))
    mean, count = list(xs), [1] * len(xs)
    for upper, lower in pairwise(plane.rows):
        place = {node: i for i, node in enumerate(upper)}
        reached = -1
        for node in lower:
            fitting = [
                source
                for source in plane.path[node]
                if place[source] > reached and abs(mean[column[source]] - xs[node]) <= _IN_LINE
            ]
            if fitting:
                source = min(fitting, key=lambda one: (abs(xs[one] - xs[node]), place[one]))
                own = column[node] = column[source]
                reached = place[source]
                mean[own] = (mean[own] * count[own] + xs[node]) / (count[own] + 1)
                count[own] += 1
    return column


Beside = dict[int, list[tuple[int, float]]]
"""For each column, those beside it and how far from it they must be."""


def _beside(plane: _Plane, column: Sequence[int]) -> tuple[Beside, Beside]:
    """What stands left of each column, and what stands right of it."""
    left: Beside = {own: [] for own in column}
    right: Beside = {own: [] for own in column}
    for row in plane.rows:
        for one, other in pairwise(row):
            distance = plane.distance(one, other)
            right[column[one]].append((column[other], distance))
            left[column[other]].append((column[one], distance))
    return left, right


def _apart(plane: _Plane, column: Sequence[int], xs: Sequence[float]) -> dict[int, float]:
    """The x of each column with room for all: halfway between giving way right, and left."""
    left, right = _beside(plane, column)
    members: dict[int, list[float]] = {own: [] for own in column}
    for own, x in zip(column, xs, strict=True):
        members[own].append(x)
    wanted = {own: sum(own_xs) / len(own_xs) for own, own_xs in members.items()}
    order = list(_from_left(left, right))
    low: dict[int, float] = {}
    for own in order:
        low[own] = max([wanted[own], *(low[other] + d for other, d in left[own])])
    high: dict[int, float] = {}
    for own in reversed(order):
        high[own] = min([wanted[own], *(high[other] - d for other, d in right[own])])
    return {own: (low[own] + high[own]) / 2 for own in order}


def _from_left(left: Beside, right: Beside) -> Iterator[int]:
    waiting = {own: len(others) for own, others in left.items()}
    ready = [own for own, count in waiting.items() if not count]
    while ready:
        own = ready.pop()
        yield own
        for other, _ in right[own]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)


def _settled(plane: _Plane, column: Sequence[int], x: dict[int, float]) -> list[float]:
    """Every column moved to the middle of its neighbours, as far as there is room."""
    left, right = _beside(plane, column)
    near: dict[int, list[int]] = {own: [] for own in x}
    for node, sources in enumerate(plane.graph.above):
        for source in sources:
            one, other = column[node], column[source]
            if one != other:
                near[one].append(other)
                near[other].append(one)
    for _ in range(_SETTLING):
        for own in sorted(x, key=lambda one: (x[one], one)):
            wanted = _middle(x, near[own])
            if wanted is not None and wanted < x[own]:
                x[own] = min(x[own], max([wanted, *(x[other] + d for other, d in left[own])]))
        for own in sorted(x, key=lambda one: (-x[one], one)):
            wanted = _middle(x, near[own])
            if wanted is not None and wanted > x[own]:
                x[own] = max(x[own], min([wanted, *(x[other] - d for other, d in right[own])]))
    return [x[own] for own in column]


def _middle(x: dict[int, float], near: Iterable[int]) -> float | None:
    places = [x[other] for other in near]
    return median(places) if places else None
