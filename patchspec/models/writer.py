"""Writing a `.keras` archive: the same inputs give the same bytes.

The weights come first, so that their HDF5 begins at byte 512: HDF5 looks for a file there, and
`h5py.File("model.keras")` opens it.
"""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.files import check_room, check_target, replacing
from patchspec.models.hdf5_out import lay_out
from patchspec.models.streaming import Progress, fill

FIXED_DATE = (1980, 1, 1, 0, 0, 0)
_HEAD = 512
"""Bytes before the HDF5: the first place, but for the begin of a file, where HDF5 looks for one."""
_PADDING = 0xD935
"""The tag of the zip field that fills the header up, as Android's `zipalign` writes it."""
WEIGHTS = "model.weights.h5"


def write_archive(
    path: Path,
    document: Mapping[str, Any],
    variables: Collection[Variable],
    metadata: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Variable] | None = None,
    assets: Mapping[str, bytes] | None = None,
    force: bool = False,
    progress: Progress | None = None,
    graph: Graph | None = None,
) -> None:
    """Write a model as Keras would: `document` in graph order, variables by path.

    Keras finds a layer's variables by its class and place, so the groups are derived from the
    document, or from a lens over it that is there already. Values that lie in a file go from there
    to here and are never held whole; the others are made one at a time. Every file inside has the
    same date. PS904 and PS905 where the file exists or cannot be written, PS903 where a file that
    values come from is damaged.
    """
    check_target(path, force=force)
    texts = texts_of(document, metadata, assets)
    graph = Graph.of(document) if graph is None else graph
    stored = [*variables, *(optimizer or {}).values()]
    rest = sum(map(len, texts.values()))
    with replacing(path) as temporary:
        check_room(path, _size(stored, len(graph.by_path)) + rest)
        slots = lay_out(temporary, graph, variables, optimizer or {}, _HEAD)
        checksum = fill(temporary, slots, _HEAD, progress)
        _zip_around(temporary, checksum, texts)


def texts_of(
    document: Mapping[str, Any], metadata: Mapping[str, Any], assets: Mapping[str, bytes] | None
) -> dict[str, bytes]:
    """What stands beside the weights, by its name there."""
    return {
        "metadata.json": json.dumps(metadata).encode(),
        "config.json": json.dumps(document).encode(),
        **dict(sorted((assets or {}).items())),
    }


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


def _size(variables: Iterable[Variable], layers: int) -> int:
    """About the size of an HDF5 file of these variables, what it takes beside them included."""
    overhead = 1024
    values = 0
    for variable in variables:
        count = _ITEM_SIZES.get(variable.dtype, 8)
        for n in variable.shape:
            count *= n
        values += count + overhead
    return values + 2 * overhead * layers


_ITEM_SIZES = {
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""Bytes a value; of other dtypes 8, which is the most that any has."""


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, FIXED_DATE)
    info.external_attr = 0o644 << 16
    return info
