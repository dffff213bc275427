"""Reading an HDF5 weights file without trusting it: what is stored where, and its values.

HDF5 can point out of the file (external storage, soft and external links, virtual datasets) and
can claim shapes that nobody stored. All of that is refused before a byte of it is read.
"""

from __future__ import annotations

import io
import mmap
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from patchspec.models.hdf5_heaps import check_heaps
from patchspec.problems import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_GROUPS = 200_000
MAX_DEPTH = 64
MAX_NAME = 1 << 16
_FILTERS = {"gzip", "lzf", None}
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises about a broken file."""
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


class Window(io.RawIOBase):
    """A stretch of memory as a file, for HDF5 to read from."""

    def __init__(self, content: memoryview) -> None:
        super().__init__()
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        target = memoryview(buffer).cast("B")
        part = self._content[self._at : self._at + len(target)]
        target[: len(part)] = part
        self._at += len(part)
        return len(part)


@dataclass(frozen=True, slots=True)
class Stored:
    """One dataset: where it is, what it is, and how to get at its value."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]


def opened_file(content: memoryview, file: str) -> tuple[h5py.File, dict[str, Stored]]:
    """An HDF5 file in memory, and every dataset of it by path; nothing in it leads elsewhere."""
    if bytes(content[:8]) != HDF5_MAGIC:
        refuse("PS903", f"the weights in `{file}` are not HDF5", hint="the file may be truncated")
    check_heaps(content, file)
    try:
        opened = h5py.File(Window(content), "r")
        return opened, dict(_walk(opened, content, file))
    except _DAMAGE as error:
        refuse("PS903", f"the weights in `{file}` cannot be read: {error}")


def stored_variables(content: memoryview, file: str) -> tuple[dict[str, Stored], dict[str, str]]:
    """Every dataset of an HDF5 file in memory by path, and the layer names its groups carry."""
    opened, found = opened_file(content, file)
    try:
        names = {
            path: _said(group, "name", path, file)
            for path, group in _groups(opened, "")
            if path.endswith("/vars") and "name" in group.attrs
        }
    except _DAMAGE as error:
        refuse("PS903", f"the weights in `{file}` cannot be read: {error}")
    return found, names


def _said(holder: h5py.Group | h5py.Dataset, key: str, path: str, file: str) -> str:
    """An attribute that is one text; PS703 where it is anything else, which is not even read."""
    attribute = holder.attrs.get_id(key)
    is_text = h5py.check_string_dtype(attribute.dtype) is not None
    if attribute.shape != () or not is_text or attribute.dtype.itemsize > MAX_NAME:
        refuse("PS703", f"the attribute `{key}` of `{path}` in `{file}` is no name")
    value = holder.attrs[key]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _groups(group: h5py.Group, path: str) -> Iterator[tuple[str, h5py.Group]]:
    for name in group:
        child = group[name]
        if isinstance(child, h5py.Group):
            here = f"{path}/{name}" if path else name
            yield here, child
            yield from _groups(child, here)


def _walk(root: h5py.File, content: memoryview, file: str) -> Iterator[tuple[str, Stored]]:
    waiting: list[tuple[str, h5py.Group]] = [("", root)]
    seen = 0
    while waiting:
        path, group = waiting.pop()
        if path.count("/") > MAX_DEPTH:
            refuse("PS703", f"the weights in `{file}` are nested deeper than {MAX_DEPTH} groups")
        for name in group:
            seen += 1
            here = f"{path}/{name}" if path else name
            if seen > MAX_GROUPS:
                refuse("PS703", f"the weights in `{file}` hold more than {MAX_GROUPS} objects")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                refuse("PS703", f"`{here}` in `{file}` is a link that leads elsewhere")
            child = group[name]
            if isinstance(child, h5py.Group):
                waiting.append((here, child))
            else:
                yield here, _stored(here, child, content, file)


def _stored(path: str, dataset: h5py.Dataset, content: memoryview, file: str) -> Stored:
    if dataset.external is not None or dataset.is_virtual:
        refuse("PS703", f"`{path}` in `{file}` keeps its values in another file")
    if dataset.compression not in _FILTERS:
        refuse("PS703", f"`{path}` in `{file}` needs the filter {dataset.compression!r}")
    # Keras 3 says so beside the weights of a `.keras` file, and nowhere in an HDF5 model.
    opaque = dataset.dtype == np.dtype("V2")
    marked = "dtype" in dataset.attrs and _said(dataset, "dtype", path, file) == "bfloat16"
    brain = opaque or marked
    if not brain and dataset.dtype.kind not in "fiubc":
        refuse("PS703", f"`{path}` in `{file}` holds {dataset.dtype}, which is no number")
    shape = tuple(int(n) for n in dataset.shape)
    dtype = "bfloat16" if brain else dataset.dtype.name
    offset = dataset.id.get_offset()
    size = int(np.prod(shape, dtype=object)) * dataset.dtype.itemsize if shape else 0
    if dataset.chunks is None and offset is not None and shape and size:
        if offset + size > len(content):
            refuse("PS903", f"`{path}` in `{file}` is longer than the file: it is truncated")
        raw, where = dataset.dtype, slice(offset, offset + size)
        return Stored(
            path, shape, dtype, lambda: _as(np.frombuffer(content[where], raw), shape, brain)
        )
    stored_size = dataset.id.get_storage_size()
    if size > max(1 << 30, 1000 * max(stored_size, 1)):
        refuse("PS703", f"`{path}` in `{file}` claims {size} bytes and stores {stored_size}")
    return Stored(path, shape, dtype, lambda: _as(dataset[()], shape, brain))


def _as(value: Any, shape: tuple[int, ...], brain: bool) -> NDArray[Any]:
    array = np.asarray(value)
    if brain:
        import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

        array = array.view(ml_dtypes.bfloat16)
    return array.reshape(shape)


def mapped(path: str) -> memoryview:
    """The file in memory, mapped and read-only."""
    with open(path, "rb") as file:  # noqa: PTH123 (mmap wants a descriptor)
        if not os.fstat(file.fileno()).st_size:
            return memoryview(b"")  # nothing can be mapped of it
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
