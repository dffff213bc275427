"""Writing what a `.keras` file holds as a folder, as `save_model(..., zipped=False)` does."""

from __future__ import annotations

import os
from pathlib import Path

from patchspec.models.files import check_folder, check_room, replacing_folder
from patchspec.models.hdf5_out import lay_out
from patchspec.models.streaming import Progress, fill
from patchspec.models.whole import WEIGHTS, WholeModel


def write_folder(
    path: Path,
    model: WholeModel,
    *,
    force: bool = False,
    progress: Progress | None = None,
    same_weights: Path | None = None,
) -> None:
    """Write a model as `write_archive` does, each member a file, whole or not at all.

    `same_weights` is a file of weights that holds all of them as they are to lie here: it is linked
    where the file system can do that, and so takes no room twice. Whoever writes into one of the
    two then writes into both. PS904 where the folder exists and `force` is not given, or holds more
    than a model; PS905 where it cannot be written, PS903 where a file that values come from is
    damaged.
    """
    check_folder(path, force=force)
    with replacing_folder(path) as temporary:
        for name, content in model.texts.items():
            target = temporary / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        weights = temporary / WEIGHTS
        if same_weights is None or not _linked(same_weights, weights):
            check_room(path, model.size)
            slots = lay_out(weights, model.graph, model.variables, model.optimizer)
            fill(weights, slots, 0, progress)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False  # Another disk, or a file system without links.
    return True
