"""A scene as a flowchart of Mermaid, which Markdown shows.

What Mermaid takes is limited: 500 edges and 50,000 characters where nobody sets more, as on GitHub.
Nodes go by numbers, and every character of a name that could mean something is written as a number,
so that no name ends a label, closes a subgraph, starts a directive or becomes markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from patchspec.review.drawing.cards import lines_of
from patchspec.review.drawing.folding import smaller
from patchspec.review.drawing.scene import Node, Scene
from patchspec.review.drawing.text import shown

MOST_EDGES = 500
MOST_CHARACTERS = 50_000
_ODD = re.compile(r"[^\w ,:()\[\]?/@=+\-\u2026\u00b7.]|_{2,}")
_NUMBERED = re.compile(r"^(\s*\d+)([.)])")
_STYLES = (
    "classDef end_ fill:#8b949e33,stroke:#8b949e",
    "classDef operation stroke-dasharray:4 2",
    "classDef folded stroke-dasharray:2 3",
)
_SHARED = ("#b35900", "#1a7f5a", "#9a3fb5", "#2b6fc2", "#b83248", "#6b7a12")


@dataclass(frozen=True, slots=True)
class Flowchart:
    """The text, and what had to be left out of it."""

    text: str
    edges: int
    folded: int
    """How many calls of the model have no node of their own."""


@dataclass
class _Writing:
    """The lines so far; nodes and boxes are numbered through all levels."""

    lines: list[str] = field(default_factory=list)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    edges: int = 0
    count: int = 0


def flowchart_of(scene: Scene) -> Flowchart:
    """The flowchart, folded as far as it must be to be within Mermaid's limits."""
    calls = sum(1 for _ in scene.walk())
    chart = Flowchart("", 0, 0)
    for one in smaller(scene):
        writing = _written(one)
        text = "\n".join(writing.lines) + "\n"
        shown_calls = sum(1 for node in one.walk() if node.kind != "folded")
        chart = Flowchart(text, writing.edges, calls - shown_calls)
        if chart.edges <= MOST_EDGES and len(text) <= MOST_CHARACTERS:
            break
    return chart


def _written(scene: Scene) -> _Writing:
    writing = _Writing(["flowchart TB"])
    _level(scene, writing, "  ")
    if writing.classes:
        writing.lines += [f"  {style}" for style in _STYLES if style.split()[1] in writing.classes]
        writing.lines += [
            f"  classDef s{i} stroke:{colour},stroke-width:3px"
            for i, colour in enumerate(_SHARED)
            if f"s{i}" in writing.classes
        ]
        writing.lines += [f"  class {','.join(ns)} {c}" for c, ns in writing.classes.items()]
    return writing


def _level(scene: Scene, writing: _Writing, indent: str) -> None:
    own = []
    for node in scene.nodes:
        name = f"n{writing.count}"
        writing.count += 1
        own.append(name)
        for kind in _classes(node):
            writing.classes.setdefault(kind, []).append(name)
        if node.inside is None:
            writing.lines.append(f"{indent}{name}{_shape(node)}")
            continue
        # A title of one line: Mermaid leaves no room for more.
        title = _label(node, " \u00b7 ")
        writing.lines += [f'{indent}subgraph {name}["{title}"]', f"{indent}  direction TB"]
        _level(node.inside, writing, indent + "  ")
        writing.lines.append(f"{indent}end")
    for edge in scene.edges:
        arrow = "-.->" if edge.arguments else "-->"
        label = f'|"#58;{edge.output}"|' if edge.labelled else ""
        writing.lines.append(f"{indent}{own[edge.source]} {arrow}{label} {own[edge.target]}")
        writing.edges += 1


def _shape(node: Node) -> str:
    label = _label(node)
    return f'(["{label}"])' if node.kind in ("input", "output") else f'["{label}"]'


def _label(node: Node, between: str = "<br>") -> str:
    lines = [line.text for line in lines_of(node)]
    if node.shared is not None:
        lines[0] += f" [{node.shared}]"
    return between.join(map(escaped, lines))


def _classes(node: Node) -> Iterator[str]:
    if node.kind in ("input", "output"):
        yield "end_"
    elif node.kind in ("operation", "folded"):
        yield node.kind
    if node.shared is not None:
        yield f"s{(node.shared - 1) % len(_SHARED)}"


def escaped(text: str) -> str:
    """The text as a label can hold it: it is shown as it is, and means nothing."""
    safe = _ODD.sub(lambda found: "".join(f"#{ord(c)};" for c in found[0]), shown(text))
    return _NUMBERED.sub(lambda found: f"{found[1]}#{ord(found[2])};", safe)
