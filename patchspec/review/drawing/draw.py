"""The picture of a model as a file, in the format that the name of the file asks for."""

from __future__ import annotations

from pathlib import Path

from patchspec.models.base import Base
from patchspec.models.files import write_text
from patchspec.problems import refuse
from patchspec.review.drawing.details import details_of
from patchspec.review.drawing.mermaid import flowchart_of
from patchspec.review.drawing.page import page_of
from patchspec.review.drawing.picture import picture_of
from patchspec.review.drawing.scene import scene_of
from patchspec.review.drawing.svg import svg_of
from patchspec.review.models import Specs

SUFFIXES = (".svg", ".html", ".mmd")


def check_suffix(path: Path) -> None:
    """Refuse (PS930) a file that no picture of a graph is written to."""
    if path.suffix not in SUFFIXES:
        refuse(
            "PS930",
            f"`{path}` names no format of a picture",
            hint="a graph is drawn as `.svg`, `.html`, or `.mmd` (Mermaid)",
        )


def drawn(base: Base, specs: Specs, suffix: str) -> tuple[str, int]:
    """The picture as text, and how many calls of layers are not in it one by one."""
    scene = scene_of(base, specs)
    if suffix == ".mmd":
        chart = flowchart_of(scene)
        return chart.text, chart.folded
    details = details_of(base)
    if suffix == ".html":
        return page_of(scene, details, base.origin), 0
    return svg_of(picture_of(scene), details), 0


def write_graph(base: Base, specs: Specs, path: Path, *, force: bool) -> int:
    """Write the picture whole or not at all; gives how many calls were folded together.

    PS904 where the file exists and `force` is not given, PS905 where it cannot be written.
    """
    check_suffix(path)
    text, folded = drawn(base, specs, path.suffix)
    write_text(path, text, force=force)
    return folded
