"""A scene laid out at every level: boxes within boxes, each as large as what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from patchspec.review.drawing.cards import LINE, Line, lines_of, size_of
from patchspec.review.drawing.layout import PORT_GAP, Run, Size, lay_out
from patchspec.review.drawing.scene import Edge, Node, Scene

MARGIN = 16.0


@dataclass(frozen=True, slots=True)
class Placed:
    """A node with its place in the level that it belongs to."""

    node: Node
    lines: tuple[Line, ...]
    x: float
    y: float
    width: float
    height: float
    inside: Picture | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One level; `x` and `y` say where it stands in the box around it."""

    scene: Scene
    x: float
    y: float
    width: float
    height: float
    nodes: tuple[Placed, ...]
    lines: tuple[tuple[Edge, tuple[Run, ...]], ...]

    def walk(self, dx: float = 0.0, dy: float = 0.0) -> Iterator[tuple[Placed, float, float]]:
        """Every node at every level, with its corner in the whole picture."""
        for one in self.nodes:
            x, y = dx + self.x + one.x, dy + self.y + one.y
            yield one, x, y
            if one.inside is not None:
                yield from one.inside.walk(x, y)


def picture_of(scene: Scene) -> Picture:
    """The scene in the plane."""
    return _picture(scene, MARGIN, MARGIN)


def closed(scene: Scene, depth: int) -> Scene:
    """The scene with what lies more than `depth` levels down left out."""
    nodes = (
        replace(node, inside=closed(node.inside, depth - 1) if depth else None)
        if node.inside is not None
        else node
        for node in scene.nodes
    )
    return replace(scene, nodes=tuple(nodes))


def _picture(scene: Scene, x: float, y: float) -> Picture:
    texts = [lines_of(node) for node in scene.nodes]
    inner = [_within(node, lines) for node, lines in zip(scene.nodes, texts, strict=True)]
    sizes = [
        size_of(lines) if picture is None else _around(picture, lines)
        for lines, picture in zip(texts, inner, strict=True)
    ]
    sizes = [
        (max(width, PORT_GAP * outputs), height)
        for (width, height), outputs in zip(sizes, _outputs(scene), strict=True)
    ]
    links = [(edge.source, edge.target, edge.output) for edge in scene.edges]
    layout = lay_out(sizes, links)
    nodes = tuple(
        Placed(node, lines, *corner, *size, picture)
        for node, lines, corner, size, picture in zip(
            scene.nodes, texts, layout.corners, sizes, inner, strict=True
        )
    )
    lines = tuple(zip(scene.edges, layout.routes, strict=True))
    return Picture(scene, x, y, layout.width, layout.height, nodes, lines)


def _outputs(scene: Scene) -> list[int]:
    """How many tensors of each node somebody reads: each leaves it at a place of its own."""
    read: list[set[int]] = [set() for _ in scene.nodes]
    for edge in scene.edges:
        read[edge.source].add(edge.output)
    return [len(outputs) for outputs in read]


def _within(node: Node, lines: tuple[Line, ...]) -> Picture | None:
    if node.inside is None:
        return None
    picture = _picture(node.inside, MARGIN, size_of(lines)[1] + MARGIN / 2)
    spare = size_of(lines)[0] - picture.width - 2 * MARGIN
    return replace(picture, x=MARGIN + max(0.0, spare / 2))


def _around(picture: Picture, lines: tuple[Line, ...]) -> Size:
    width = max(picture.width + 2 * MARGIN, size_of(lines)[0])
    return width, picture.y + picture.height + MARGIN


__all__ = ["LINE", "MARGIN", "Picture", "Placed", "closed", "picture_of"]
