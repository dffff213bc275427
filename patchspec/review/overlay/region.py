"""What a reviewer looks at of an overlay: what changed, its neighbours, the rest folded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from patchspec.review.overlay.overlay import Edge, Node, Overlay

MOST_NODES = 60
MOST_EDGES = 80


@dataclass(frozen=True, slots=True)
class Folded:
    """Layers that stayed, as one node."""

    key: str
    count: int


@dataclass(frozen=True)
class Region:
    """What is shown of an overlay."""

    nodes: tuple[Node, ...]
    folded: tuple[Folded, ...]
    edges: tuple[Edge, ...]
    left: int = 0
    """How many layers that changed are not shown, since there are too many."""

    @property
    def fits(self) -> bool:
        """Whether a picture in a comment can hold it."""
        count = len(self.nodes) + len(self.folded)
        return count <= MOST_NODES and len(self.edges) <= MOST_EDGES


def changed_region(overlay: Overlay) -> Region | None:
    """What changed with one layer around it; none where nothing did that a picture shows.

    Where that is too much, what has another config alone is left out, then the surroundings, then
    all but the first of what changed. What only trains or no longer does is never shown.
    """
    if not overlay.is_changed:
        return None
    edged = {key for e in overlay.edges if e.status != "same" for key in (e.source, e.target)}
    everything = {node.key for node in overlay.nodes if node.status != "same"}
    flags = {node.key for node in overlay.nodes if node.is_flag}
    mild = {node.key for node in overlay.nodes if node.status in ("changed", "renamed")}
    whole = (everything - flags) | edged
    for chosen in (whole, (everything - flags - mild) | edged):
        for around in (True, False):
            region = region_of(overlay, _around(overlay, chosen) if around else chosen)
            if chosen and region.fits:
                return region
    ordered = [node.key for node in overlay.nodes if node.key in whole]
    for count in (24, 12, 6, 3):
        some = _around(overlay, ordered[:count])
        region = region_of(overlay, some)
        if ordered and region.fits:
            return replace(region, left=len(set(ordered) - some))
    return None


def _around(overlay: Overlay, chosen: Collection[str]) -> set[str]:
    near = {e.source for e in overlay.edges if e.target in chosen}
    near |= {e.target for e in overlay.edges if e.source in chosen}
    return near | set(chosen)


def region_of(overlay: Overlay, shown: Collection[str]) -> Region:
    """These nodes, and what lies between them as one node for each stretch of it."""
    nodes = tuple(node for node in overlay.nodes if node.key in shown)
    parts = list(_stretches(overlay, shown))
    owner = {key: i for i, part in enumerate(parts) for key in part}
    came: dict[int, set[str]] = {i: set() for i in range(len(parts))}
    left: dict[int, set[str]] = {i: set() for i in range(len(parts))}
    between: set[tuple[int, int]] = set()
    edges = []
    for edge in overlay.edges:
        source, target = owner.get(edge.source), owner.get(edge.target)
        if source is None and target is None:
            edges.append(edge)
        elif source is None and target is not None:
            came[target].add(edge.source)
        elif target is None and source is not None:
            left[source].add(edge.target)
        elif source != target and source is not None and target is not None:
            between.add((source, target))
    names = _linking(came, left, between)
    folded = tuple(Folded(name, len(parts[i])) for i, name in names.items())
    edges += [Edge(one, name, "same") for i, name in names.items() for one in sorted(came[i])]
    edges += [Edge(name, one, "same") for i, name in names.items() for one in sorted(left[i])]
    edges += [
        Edge(names[a], names[b], "same") for a, b in sorted(between) if a in names and b in names
    ]
    return Region(nodes, folded, tuple(edges))


def _linking(
    came: Mapping[int, set[str]],
    left: Mapping[int, set[str]],
    between: Collection[tuple[int, int]],
) -> dict[int, str]:
    """The stretches on a way from one shown node to another, each with a key."""

    def reached(start: Collection[int], pairs: Collection[tuple[int, int]]) -> set[int]:
        found, waiting = set(start), list(start)
        while waiting:
            one = waiting.pop()
            following = [b for a, b in pairs if a == one and b not in found]
            found |= set(following)
            waiting += following
        return found

    behind = reached([i for i in came if came[i]], between)
    before = reached([i for i in left if left[i]], [(b, a) for a, b in between])
    return {i: f"...{n}" for n, i in enumerate(sorted(behind & before))}


def _stretches(overlay: Overlay, shown: Collection[str]) -> Iterator[list[str]]:
    """Hidden nodes that hang together behind the same shown ones, so that none is in a loop."""
    hidden = [node.key for node in overlay.nodes if node.key not in shown]
    behind = _behind(overlay, shown)
    near: dict[str, list[str]] = {key: [] for key in hidden}
    for edge in overlay.edges:
        together = behind[edge.source] == behind[edge.target]
        if edge.source in near and edge.target in near and together:
            near[edge.source].append(edge.target)
            near[edge.target].append(edge.source)
    seen: set[str] = set()
    for start in hidden:
        if start in seen:
            continue
        part, waiting = [], [start]
        while waiting:
            key = waiting.pop()
            if key not in seen:
                seen.add(key)
                part.append(key)
                waiting += near[key]
        yield part


def _behind(overlay: Overlay, shown: Collection[str]) -> dict[str, frozenset[str]]:
    """For every node, the shown ones that it depends on."""
    reads: dict[str, list[str]] = {node.key: [] for node in overlay.nodes}
    for edge in overlay.edges:
        reads[edge.target].append(edge.source)
    found: dict[str, frozenset[str]] = {}
    for start in reads:
        waiting = [start]
        while waiting:
            key = waiting[-1]
            open_ = [one for one in reads[key] if one not in found and one not in waiting]
            if open_:
                waiting += open_
                continue
            waiting.pop()
            if key not in found:
                known = [found.get(one, frozenset()) for one in reads[key]]
                own = frozenset(one for one in reads[key] if one in shown)
                found[key] = own.union(*known)
    return found
