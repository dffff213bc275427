"""A scene made smaller, for a format that holds so much and no more.

Straight chains become one node, the longest first; then nested models close; at last neighbours in
an order in which the calls can run. Neighbours of such an order make no circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from patchspec.review.drawing.layering import ranks_of
from patchspec.review.drawing.picture import closed
from patchspec.review.drawing.scene import Edge, Node, Scene
from patchspec.review.drawing.text import ELLIPSIS
from patchspec.review.style import plural

_CHAINS = (32, 16, 8, 4, 2)
_ENDS = ("input", "output")


def smaller(scene: Scene) -> Iterator[Scene]:
    """The scene, and the same ever smaller; the last is one node."""
    yield scene
    for shortest in _CHAINS:
        yield chains_folded(scene, shortest)
    for depth in reversed(range(scene.depth)):
        yield chains_folded(closed(scene, depth), _CHAINS[-1])
    rest = chains_folded(closed(scene, 0), _CHAINS[-1])
    size = 2
    while size < 2 * len(rest.nodes):
        yield neighbours_folded(rest, size)
        size *= 2
    yield _folded(rest, [[*range(len(rest.nodes))]])


def chains_folded(scene: Scene, shortest: int) -> Scene:
    """The scene with one node for each straight chain of so many calls or more, at every level."""
    inside = [
        node if node.inside is None else replace(node, inside=chains_folded(node.inside, shortest))
        for node in scene.nodes
    ]
    scene = replace(scene, nodes=tuple(inside))
    return _folded(scene, [chain for chain in _chains(scene) if len(chain) >= shortest])


def neighbours_folded(scene: Scene, size: int) -> Scene:
    """The scene with one node for each `size` calls that can run one after another."""
    ranks = ranks_of(len(scene.nodes), [(e.source, e.target, e.output) for e in scene.edges])
    middle = [i for i, node in enumerate(scene.nodes) if node.kind not in _ENDS]
    middle.sort(key=lambda i: (ranks[i], i))
    groups = [middle[i : i + size] for i in range(0, len(middle), size)]
    return _folded(scene, [group for group in groups if len(group) > 1])


def _chains(scene: Scene) -> Iterator[list[int]]:
    """Calls that each read the one before alone, and that nobody else reads."""
    into: list[list[int]] = [[] for _ in scene.nodes]
    out: list[list[int]] = [[] for _ in scene.nodes]
    for edge in scene.edges:
        into[edge.target].append(edge.source)
        out[edge.source].append(edge.target)
    plain = [
        node.kind not in _ENDS and node.inside is None and len(into[i]) == len(out[i]) == 1
        for i, node in enumerate(scene.nodes)
    ]
    for i, fits in enumerate(plain):
        if fits and not plain[into[i][0]]:
            chain = [i]
            while plain[out[chain[-1]][0]]:
                chain.append(out[chain[-1]][0])
            yield chain


def _folded(scene: Scene, groups: Sequence[Sequence[int]]) -> Scene:
    """The scene with one node in place of each group; what led into a group leads to its node."""
    first = {group[0]: group for group in groups}
    home = {i: group[0] for group in groups for i in group}
    nodes: list[Node] = []
    number: dict[int, int] = {}
    for i, node in enumerate(scene.nodes):
        if home.get(i, i) != i:
            continue
        number[i] = len(nodes)
        nodes.append(node if i not in first else _one(scene, first[i]))
    edges: dict[tuple[int, int, str], Edge] = {}
    for edge in scene.edges:
        ends = [home.get(end, end) for end in (edge.source, edge.target)]
        if ends[0] != ends[1]:
            source, target = (number[end] for end in ends)
            lone = replace(edge, source=source, target=target)
            # From a group to another one line is enough.
            edges.setdefault((source, target, "" if ends[0] in first else edge.tensor), lone)
    return replace(scene, nodes=tuple(nodes), edges=tuple(edges.values()))


def _one(scene: Scene, group: Sequence[int]) -> Node:
    nodes = [scene.nodes[i] for i in group]
    count = sum(node.folded or 1 for node in nodes)
    last = nodes[-1]
    name = f"{ELLIPSIS} {plural(count, 'layer')} {ELLIPSIS}"
    ends = f"{nodes[0].first or nodes[0].label} {ELLIPSIS} {last.last or last.label}"
    known = [node.parameters for node in nodes if node.parameters is not None]
    return Node(
        nodes[0].path,
        name,
        "folded",
        ends,
        last.shapes,
        sum(known) if known else None,
        folded=count,
        first=nodes[0].first or nodes[0].label,
        last=last.last or last.label,
    )
