"""The weights of an HDF5 file: what is stored where, and its values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patchspec.models.base import Variable
from patchspec.models.content import Content, Span
from patchspec.models.hdf5_plain import Extent, NotPlainError, read_plain
from patchspec.problems import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Stored:
    """One dataset: where it is, what it is, and how to get at its value."""

    path: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], NDArray[Any]]
    """The value, from a content that was compared with its checksum."""
    span: Span | None = None
    """Where its bytes lie, little-endian and in C order, where they lie in one piece."""


def variable_of(stored: Stored, path: str) -> Variable:
    """What is stored, as the variable at a path."""
    return Variable(path, stored.shape, stored.dtype, stored.read, span=stored.span)


@dataclass(frozen=True, slots=True)
class Contents:
    """What an HDF5 file holds."""

    stored: Mapping[str, Stored]
    """Every dataset by path."""
    names: Mapping[str, str]
    """The layer names that groups of variables carry, by the path of the group."""


def contents_of(content: Content, file: str) -> Contents:
    """What an HDF5 file holds, of which no value is read yet; nothing in it leads elsewhere.

    libhdf5 is imported where the file is not of the plain form that Keras writes.
    """
    if content.read(0, 8) != HDF5_MAGIC:
        refuse("PS903", f"the weights in `{file}` are not HDF5", hint="the file may be truncated")
    try:
        plain = read_plain(content)
    except NotPlainError:
        from patchspec.models.hdf5_objects import opened_file  # noqa: PLC0415 (imports NumPy)

        found = opened_file(content, file)
        return Contents(found.stored, found.names)
    return Contents({p: _stored(p, e, content) for p, e in plain.extents.items()}, plain.names)


def _stored(path: str, extent: Extent, content: Content) -> Stored:
    span = Span(content, extent.offset, extent.size)
    read = view_of(span, extent.shape, extent.dtype, extent.raw)
    return Stored(path, extent.shape, extent.dtype, read, span if extent.size else None)


def view_of(span: Span, shape: tuple[int, ...], dtype: str, raw: str) -> Callable[[], NDArray[Any]]:
    """Reads a value as a view of the file; `raw` is its dtype as it is stored."""

    def read() -> NDArray[Any]:
        import numpy as np  # noqa: PLC0415 (planning reads no values)

        span.content.verify()
        if not span.size:
            return value_of(np.empty(shape, raw), shape, dtype)
        stretch = span.content.view[span.offset : span.offset + span.size]
        return value_of(np.frombuffer(stretch, raw), shape, dtype)

    return read


def value_of(value: Any, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """What is stored as an array of the machine's own byte order."""
    import numpy as np  # noqa: PLC0415 (planning reads no values)

    array = np.asarray(value)
    if dtype == "bfloat16":
        import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

        array = array.view(ml_dtypes.bfloat16)
    return array.astype(array.dtype.newbyteorder("="), copy=False).reshape(shape)
