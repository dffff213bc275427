"""Files of pictures, refused before any work is done where they cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from patchspec.cli.shared import Usage

PLOTS = (".png", ".svg", ".pdf")


def check_picture(option: str, path: Path, suffixes: Sequence[str], *, force: bool) -> None:
    """Refuse a suffix that means nothing as wrong usage, then PS931, PS904 and PS905."""
    from patchspec.models.files import check_target  # noqa: PLC0415 (most calls write nothing)
    from patchspec.review.plots import require_matplotlib  # noqa: PLC0415

    if path.suffix not in suffixes:
        *some, last = (f"`{suffix}`" for suffix in suffixes)
        said = f"{', '.join(some)} or {last}" if some else last
        raise Usage(f"`{path}`: `{option}` draws {said}")
    if ".png" in suffixes:
        require_matplotlib(option)
    check_target(path, force=force)
