"""Writing a `.keras` archive: the same inputs give the same bytes."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.files import check_room, check_target, replacing
from patchspec.models.layout import layer_groups

FIXED_DATE = (1980, 1, 1, 0, 0, 0)


def write_archive(
    path: Path,
    document: Mapping[str, Any],
    variables: Collection[Variable],
    metadata: Mapping[str, Any],
    *,
    optimizer: Mapping[str, Variable] | None = None,
    assets: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> None:
    """Write a model as Keras would: `document` in graph order, variables by path.

    Keras finds a layer's variables by its class and place, so the groups are derived from the
    document. Every file inside has the same date.
    """
    check_target(path, force=force)
    with replacing(path) as temporary:
        weights = temporary.with_suffix(".h5")
        stored = [*variables, *(optimizer or {}).values()]
        graph = Graph.of(document)
        # The weights stand on the disk twice: as HDF5, and inside the archive.
        rest = len(json.dumps(document)) + sum(map(len, (assets or {}).values()))
        check_room(path, 2 * _size(stored, len(graph.by_path)) + rest)
        try:
            _write_weights(weights, graph, variables, optimizer or {})
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
                _member(archive, "metadata.json", json.dumps(metadata).encode())
                _member(archive, "config.json", json.dumps(document).encode())
                _file(archive, "model.weights.h5", weights)
                for name, content in sorted((assets or {}).items()):
                    _member(archive, name, content)
        finally:
            weights.unlink(missing_ok=True)


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


def _member(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    archive.writestr(_info(name), content)


def _file(archive: zipfile.ZipFile, name: str, source: Path) -> None:
    info = _info(name)
    info.file_size = source.stat().st_size
    with source.open("rb") as stored, archive.open(info, "w") as member:
        while part := stored.read(1 << 20):
            member.write(part)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, FIXED_DATE)
    info.external_attr = 0o644 << 16
    return info


def _write_weights(
    path: Path,
    graph: Graph,
    variables: Iterable[Variable],
    optimizer: Mapping[str, Variable],
) -> None:
    groups = {layer.path: (group, layer) for layer, group in layer_groups(graph)}
    with h5py.File(path, "w") as file:
        file.create_group("vars").attrs["name"] = graph.config.get("name", "")
        for group, layer in groups.values():
            file.create_group(f"{group}/vars").attrs["name"] = layer.name
        owners = {name: group for name, (group, _) in groups.items()}
        for variable in variables:
            _dataset(file, _stored_path(owners, variable.path), variable)
        for stored, variable in sorted(optimizer.items()):
            _dataset(file, stored, variable)


def _stored_path(owners: Mapping[str, str], path: str) -> str:
    parts = path.split("/")
    for end in range(len(parts) - 1, 0, -1):
        group = owners.get("/".join(parts[:end]))
        if group is not None:
            return "/".join((group, *parts[end:]))
    raise AssertionError(f"no layer owns {path}")


def _dataset(file: h5py.File, path: str, variable: Variable) -> None:
    value = variable.read()
    if variable.dtype == "bfloat16":
        dataset = file.create_dataset(path, data=np.asarray(value).view("V2"))
        dataset.attrs["dtype"] = "bfloat16"
        return
    file.create_dataset(path, data=np.asarray(value, dtype=variable.dtype))
