"""The HDF5 side of a `.keras` file: groups and datasets laid out, values left to be filled in.

Every dataset lies in one piece, so that values can be written past HDF5, by anything that knows
where they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5p, h5s, h5t

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable, natural
from patchspec.models.layout import layer_groups

_ALIGNMENT = 64
"""Bytes of a cache line, on which backends want arrays that they do not copy."""
_BASE, _END = 24, 40
"""Where the superblock (version 0) of an HDF5 file says where the file begins and ends."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A variable, and where in the file its bytes go."""

    variable: Variable
    offset: int
    size: int


def lay_out(
    path: Path,
    graph: Graph,
    variables: Iterable[Variable],
    optimizer: Mapping[str, Variable],
    head: int = 0,
    *,
    sparse: bool = False,
) -> list[Slot]:
    """Write an HDF5 file that lacks only the values, behind `head` bytes that are left to others.

    `head` is 0, or 512 times a power of two: HDF5 looks for a file there too. What follows it is an
    HDF5 file as it would stand alone. The slots are in the order of the file, which depends on
    nothing but the graph and the paths. A `sparse` file has the groups of its variables alone.
    """
    groups = [(layer.name, group) for layer, group in layer_groups(graph)]
    stored = _in_order(graph, variables)
    if sparse:
        held = {group for group, _, _ in stored}
        groups = [(name, group) for name, group in groups if group in held]
    with h5py.File(
        path,
        "w",
        userblock_size=head,
        alignment_threshold=_ALIGNMENT,
        alignment_interval=_ALIGNMENT,
    ) as file:
        tree = _Tree(file.id)
        if not sparse:
            tree.named("vars", str(graph.config.get("name", "")))
        for name, group in groups:
            tree.named(f"{group}/vars", name)
        slots = [tree.dataset(f"{group}/{inside}", v) for group, inside, v in stored]
        slots += [tree.dataset(path, v) for path, v in sorted(optimizer.items())]
    _stand_alone(path, head)
    return sorted((slot for slot in slots if slot.size), key=lambda slot: slot.offset)


def stored_groups(
    graph: Graph, variables: Iterable[Variable]
) -> Iterator[tuple[str, list[Variable]]]:
    """The variables by the path of the group that ends in `vars`, in the order of the file."""
    found: dict[str, list[Variable]] = {}
    for group, inside, variable in _in_order(graph, variables):
        found.setdefault(f"{group}/{inside}".rpartition("/")[0], []).append(variable)
    yield from found.items()


def stored_size(variable: Variable) -> int:
    """The bytes of its value."""
    return prod(variable.shape) * stored_dtype(variable.dtype).itemsize


def _in_order(graph: Graph, variables: Iterable[Variable]) -> list[tuple[str, str, Variable]]:
    """The group of its layer and the path inside, for each variable; as Keras orders layers."""
    groups = list(layer_groups(graph))
    owners = {layer.path: group for layer, group in groups}
    place = {group: i for i, (_, group) in enumerate(groups)}
    found = [(*_stored(owners, variable.path), variable) for variable in variables]
    return sorted(found, key=lambda one: (place[one[0]], natural(one[1])))


class _Tree:
    """Makes groups and datasets through HDF5's own handles: there are thousands."""

    def __init__(self, root: h5g.GroupID) -> None:
        self._groups: dict[str, h5g.GroupID] = {"": root}
        self._text = h5t.py_create(h5py.string_dtype(), logical=True)
        self._types: dict[str, h5t.TypeID] = {}
        self._one = h5s.create(h5s.SCALAR)
        self._layout = h5p.create(h5p.DATASET_CREATE)
        self._layout.set_layout(h5d.CONTIGUOUS)
        self._layout.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        self._layout.set_fill_time(h5d.FILL_TIME_NEVER)
        self._layout.set_obj_track_times(False)  # the same values give the same bytes, any day.

    def group(self, path: str) -> h5g.GroupID:
        """The group, made with those around it where it is not there."""
        found = self._groups.get(path)
        if found is None:
            around, _, name = path.rpartition("/")
            found = self._groups[path] = h5g.create(self.group(around), name.encode())
        return found

    def named(self, path: str, name: str) -> None:
        """A group with the name of its layer."""
        said = h5a.create(self.group(path), b"name", self._text, self._one)
        said.write(np.array(name, h5py.string_dtype()))

    def dataset(self, path: str, variable: Variable) -> Slot:
        """A dataset that nothing is written to."""
        around, _, name = path.rpartition("/")
        dtype = stored_dtype(variable.dtype)
        kind = self._types.get(variable.dtype)
        if kind is None:
            kind = self._types[variable.dtype] = h5t.py_create(dtype, logical=True)
        space = h5s.create_simple(variable.shape) if variable.shape else self._one
        made = h5d.create(self.group(around), name.encode(), kind, space, self._layout)
        if variable.dtype == "bfloat16":
            said = h5a.create(made, b"dtype", self._text, self._one)
            said.write(np.array("bfloat16", h5py.string_dtype()))
        size = stored_size(variable)
        return Slot(variable, made.get_offset() if size else 0, size)


def stored_dtype(name: str) -> np.dtype[Any]:
    """What HDF5 stores a dtype as: little-endian, and bfloat16 as two bytes without a meaning."""
    return np.dtype("V2") if name == "bfloat16" else np.dtype(name).newbyteorder("<")


def bytes_of(variable: Variable) -> memoryview:
    """The value as its bytes lie in a file."""
    value = np.asarray(variable.read())
    if variable.dtype != "bfloat16":
        value = np.asarray(value, stored_dtype(variable.dtype))
    flat = np.ascontiguousarray(value).reshape(-1)
    return flat.view(np.uint8).data


def _stored(owners: Mapping[str, str], path: str) -> tuple[str, str]:
    """The group of the layer that a variable belongs to, and its path inside."""
    parts = path.split("/")
    for end in range(len(parts) - 1, 0, -1):
        group = owners.get("/".join(parts[:end]))
        if group is not None:
            return group, "/".join(parts[end:])
    raise AssertionError(f"no layer owns {path}")


def _stand_alone(path: Path, head: int) -> None:
    """Have the superblock say what it would say of a file that begins with it.

    HDF5 puts right what it says of the place where it finds it; simpler readers believe it.
    """
    with path.open("r+b") as file:
        for field, taken in ((_BASE, head), (_END, head)):
            file.seek(head + field)
            said = int.from_bytes(file.read(8), "little")
            file.seek(head + field)
            file.write((said - taken).to_bytes(8, "little"))
