"""Writing a base as a current `.keras` file, with no Keras at hand."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchspec._version import __version__
from patchspec.graph.edits import plain
from patchspec.layers.table import keras_version
from patchspec.models.base import Base, ordered_config
from patchspec.models.files import check_target
from patchspec.models.safety import check_code
from patchspec.models.whole import WholeModel
from patchspec.problems import refuse

if TYPE_CHECKING:
    from patchspec.models.streaming import Progress

DATE = "1980-01-01@00:00:00"
"""Stands where the old file does not say when it was saved, so that the same input gives the same
file."""


def write_base(
    base: Base, path: Path, *, force: bool = False, progress: Progress | None = None
) -> Path:
    """Write the base as a `.keras` file that Keras loads as any other; whole or not at all.

    PS910 where the base holds no weights, PS904 where the file exists and `force` is not given,
    PS905 where it cannot be written, PS704 where it carries code, which current Keras may spell
    otherwise and loads from no file in safe mode.
    """
    check_target(path, force=force)
    check_code(base.document, base.origin)
    if base.variables is None:
        refuse(
            "PS910",
            f"`{base.origin}` holds no weights, so there is no model to write",
            hint=base.no_weights or "give the file of its weights: `--weights FILE`",
        )
    from patchspec.models.writer import write_archive  # noqa: PLC0415 (the core reads no weights)

    document = dict(plain(base.document))
    document["config"] = ordered_config(document["config"])
    whole = WholeModel(
        document, base.variables.values(), _metadata(base), base.optimizer, base.assets
    )
    write_archive(path, whole, force=force, progress=progress)
    return path


def _metadata(base: Base) -> dict[str, Any]:
    """What Keras writes beside a model, and under `patchspec` how an old one was upgraded."""
    if not base.upgrades:
        return dict(base.metadata)
    return {
        "keras_version": f"{keras_version()}.0",
        "date_saved": base.metadata.get("date_saved", DATE),
        "patchspec": {
            "format": 1,
            "patchspec": __version__,
            "upgraded_from": {"keras": base.metadata.get("keras_version")},
            "upgrades": [asdict(step) for step in base.upgrades],
        },
    }
