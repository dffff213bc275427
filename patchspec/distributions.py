"""What is installed, told by the names of folders.

`importlib.metadata` says it too, but is imported for longer than a whole plan of a small model
takes. It is asked where the folders do not say.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path


@cache
def version_of(name: str) -> str | None:
    """The version of an installed distribution; none where it is not installed."""
    for folder in _described():
        found, _, version = folder.name.removesuffix(".dist-info").partition("-")
        if found == name and version and folder.name.endswith(".dist-info"):
            return version
    from importlib import metadata  # noqa: PLC0415 (see above)

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def is_offered(group: str) -> bool:
    """Whether any installed distribution has entry points of a group."""
    return any(group in _text(folder / "entry_points.txt") for folder in _described())


def _described() -> Iterator[Path]:
    """The folders that describe what is installed, in the order in which modules are looked for."""
    for place in sys.path:
        try:
            inside = list(Path(place or ".").iterdir())
        except OSError:
            continue  # A zip, or a folder that is not there or not to be read.
        yield from (p for p in inside if p.suffix in (".dist-info", ".egg-info"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
