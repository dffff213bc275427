"""Opening a model: which format a file or folder is in, by its content.

One reader for each format. A new one is a line in `_READERS`: how the content begins, and who
reads it; text and folders are told apart by what stands in them.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from patchspec.models import saved_model, tfjs
from patchspec.models.archive import ZIP_DAMAGE, read_archive
from patchspec.models.base import Base
from patchspec.models.dialects.dialect import unwrapped, upgraded
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.document import checked_graph, read_json
from patchspec.models.folder import is_unzipped, read_folder, refuse_unknown
from patchspec.models.structure import Structure
from patchspec.models.text import read_yaml
from patchspec.problems import refuse

MAX_JSON = 64 << 20
MAX_YAML = 8 << 20
"""YAML is read by a slow parser; the largest that Keras wrote of its own models is 1 MB."""


def open_base(path: str | Path, weights: str | Path | None = None) -> Base:
    """The base in a file or folder: of any Keras, in any container that its content shows.

    A `.keras` file, also unzipped into a folder; HDF5 under any name; a layers model of
    TensorFlow.js with its shards; or the structure alone, from JSON, YAML or the SavedModel of
    Keras 2. To what has no weights, `weights` may give a file of them: HDF5 of any Keras, a
    `.weights.json` with its shards, `.safetensors`, `.npz`, or a whole model's. An old config is
    upgraded, and `Base.upgrades` says how.

    PS902 where a file cannot be read, PS903 where it is damaged or no model, PS909 where it is a
    model of a form that is not patched, PS911 and PS912 where Keras 3 cannot express it, PS508,
    PS913, PS914 and PS921 where the weights do not fit it, PS915 where a file holds weights alone,
    PS916 where weights are given to a model that has its own, PS923 and PS924 where shards are not
    as they should be, PS925 and PS926 where what was exported has no layers.
    """
    file = Path(path)
    try:
        structure = _opened(file)
        if weights is None:
            return structure.base
        if structure.base.variables is not None:
            refuse(
                "PS916",
                f"`{file}` holds weights of its own",
                hint="`--weights` goes with a model without any: the JSON or YAML of an "
                "architecture, say",
            )
        return _given(structure, Path(weights))
    except OSError as error:
        refuse("PS902", f"the model `{path}` cannot be read: {error.strerror or error}")


def _head(file: Path, what: str) -> bytes:
    if not file.is_file():
        there = "is not a file" if file.exists() else "does not exist"
        refuse("PS902", f"the {what} `{file}` {there}", hint="give the path of a file")
    with file.open("rb") as opened:
        return opened.read(16)


def _opened(file: Path) -> Structure:
    if file.is_dir():
        return _read_folder(file)
    head = _head(file, "model")
    if _is_safetensors(file, head) or (head.startswith(_ZIP) and _is_npz(file)):
        _refuse_weights_alone(file)
    for begins, read in _READERS.items():
        if head.startswith(begins):
            base = read(file)
            return Structure(base, Upgraded(dict(base.document), base.upgrades))
    return _read_text(file)


def _read_hdf5(file: Path) -> Base:
    from patchspec.models.hdf5_model import read_hdf5  # noqa: PLC0415 (the core reads no weights)

    return read_hdf5(file)


_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_READERS: Mapping[bytes, Callable[[Path], Base]] = {_ZIP[0]: read_archive, _HDF5: _read_hdf5}


def _is_safetensors(file: Path, head: bytes) -> bool:
    """Whether a file begins with the length of a header, and the header."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= file.stat().st_size - 8


def _is_npz(file: Path) -> bool:
    try:
        with zipfile.ZipFile(file) as archive:
            return all(name.endswith(".npy") for name in archive.namelist())
    except ZIP_DAMAGE:
        return False


def _refuse_weights_alone(file: Path) -> None:
    refuse(
        "PS915",
        f"`{file}` holds weights and no architecture",
        hint="give the architecture as the model, and this file with `--weights`",
    )


def _read_folder(folder: Path) -> Structure:
    """The structure in a folder: an unzipped `.keras` file, or the SavedModel of Keras 2."""
    if is_unzipped(folder):
        base = read_folder(folder)
        return Structure(base, Upgraded(dict(base.document), base.upgrades))
    if not saved_model.is_saved_model(folder):
        refuse_unknown(folder)
    said = saved_model.read_metadata(folder)
    structure = _of_config(said, str(folder))
    why = f"{saved_model.NO_WEIGHTS}; {saved_model.WHAT_TO_DO}"
    return replace(structure, base=replace(structure.base, no_weights=why))


def _read_text(file: Path) -> Structure:
    """The structure in a file of JSON or YAML, and the weights that TensorFlow.js has beside."""
    name = str(file)
    with file.open("rb") as opened:
        content = opened.read(MAX_JSON + 1)
    is_json = content.lstrip()[:1] in (b"{", b"[")
    limit = MAX_JSON if is_json else MAX_YAML
    if len(content) > limit:
        refuse("PS702", f"`{file}` is text of more than {limit} bytes")
    value = read_json(content, name) if is_json else read_yaml(content, name)
    if not isinstance(value, Mapping):
        refuse(
            "PS903",
            f"`{file}` is not a Keras model",
            hint="a model is a `.keras` or HDF5 file, or the JSON or YAML of an architecture",
        )
    if "weight_map" in value and "config" not in value:
        _refuse_weights_alone(file)
    if not tfjs.is_tfjs(value):
        return _of_config(value, name)
    tfjs.check_layers_model(value, name)
    structure = _of_config(value, name)
    base = tfjs.with_shards(structure.base, structure.upgraded, value, file)
    return replace(structure, base=base)


def _of_config(value: Mapping[str, Any], name: str) -> Structure:
    found = upgraded(value, name)
    graph = checked_graph(found.document, name)
    base = Base(found.document, origin=name, upgrades=found.steps, lens=graph)
    return Structure(base, found, unwrapped(value) if found.steps else None)


def _given(structure: Structure, weights: Path) -> Base:
    """The model with the weights of a file, in whatever format its content shows."""
    head = _head(weights, "file of weights")
    from patchspec.models import beside  # noqa: PLC0415 (the core reads no weights)

    if head.startswith(_HDF5):
        return beside.from_hdf5(structure, weights)
    if head.startswith(_ZIP):
        read = beside.from_npz if _is_npz(weights) else beside.from_model
        return read(structure, weights)
    if _is_safetensors(weights, head):
        return beside.from_safetensors(structure, weights)
    if head.lstrip()[:1] == b"{":
        return beside.from_shards(structure, weights)
    refuse(
        "PS903",
        f"`{weights}` is no file of weights that is known",
        hint="weights are HDF5 (`.weights.h5`, `.h5`), Keras's `.weights.json` with its shards, "
        "`.safetensors`, `.npz`, or those of a whole `.keras` file",
    )
