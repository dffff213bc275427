"""The changed region as a flowchart of Mermaid: colour, sign and dash say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from patchspec.review.drawing.mermaid import escaped
from patchspec.review.overlay.overlay import SIGNS, Edge, Node, Overlay
from patchspec.review.overlay.region import Region, changed_region
from patchspec.review.style import plural

# No line ends with a semicolon: behind a colour Mermaid would read an entity.
_CLASSES: Mapping[str, str] = {
    "added": "fill:#dafbe1,stroke:#1a7f37,color:#116329,stroke-width:2px",
    "removed": "fill:#ffebe9,stroke:#cf222e,color:#a40e26,stroke-dasharray:5 3",
    "replaced": "fill:#fff8c5,stroke:#9a6700,color:#7d4e00,stroke-width:3px",
    "changed": "fill:#fff8c5,stroke:#9a6700,color:#7d4e00",
    "rewired": "fill:#ddf4ff,stroke:#0969da,color:#0550ae",
    "renamed": "fill:#fbefff,stroke:#8250df,color:#6639ba",
    "same": "fill:#f6f8fa,stroke:#8c959f,color:#57606a",
    "folded": "fill:#f6f8fa,stroke:#8c959f,color:#57606a,stroke-dasharray:2 3",
}
_MOST = 60


def changed_mermaid(overlay: Overlay) -> str | None:
    """The text of the flowchart; none where nothing changed, or more than a picture can show."""
    region = changed_region(overlay)
    return None if region is None else "\n".join(_lines(region))


def _lines(region: Region) -> Iterator[str]:
    names = {node.key: f"n{i}" for i, node in enumerate(region.nodes)}
    names |= {one.key: f"f{i}" for i, one in enumerate(region.folded)}
    used = {node.status for node in region.nodes} | (
        {"folded"} if region.folded or region.left else set()
    )
    yield "flowchart TB"
    for node in region.nodes:
        yield f"  {names[node.key]}{_shape(node)}:::{node.status}"
    for one in region.folded:
        said = plural(one.count, "layer")
        yield f'  {names[one.key]}["\u2026 {said} \u2026"]:::folded'
    if region.left:
        yield f'  left["\u2026 {plural(region.left, "more layer")} changed \u2026"]:::folded'
    for edge in region.edges:
        yield f"  {names[edge.source]} {_arrow(edge)} {names[edge.target]}"
    for kind, colour in (("added", "#1a7f37"), ("removed", "#cf222e")):
        places = [str(i) for i, edge in enumerate(region.edges) if edge.status == kind]
        if places:
            yield f"  linkStyle {','.join(places)} stroke:{colour}"
    for status, style in _CLASSES.items():
        if status in used:
            yield f"  classDef {status} {style}"


def _arrow(edge: Edge) -> str:
    return {"same": "-->", "added": "==>|#43;|", "removed": "-.->|#8722;|"}[edge.status]


def _shape(node: Node) -> str:
    label = _label(node)
    return f'(["{label}"])' if node.kind in ("input", "output") else f'["{label}"]'


def _label(node: Node) -> str:
    sign = SIGNS[node.status]
    name = (node.after or node.before or "")[:_MOST]
    old = (node.before or "")[:_MOST]
    if node.status in ("replaced", "renamed") and old and old != name:
        name = f"{old} \u2192 {name}"
    lines = [f"{sign} {name}".strip(), node.class_name]
    return "<br>".join(map(escaped, lines))
