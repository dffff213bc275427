"""A picture as a page: one file, no network, to look around in, to search and to link into.

The model is drawn once for each level of nesting, from closed boxes to everything. The text of the
model is data, never markup or script: it is escaped in the picture and the table, and the script
reads the rest from JSON. What scripts and styles may run is said by their digests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from patchspec.review.drawing.details import Details
from patchspec.review.drawing.picture import closed, picture_of
from patchspec.review.drawing.scene import Node, Scene
from patchspec.review.drawing.svg import resource, summary_of, svg_of
from patchspec.review.drawing.text import shown
from patchspec.review.self_contained import data_element, page_head

_NO_DETAILS = Details()


def page_of(scene: Scene, details: Mapping[str, Details], origin: str) -> str:
    """The whole page."""
    style = "\n" + resource("picture.css") + resource("page.css")
    script = "\n" + resource("page.js")
    title = escape(shown(scene.name) or "model")
    where = escape(f"{shown(scene.class_name)} in {shown(Path(origin).name)}")
    head = page_head(shown(scene.name) or "model", style, (script,))
    return f"""{head}<body>
<header>
<h1>{title} <small>{where}</small></h1>
<input id="search" type="search" placeholder="name or class" aria-label="search by name or class">
<output id="found" aria-live="polite"></output>
{_levels(scene.depth)}<button id="smaller" aria-label="zoom out">\u2212</button>
<button id="larger" aria-label="zoom in">+</button>
<button id="fit">fit</button>
</header>
<main tabindex="0" aria-label="the graph: arrows move it, + and - zoom, 0 fits, n and p go to the \
next and previous layer, / searches">
{"".join(_pictures(scene, details))}</main>
<aside hidden aria-label="details of the layer" aria-live="polite"></aside>
<details>
<summary>{escape(summary_of(scene))} As a table</summary>
{"".join(_table(scene))}</details>
{data_element("layers", _data(scene, details))}
<script>{script}</script>
</body>
</html>
"""


def _levels(depth: int) -> str:
    """What chooses how deep nested models are open; nothing where there are none."""
    if not depth:
        return ""
    names = ["closed", *(f"{i} deep" for i in range(1, depth)), "all open"]
    options = "".join(
        f'<option value="{i}"{" selected" if i == depth else ""}>{name}</option>'
        for i, name in enumerate(names)
    )
    return f'<label>nested <select id="levels">{options}</select></label>\n'


def _pictures(scene: Scene, details: Mapping[str, Details]) -> Iterator[str]:
    for depth in range(scene.depth + 1):
        svg = svg_of(
            picture_of(closed(scene, depth)), details, alone=False, prefix=f"level{depth}-"
        )
        yield svg if depth == scene.depth else svg.replace("<svg ", "<svg hidden ", 1)


def _table(scene: Scene) -> Iterator[str]:
    yield "<table>\n<caption>The calls of the layers, those of a nested model after it</caption>\n"
    head = "".join(
        f'<th scope="col">{text}</th>' for text in ("layer", "class", "output", "parameters")
    )
    yield f"<thead><tr>{head}<th scope='col'>reads</th></tr></thead>\n<tbody>\n"
    yield from _rows(scene)
    yield "</tbody>\n</table>\n"


def _rows(scene: Scene) -> Iterator[str]:
    reads: list[list[str]] = [[] for _ in scene.nodes]
    for edge in scene.edges:
        reads[edge.target].append(shown(edge.tensor))
    for node, tensors in zip(scene.nodes, reads, strict=True):
        link = escape(f"#{urlencode({'layer': shown(node.path)})}")
        call = "" if node.call is None else f"@{node.call}"
        count = "" if node.parameters is None else f"{node.parameters:,}"
        cells = (_what(node), ", ".join(map(shown, node.shapes)))
        yield (
            f'<tr><th scope="row"><a href="{link}">{escape(shown(node.path) + call)}</a></th>'
            f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}"
            f'<td class="count">{count}</td><td>{escape(", ".join(tensors))}</td></tr>\n'
        )
        if node.inside is not None:
            yield from _rows(node.inside)


def _what(node: Node) -> str:
    return f"output {shown(node.name)}" if node.kind == "output" else shown(node.class_name)


def _data(scene: Scene, details: Mapping[str, Details]) -> dict[str, dict[str, Any]]:
    """What the script shows of each layer."""
    layers: dict[str, dict[str, Any]] = {}
    for node in scene.walk():
        own = details.get(node.path, _NO_DETAILS)
        layer = layers.setdefault(
            shown(node.path),
            {
                "class": _what(node),
                "parameters": node.parameters,
                "trainable": own.trainable,
                "calls": [],
                "variables": own.variables,
                "config": own.config,
            },
        )
        shapes = ", ".join(map(shown, node.shapes)) or "?"
        layer["calls"].append(shapes if node.call is None else f"@{node.call} {shapes}")
    return layers
