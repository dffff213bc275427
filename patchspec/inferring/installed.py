"""What can be known of the Keras that is installed without importing it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from patchspec import distributions

MINIMUM = (3, 15, 1)
"""The first Keras that is safe, and writes what this package reads."""

DEFAULT_BACKEND = "tensorflow"


def version_of(text: str) -> tuple[int, ...]:
    """The numbers of a version, to compare it with."""
    return tuple(int(part) for part in text.split(".")[:3] if part.isdigit())


def is_current() -> bool:
    """Whether a Keras is installed that is new enough."""
    found = distributions.version_of("keras")
    return found is not None and version_of(found) >= MINIMUM


def is_imported() -> bool:
    """Whether this process has imported Keras already, for whatever reason."""
    return "keras" in sys.modules


def backend_of_keras() -> str:
    """The backend that Keras has, or would have if it were imported now."""
    if is_imported():
        return str(sys.modules["keras"].config.backend())
    return os.environ.get("KERAS_BACKEND") or _configured() or DEFAULT_BACKEND


def _configured() -> str | None:
    """The backend in Keras's own file of settings, which it writes itself where there is none."""
    home = Path("~").expanduser()
    base = home if os.access(home, os.W_OK) else Path("/tmp")  # noqa: S108 (where Keras looks)
    folder = Path(os.environ.get("KERAS_HOME") or base / ".keras").expanduser()
    try:
        said = json.loads((folder / "keras.json").read_text(encoding="utf-8"))
        return str(said["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def integer_of(backend: str) -> str:
    """The dtype that Keras means by `int`."""
    return "int64" if backend == "tensorflow" else "int32"
