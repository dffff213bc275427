"""Reading any HDF5 file through libhdf5 without trusting it: what is stored where, and its values.

HDF5 can point out of the file (external storage, soft and external links, virtual datasets) and
can claim shapes that nobody stored. All of that is refused before a byte of it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, NoReturn

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5l, h5o, h5t, h5z

from patchspec.models.content import Content, Span
from patchspec.models.hdf5_heaps import GuardedWindow
from patchspec.models.weights_file import HDF5_MAGIC, Stored, value_of, view_of
from patchspec.problems import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_GROUPS = 200_000
MAX_DEPTH = 64
MAX_NAME = 1 << 16
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_LZF, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32}
"""What h5py undoes itself, without a library from elsewhere."""
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)
"""What h5py raises about a broken file."""


@dataclass(frozen=True, slots=True)
class Contained:
    """What an HDF5 file holds."""

    file: h5py.File
    stored: dict[str, Stored]
    """Every dataset by path."""
    names: dict[str, str]
    """The layer names that groups of variables carry, by the path of the group."""


def opened_file(content: Content, file: str) -> Contained:
    """What an HDF5 file holds, of which no value is read yet; nothing in it leads elsewhere."""
    if content.read(0, 8) != HDF5_MAGIC:
        refuse("PS903", f"the weights in `{file}` are not HDF5", hint="the file may be truncated")
    window = GuardedWindow(content)
    try:
        opened = h5py.File(window, "r")
        walk = _Walk(content, file)
        walk.group(opened.id, "", 0)
    except _DAMAGE as error:
        _refuse_damage(window, file, error)
    return Contained(opened, walk.stored, walk.names)


def _refuse_damage(window: GuardedWindow, file: str, error: Exception) -> NoReturn:
    if window.damaged is None:
        refuse("PS903", f"the weights in `{file}` cannot be read: {error}")
    refuse(
        "PS903",
        f"`{file}` is damaged: the heap of texts at byte {window.damaged} does not add up",
        hint="get the file again from where it came",
    )


@dataclass
class _Walk:
    """A walk over the objects of a file, through HDF5's own handles: there are thousands."""

    content: Content
    file: str
    stored: dict[str, Stored] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    seen: int = 0
    types: dict[Any, tuple[Any, ...]] = field(default_factory=dict)

    def group(self, group: h5g.GroupID, path: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            refuse(
                "PS703", f"the weights in `{self.file}` are nested deeper than {MAX_DEPTH} groups"
            )
        links: list[tuple[bytes, int]] = []
        group.links.iterate(lambda name, info: links.append((name, info.type)), info=True)
        self.seen += len(links)
        if self.seen > MAX_GROUPS:
            refuse("PS703", f"the weights in `{self.file}` hold more than {MAX_GROUPS} objects")
        for name, kind in links:
            own = name.decode("utf-8", "replace")
            here = f"{path}/{own}" if path else own
            if kind != h5l.TYPE_HARD:
                refuse("PS703", f"`{here}` in `{self.file}` is a link that leads elsewhere")
            child = h5o.open(group, name)
            if isinstance(child, h5g.GroupID):
                if own == "vars" and h5a.exists(child, b"name"):
                    self.names[here] = _said(child, "name", here, self.file)
                self.group(child, here, depth + 1)
            elif isinstance(child, h5d.DatasetID):
                self.stored[here] = self._dataset(here, child)
            else:
                refuse("PS703", f"`{here}` in `{self.file}` is no number")

    def _dataset(self, path: str, dataset: h5d.DatasetID) -> Stored:
        made = dataset.get_create_plist()
        layout = made.get_layout()
        if layout == h5d.VIRTUAL or made.get_external_count():
            refuse("PS703", f"`{path}` in `{self.file}` keeps its values in another file")
        for n in range(made.get_nfilters()):
            code, _, _, name = made.get_filter(n)
            if code not in _FILTERS:
                said = name.decode("utf-8", "replace")
                refuse("PS703", f"`{path}` in `{self.file}` needs the filter {said!r}")
        shape, raw = dataset.shape, dataset.dtype
        # Keras 3 says so beside the weights of a `.keras` file, and nowhere in an HDF5 model.
        brain = raw == _BRAIN or (
            h5a.exists(dataset, b"dtype") and _said(dataset, "dtype", path, self.file) == "bfloat16"
        )
        if not brain and raw.kind not in "fiubc":
            refuse("PS703", f"`{path}` in `{self.file}` holds {raw}, which is no number")
        dtype = "bfloat16" if brain else raw.name
        size = prod(shape or ()) * raw.itemsize if shape is not None else 0
        plain = _is_stored_as(dataset, raw)
        offset = dataset.get_offset() if layout == h5d.CONTIGUOUS and size and plain else None
        if offset is None:
            return Stored(path, shape or (), dtype, self._through_hdf5(path, dataset, size, dtype))
        if offset + size > len(self.content):
            refuse("PS903", f"`{path}` in `{self.file}` is longer than the file: it is truncated")
        little = raw.itemsize == 1 or raw.newbyteorder("<") == raw
        span = Span(self.content, offset, size)
        read = view_of(span, shape, dtype, raw.str)
        return Stored(path, shape, dtype, read, span if little else None)

    def _through_hdf5(
        self, path: str, dataset: h5d.DatasetID, size: int, dtype: str
    ) -> Callable[[], NDArray[Any]]:
        """Reads what does not lie in one piece: chunks, or values too small to lie apart."""
        stored = dataset.get_storage_size()
        if size > max(1 << 30, 1000 * max(stored, 1)):
            refuse("PS703", f"`{path}` in `{self.file}` claims {size} bytes and stores {stored}")
        shape = dataset.shape or ()

        def read() -> NDArray[Any]:
            self.content.verify()
            try:
                return value_of(h5py.Dataset(dataset)[()], shape, dtype)
            except _DAMAGE as error:
                refuse("PS903", f"`{path}` in `{self.file}` cannot be read: {error}")

        return read


def _is_stored_as(dataset: h5d.DatasetID, raw: np.dtype[Any]) -> bool:
    """Whether the bytes of the values are NumPy's; libhdf5 converts numbers of other forms."""
    try:
        return bool(dataset.get_type().equal(h5t.py_create(raw, logical=True)))
    except TypeError:
        return False


def _said(holder: h5g.GroupID | h5d.DatasetID, key: str, path: str, file: str) -> str:
    """An attribute that is one text; PS703 where it is anything else, which is not even read."""
    attribute = h5a.open(holder, key.encode())
    dtype = attribute.dtype
    is_text = h5py.check_string_dtype(dtype) is not None
    if attribute.shape != () or not is_text or dtype.itemsize > MAX_NAME:
        refuse("PS703", f"the attribute `{key}` of `{path}` in `{file}` is no name")
    value = np.empty((), dtype)
    attribute.read(value)
    found = value.item()
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


_BRAIN = np.dtype("V2")
