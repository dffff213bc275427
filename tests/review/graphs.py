"""Random graphs and models to draw, and names that would do harm if they were not escaped."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from patchspec.graph.graph import Graph
from patchspec.models.base import Base
from patchspec.review.drawing.layout import Size
from patchspec.review.drawing.scene import Scene, scene_of
from tests.configs import Document, entrance, layer, model, node, tensor

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><b>",
    "</title></svg><script>",
    "'><img src=x onerror=alert(1)>",
    "]]>&amp;&lt;",
    "a\"b'c`d`",
    "`**bold**`",
    "end",
    "subgraph",
    "graph TD;",
    '"];click n0 call alert(1)',
    '%%{init: {"theme": "dark"}}%%',
    "1. list",
    "- item",
    "# head",
    "__bold__",
    "$$x^2$$",
    "two\nlines\tand\x00more",
    "\ud800",
    "\u202eright to left",
    "\ufeff\ufffe",
    "\u65e5\u672c\u8a9e",
    "a" * 300,
)


def hostile() -> Document:
    """A chain of layers with such names, the last two of them in a nested model of such a name."""
    layers: list[Any] = [entrance()]
    for name in HOSTILE[:-1]:
        layers.append(layer("Dense", name, [node(tensor(layers[-1]["name"]))], units=4, note=name))
    last = layers[-1]["name"]
    inside = [entrance("<e>"), layer("Dense", "<i>", [node(tensor("<e>"))], units=4)]
    inner = {**model(inside, ["<i>", 0, 0], name="</g><n>"), "name": "</g><n>"}
    inner["inbound_nodes"] = [node(tensor(last))]
    outer = layer("<Class>", HOSTILE[-1], [node(tensor("</g><n>"))])
    return model([*layers, inner, outer], [[outer["name"], 0, 0]], name="<m>")


def scene(document: Document) -> Scene:
    """The scene of a document without weights, with the shapes that it records."""
    base = Base(document)
    return scene_of(base, recorded(base.graph))


def recorded(graph: Graph) -> dict[str, Any]:
    """What the models record of their tensors."""
    return {one.path: one.recorded for one in graph.models()}


@st.composite
def planes(draw: st.DrawFn) -> tuple[list[Size], list[tuple[int, int, int]]]:
    """Nodes of any size, and links from lower numbers to higher ones, of several tensors each."""
    count = draw(st.integers(1, 25))
    side = st.floats(10, 400)
    sizes = draw(st.lists(st.tuples(side, side), min_size=count, max_size=count))
    if count == 1:
        return sizes, []
    pairs = st.tuples(st.integers(0, count - 2), st.integers(1, count - 1), st.integers(0, 2))
    links = draw(st.lists(pairs.filter(lambda p: p[0] < p[1]), max_size=50, unique=True))
    return sizes, links
