"""Opening a model file: which format it is, by its content.

One reader for each format. A new one is a line in `_READERS`: how the content begins, and who
reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from patchspec.models.archive import read_archive
from patchspec.models.base import Base
from patchspec.models.dialects.dialect import upgraded
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.document import checked_document, read_json
from patchspec.models.text import read_yaml
from patchspec.problems import refuse

MAX_JSON = 64 << 20
MAX_YAML = 8 << 20
"""YAML is read by a slow parser; the largest that Keras wrote of its own models is 1 MB."""


def open_base(path: str | Path, weights: str | Path | None = None) -> Base:
    """The base in a file: of any Keras, in any container that its content shows it to be.

    A `.keras` file, HDF5 under any name, or the structure alone from JSON or YAML, to which
    `weights` may give the HDF5 file of its weights. An old config is upgraded, and `Base.upgrades`
    says how.

    PS902 where a file cannot be read, PS903 where it is damaged or no model, PS909 where it is a
    model of a form that is not patched, PS911 and PS912 where Keras 3 cannot express it, PS913 and
    PS914 where the weights do not fit it, PS915 where a file holds weights alone, PS916 where
    weights are given to a model that has its own.
    """
    file = Path(path)
    try:
        head = _head(file, "model")
        if weights is not None:
            _head(Path(weights), "file of weights")
            return _with_weights(file, head, Path(weights))
        for begins, read in _READERS.items():
            if head.startswith(begins):
                return read(file)
        return _read_text(file)[0]
    except OSError as error:
        refuse("PS902", f"the model `{path}` cannot be read: {error.strerror or error}")


def _head(file: Path, what: str) -> bytes:
    if not file.is_file():
        there = "is not a file" if file.exists() else "does not exist"
        refuse("PS902", f"the {what} `{file}` {there}", hint="give the path of a file")
    with file.open("rb") as opened:
        return opened.read(8)


def _read_hdf5(file: Path) -> Base:
    from patchspec.models.hdf5_model import read_hdf5  # noqa: PLC0415 (the core reads no weights)

    return read_hdf5(file)


_READERS: Mapping[bytes, Callable[[Path], Base]] = {
    b"PK\x03\x04": read_archive,
    b"\x89HDF\r\n\x1a\n": _read_hdf5,
}


def _with_weights(file: Path, head: bytes, weights: Path) -> Base:
    """An architecture and, from another file, its weights."""
    if head.startswith(tuple(_READERS)):
        refuse(
            "PS916",
            f"`{file}` holds weights of its own",
            hint="`--weights` goes with the JSON or YAML of an architecture",
        )
    from patchspec.models import hdf5_model  # noqa: PLC0415 (the core reads no weights)

    base, found = _read_text(file)
    return hdf5_model.with_weights(base, found, hdf5_model.read_hdf5_weights(weights))


def _read_text(file: Path) -> tuple[Base, Upgraded]:
    """The structure in a file of JSON or YAML, and how it was upgraded."""
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
    found = upgraded(value, name)
    return Base(checked_document(found.document, name), origin=name, upgrades=found.steps), found
