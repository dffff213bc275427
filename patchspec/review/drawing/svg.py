"""A picture as SVG: one file that needs nothing else, with text that can be selected.

Its colours are plain rules, since not every program that shows SVG knows variables; a scheme of
dark colours stands beside them. Everything that comes from the model is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from xml.sax.saxutils import escape, quoteattr

from patchspec.problems import some
from patchspec.review.drawing.cards import PADDING, family_of
from patchspec.review.drawing.details import Details
from patchspec.review.drawing.layout import Run
from patchspec.review.drawing.picture import LINE, MARGIN, Picture, Placed
from patchspec.review.drawing.scene import Edge, Node, Scene
from patchspec.review.drawing.text import shown
from patchspec.review.style import number, plural

_MARKS = 6
"""How many colours tell shared layers apart; their numbers go on."""
_NAMESPACE = "http://www.w3.org/2000/svg"


@cache
def resource(name: str) -> str:
    """A file that lies beside this one."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def svg_of(
    picture: Picture, details: Mapping[str, Details], *, alone: bool = True, prefix: str = ""
) -> str:
    """The picture as SVG: a file `alone`, or a piece of a page that brings the styles itself.

    `prefix` keeps the ids of several pictures in one page apart.
    """
    title, summary = _shown_title(picture.scene), summary_of(picture.scene)
    width, height = picture.width + 2 * MARGIN, picture.height + 2 * MARGIN
    style = f"<style>\n{resource('picture.css')}</style>\n" if alone else ""
    size = f'width="{_n(width)}" height="{_n(height)}"'
    return (
        f'<svg xmlns="{_NAMESPACE}" class="model" {size} viewBox="0 0 {_n(width)} {_n(height)}" '
        f'role="img" aria-labelledby="{prefix}title {prefix}desc">\n'
        f'<title id="{prefix}title">{escape(title)}</title>\n'
        f'<desc id="{prefix}desc">{escape(summary)}</desc>\n{style}'
        f'<defs><marker id="{prefix}tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" '
        'markerHeight="6" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f'<rect class="paper" width="100%" height="100%"/>\n'
        f"{''.join(_level(picture, details, prefix))}</svg>\n"
    )


def _shown_title(scene: Scene) -> str:
    return f"{shown(scene.name)} ({shown(scene.class_name)})"


def summary_of(scene: Scene) -> str:
    """What the picture shows, in words."""
    nodes = list(scene.walk())
    calls = sum(1 for node in nodes if node.kind != "output")
    layers = len({node.path for node in nodes if node.kind != "output"})
    inputs = [shown(node.label) for node in scene.nodes if node.kind == "input"]
    outputs = [shown(node.name) for node in scene.nodes if node.kind == "output"]
    return (
        f"{plural(layers, 'layer')} in {plural(calls, 'call')}, "
        f"from {some(inputs) or 'no input'} to {some(outputs) or 'no output'}."
    )


def _level(picture: Picture, details: Mapping[str, Details], prefix: str) -> Iterator[str]:
    yield f'<g transform="translate({_n(picture.x)} {_n(picture.y)})">\n'
    nodes = picture.scene.nodes
    for edge, runs in picture.lines:
        yield _line(edge, runs, nodes, prefix)
    for placed in picture.nodes:
        yield from _node(placed, details, prefix)
    for edge, runs in picture.lines:
        if edge.labelled:
            x, y, _ = runs[0]
            yield f'<text class="label" x="{_n(x + 3)}" y="{_n(y + 12)}">:{edge.output}</text>\n'
    yield "</g>\n"


def _line(edge: Edge, runs: tuple[Run, ...], nodes: tuple[Node, ...], prefix: str) -> str:
    reader = nodes[edge.target]
    told = f"{shown(edge.tensor)} \u2192 {shown(reader.label)}"
    if edge.spec:
        told += f"\n{shown(edge.spec)}"
    if edge.arguments:
        told += f"\nas {', '.join(map(shown, edge.arguments))}"
    kind = "line keyword" if edge.arguments else "line"
    return (
        f'<path class="{kind}" d="{path_of(runs)}" marker-end="url(#{prefix}tip)">'
        f"<title>{escape(told)}</title></path>\n"
    )


def path_of(runs: tuple[Run, ...]) -> str:
    """Straight runs, and curves from the end of each to the beginning of the next."""
    x, y, _ = runs[0]
    parts = [f"M{_n(x)} {_n(y)}"]
    for i, (x, top, bottom) in enumerate(runs):
        if i:
            before, _, end = runs[i - 1]
            if before != x:
                parts.append(f"V{_n(end)}")
                middle = _n((end + top) / 2)
                parts.append(f"C{_n(before)} {middle} {_n(x)} {middle} {_n(x)} {_n(top)}")
        if i == len(runs) - 1:
            parts.append(f"V{_n(bottom)}")
    return "".join(parts)


def _node(placed: Placed, details: Mapping[str, Details], prefix: str) -> Iterator[str]:
    node = placed.node
    mark = "" if node.shared is None else f" s{(node.shared - 1) % _MARKS}"
    where = f'transform="translate({_n(placed.x)} {_n(placed.y)})"'
    size = f'width="{_n(placed.width)}" height="{_n(placed.height)}"'
    yield (
        f'<g class="node {node.kind} {family_of(node)}{mark}" {where} '
        f"data-path={quoteattr(shown(node.path))} data-call={quoteattr(str(node.call or 0))}>"
        f"<title>{escape(told_of(node, details.get(node.path)))}</title>"
    )
    framed = placed.inside is not None
    radius = 14 if node.kind in ("input", "output") else 5
    yield f'<rect class="{"frame" if framed else "card"}" {size} rx="{radius}"/>'
    if node.kind not in ("input", "output") and not framed:
        yield f'<rect class="band" x="1" y="4" width="5" height="{_n(placed.height - 8)}" rx="2"/>'
    for i, line in enumerate(placed.lines):
        y = PADDING + LINE * i + 10
        yield f'<text class="{line.role}" x="13" y="{_n(y)}">{escape(line.text)}</text>'
    if node.shared is not None:
        yield (
            f'<g class="mark" transform="translate({_n(placed.width - 2)} 2)"><circle r="9"/>'
            f'<text y="3.5">{node.shared}</text></g>'
        )
    if placed.inside is not None:
        yield "\n"
        yield from _level(placed.inside, details, prefix)
    yield "</g>\n"


def told_of(node: Node, details: Details | None) -> str:
    """All that is known of a node, a line for each thing."""
    lines = [shown(node.path), node.kind if node.kind == "output" else shown(node.class_name)]
    if node.call is not None:
        lines.append(f"call {node.call} of a shared layer")
    lines += [shown(shape) for shape in node.shapes]
    if node.parameters:
        lines.append(f"{number(node.parameters)} parameters")
    if details is not None:
        lines += ["not trainable"] if details.trainable is False else []
        lines += details.variables
        lines += [f"{key}: {value}" for key, value in details.config]
    return "\n".join(lines)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
