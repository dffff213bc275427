"""Nodes in ranks, top to bottom, and every long edge cut into pieces from rank to rank.

What several readers read is one trunk as far as they go together: a mask that every block of a
transformer reads has one line beside them, and the work stays linear in the edges.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

Link = tuple[int, int, int]
"""From which node, to which, and which of the tensors of the first it is."""


@dataclass(frozen=True, slots=True)
class Layered:
    """A graph all of whose edges lead from one rank to the next.

    Numbers from `real` on are no nodes, but places where a long edge passes a rank.
    """

    real: int
    ranks: tuple[tuple[int, ...], ...]
    above: tuple[tuple[int, ...], ...]
    below: tuple[tuple[int, ...], ...]
    passes: tuple[tuple[int, ...], ...]
    """For each edge, the places that it passes, from top to bottom."""
    branch: tuple[bool, ...]
    """Whether it is a node, or on the only way on from one: no line that goes round others."""


def layered(count: int, links: Sequence[Link]) -> Layered:
    """The nodes 0 to `count` in ranks; the links lead in no circle."""
    rank = ranks_of(count, links)
    places: list[int] = list(rank)
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    trunks: dict[tuple[int, int], list[int]] = {}
    passes = []
    readers = Counter(source for source, _, _ in links)
    branch = [True] * count
    for source, target, tensor in links:
        trunk = trunks.setdefault((source, tensor), [])
        span = rank[target] - rank[source] - 1
        while len(trunk) < span:
            place = len(places)
            places.append(rank[source] + 1 + len(trunk))
            before = trunk[-1] if trunk else source
            branch.append(readers[source] == 1)
            above.append([before])
            below.append([])
            below[before].append(place)
            trunk.append(place)
        last = trunk[span - 1] if span else source
        if target not in below[last]:
            below[last].append(target)
            above[target].append(last)
        passes.append(tuple(trunk[:span]))
    rows: list[list[int]] = [[] for _ in range(max(places, default=-1) + 1)]
    for node, row in enumerate(places):
        rows[row].append(node)
    return Layered(
        count,
        tuple(map(tuple, rows)),
        tuple(map(tuple, above)),
        tuple(map(tuple, below)),
        tuple(passes),
        tuple(branch),
    )


def ranks_of(count: int, links: Sequence[Link]) -> list[int]:
    """The rank of each node: below all that it reads, and near to what reads it."""
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target, _ in links:
        sources[target].append(source)
        targets[source].append(target)
    waiting = [len(own) for own in sources]
    ready = deque(node for node in range(count) if not waiting[node])
    order = []
    rank = [0] * count
    while ready:
        node = ready.popleft()
        order.append(node)
        for target in targets[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    for node in reversed(order):
        # A side input stands beside what it is added to, not at the top of the picture.
        if len(targets[node]) > len(sources[node]):
            rank[node] = min(rank[target] for target in targets[node]) - 1
    return rank
