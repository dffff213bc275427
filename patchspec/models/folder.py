"""Opening a folder that is an unzipped `.keras` file."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from patchspec.models.archive import MAX_ASSETS, MAX_JSON, MEMBERS, base_of
from patchspec.models.base import Base
from patchspec.models.content import opened
from patchspec.models.document import read_json
from patchspec.problems import refuse

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def is_unzipped(folder: Path) -> bool:
    """Whether a folder is what `keras.saving.save_model(model, folder, zipped=False)` writes."""
    return (folder / CONFIG).is_file()


def read_folder(folder: Path) -> Base:
    """The base in an unzipped `.keras` file; what lies in it beside a model is not read.

    PS702 where something in it is a link or not a plain file, or too large to be what it says.
    """
    name = str(folder)
    config = _json(folder / CONFIG, name)
    metadata = _json(folder / METADATA, name) if (folder / METADATA).exists() else {}
    weights = None
    if (folder / WEIGHTS).exists():
        weights = opened(_plain(folder / WEIGHTS, name))
    assets = dict(_assets(folder, name))
    return base_of(config, metadata, weights, assets, name)


def _json(path: Path, name: str) -> Any:
    with _plain(path, name).open("rb") as file:
        content = file.read(MAX_JSON + 1)
    if len(content) > MAX_JSON:
        refuse("PS702", f"`{path.name}` in `{name}` is longer than {MAX_JSON} bytes")
    return read_json(content, f"{path.name} in {name}")


def _assets(folder: Path, name: str) -> Iterator[tuple[str, bytes]]:
    """What layers saved beside their weights, by the path that it has in a `.keras` file."""
    root = folder / "assets"
    if not root.exists():
        return
    size = 0
    for path in sorted(_walk(root, name)):
        size += path.stat().st_size
        if size > MAX_ASSETS:
            refuse("PS702", f"the assets in `{name}` are larger than {MAX_ASSETS} bytes")
        yield path.relative_to(folder).as_posix(), path.read_bytes()


def _walk(folder: Path, name: str) -> Iterator[Path]:
    if folder.is_symlink():
        _refuse_link(folder, name)
    for path in folder.iterdir():
        if path.is_dir():
            yield from _walk(path, name)
        else:
            yield _plain(path, name)


def _plain(path: Path, name: str) -> Path:
    """The path, if it is a file and no link: a link could lead anywhere."""
    if not stat.S_ISREG(path.lstat().st_mode):
        _refuse_link(path, name)
    return path


def _refuse_link(path: Path, name: str) -> None:
    refuse(
        "PS702",
        f"`{path.name}` in `{name}` is a link, or not a plain file",
        hint="put the file itself into the folder",
    )


def refuse_unknown(folder: Path) -> None:
    """PS903: a folder in no format that is known."""
    refuse(
        "PS903",
        f"`{folder}` is a folder without a Keras model",
        hint=f"a folder holds {', '.join(MEMBERS)} unzipped, or a SavedModel with "
        "`keras_metadata.pb`; a model of TensorFlow.js is opened by its `model.json`",
    )
