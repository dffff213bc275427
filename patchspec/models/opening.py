"""Opening a model file: which format it is, by its content."""

from __future__ import annotations

from pathlib import Path

from patchspec.models.archive import read_archive
from patchspec.models.base import Base
from patchspec.models.document import checked_document, read_json
from patchspec.problems import refuse

MAX_JSON = 64 << 20


def open_base(path: str | Path) -> Base:
    """The base in a `.keras` file, or the structure alone from the JSON of `model.to_json()`.

    The format is recognised by content. PS902 where the file cannot be read, PS903 where it is
    damaged or no model, PS909 where it is a model of a form that this version does not patch.
    """
    file = Path(path)
    try:
        if not file.is_file():
            there = "is not a file" if file.exists() else "does not exist"
            refuse("PS902", f"the model `{path}` {there}", hint="give the path of a `.keras` file")
        with file.open("rb") as opened:
            head = opened.read(8)
            if head[:4] == b"PK\x03\x04":
                return read_archive(file)
            if head[:4] == b"\x89HDF":
                refuse(
                    "PS909",
                    f"`{path}` is HDF5, which this version does not open",
                    hint="load it with Keras and save it as `.keras`",
                )
            if head.lstrip()[:1] == b"{":
                opened.seek(0)
                content = opened.read(MAX_JSON + 1)
                if len(content) > MAX_JSON:
                    refuse("PS702", f"`{path}` is JSON of more than {MAX_JSON} bytes")
                return Base(
                    checked_document(read_json(content, str(path)), str(path)), origin=str(path)
                )
    except OSError as error:
        refuse("PS902", f"the model `{path}` cannot be read: {error.strerror or error}")
    refuse(
        "PS903",
        f"`{path}` is not a Keras model",
        hint="a model is a `.keras` file, or the JSON of `model.to_json()`",
    )
