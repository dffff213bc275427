"""Writing a `.keras` archive: the same inputs give the same bytes.

The weights come first, so that their HDF5 begins at byte 512: HDF5 looks for a file there, and
`h5py.File("model.keras")` opens it.
"""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from patchspec.models.files import check_room, check_target, replacing
from patchspec.models.hdf5_out import lay_out
from patchspec.models.streaming import Progress, fill
from patchspec.models.whole import WEIGHTS, WholeModel

FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_HEAD = 512
"""Bytes before the HDF5: the first place, but for the begin of a file, where HDF5 looks for one."""
_PADDING = 0xD935
"""The tag of the zip field that fills the header up, as Android's `zipalign` writes it."""


def write_archive(
    path: Path, model: WholeModel, *, force: bool = False, progress: Progress | None = None
) -> None:
    """Write a model as Keras would, whole or not at all.

    Values that lie in a file go from there to here and are never held whole; the others are made
    one at a time. Every file inside has the same date. PS904 and PS905 where the file exists or
    cannot be written, PS903 where a file that values come from is damaged.
    """
    check_target(path, force=force)
    with replacing(path) as temporary:
        check_room(path, model.size)
        slots = lay_out(temporary, model.graph, model.variables, model.optimizer, _HEAD)
        checksum = fill(temporary, slots, _HEAD, progress)
        _zip_around(temporary, checksum, model.texts)


def _zip_around(path: Path, checksum: int, texts: Mapping[str, bytes]) -> None:
    """Make an archive of a file that holds the weights behind room for a header."""
    weights = _info(WEIGHTS)
    weights.header_offset = 0
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        weights.CRC, weights.compress_size, weights.file_size = checksum, end - _HEAD, end - _HEAD
        large = weights.file_size > zipfile.ZIP64_LIMIT
        bare = len(weights.FileHeader(zip64=large))
        filling = _HEAD - bare - 4
        weights.extra = struct.pack("<HH", _PADDING, filling) + bytes(filling)
        file.seek(0)
        file.write(weights.FileHeader(zip64=large))
        weights.extra = b""
        file.seek(end)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.filelist.append(weights)
            archive.NameToInfo[WEIGHTS] = weights
            for name, content in texts.items():
                archive.writestr(_info(name), content)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, FIXED_DATE)
    info.external_attr = 0o644 << 16
    return info
