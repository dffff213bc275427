"""Writing what a `.keras` file holds as a folder, as `save_model(..., zipped=False)` does."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.files import check_folder, replacing_folder
from patchspec.models.hdf5_out import lay_out
from patchspec.models.streaming import Progress, fill
from patchspec.models.writer import WEIGHTS, texts_of


def write_folder(
    path: Path,
    document: Mapping[str, Any],
    variables: Collection[Variable],
    metadata: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Variable] | None = None,
    assets: Mapping[str, bytes] | None = None,
    force: bool = False,
    progress: Progress | None = None,
    same_weights: Path | None = None,
) -> None:
    """Write a model as `write_archive` does, each member a file, whole or not at all.

    `same_weights` is a file of weights that holds all of them as they are to lie here: it is linked
    where the file system can do that, and so takes no room twice. PS904 where the folder exists and
    `force` is not given, or is no model; PS905 where it cannot be written.
    """
    check_folder(path, force=force)
    with replacing_folder(path) as temporary:
        for name, content in texts_of(document, metadata, assets).items():
            target = temporary / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if same_weights is None or not _linked(same_weights, temporary / WEIGHTS):
            slots = lay_out(temporary / WEIGHTS, Graph.of(document), variables, optimizer or {})
            fill(temporary / WEIGHTS, slots, 0, progress)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except OSError:
        return False  # Another disk, or a file system without links.
    return True
