"""Reading the plain form of HDF5 that Keras writes, without libhdf5.

What a plan needs of a weights file are paths, shapes and places; libhdf5 and NumPy take longer to
be imported than all of that to be read. The plain form is that of `libver="earliest"`: superblock
0, symbol tables, object headers of version 1, datasets in one piece (HDF5 File Format
Specification, "Disk Format", levels 0 to 2). Whatever is otherwise, or not whole, is not plain, and
left to libhdf5 to read or to refuse: nothing is guessed here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from patchspec.models.content import Content
from patchspec.models.hdf5_heaps import HEADER, adds_up

MAX_OBJECTS = 200_000
MAX_DEPTH = 64
_WINDOW = 1 << 12
"""Bytes read at once: what describes a group mostly lies together."""
_MOST = 16
"""How many times as much as the file holds is read at most, and megabytes beside."""
_UNDEFINED = 0xFFFFFFFFFFFFFFFF
_SUPERBLOCK = b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00"
"""The signature, versions of zero, and offsets and lengths of eight bytes."""
_BEGIN, _END = 24, 40
"""Where the superblock says where the file begins and ends."""
_ROOT = 64
"""Where the superblock says where the root group is described."""

_NIL, _SPACE, _TYPE, _FILL_OLD, _FILL, _LAYOUT, _ATTRIBUTE, _TIME, _MORE, _TABLE = (
    0x0000, 0x0001, 0x0003, 0x0004, 0x0005, 0x0008, 0x000C, 0x0012, 0x0010, 0x0011,
)  # fmt: skip
_KNOWN = {_SPACE, _TYPE, _LAYOUT, _TABLE}
_IGNORED = {_NIL, _FILL_OLD, _FILL, _TIME}
_SHARED = 0x02
"""The flag of a message that lies elsewhere."""
_FLOATS = {
    (2, 16, 10, 5, 0, 10, 15): "float16",
    (4, 32, 23, 8, 0, 23, 127): "float32",
    (8, 64, 52, 11, 0, 52, 1023): "float64",
}
"""By size, precision, place and size of the exponent and of the mantissa, and the bias."""
_OPAQUE_PAIR = "bfloat16"
_INTEGER, _FLOAT, _TEXT, _OPAQUE, _VARIABLE = 0, 1, 3, 5, 9


class NotPlainError(Exception):
    """The file is of another form, or damaged."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the values of a dataset lie, little-endian and in C order; nowhere if there is none."""

    shape: tuple[int, ...]
    dtype: str
    raw: str
    """The dtype as it is stored, in NumPy's code."""
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Plain:
    """What a file holds."""

    extents: Mapping[str, Extent]
    """Every dataset by path."""
    names: Mapping[str, str]
    """The layer names that groups of variables carry, by the path of the group."""


def read_plain(content: Content) -> Plain:
    """What a file of the plain form holds; raises `NotPlainError` for every other."""
    reader = _Reader(content)
    try:
        begin, end = reader.number(_BEGIN), reader.number(_END)
        if reader.take(0, 16) != _SUPERBLOCK or begin != 0 or end > len(content):
            raise NotPlainError("the superblock")
        reader.object(reader.number(_ROOT), "", 0)
    except (struct.error, LookupError, ValueError, OverflowError, RecursionError) as error:
        raise NotPlainError(str(error)) from None
    return Plain(reader.extents, reader.names)


class _Reader:
    def __init__(self, content: Content) -> None:
        self.extents: dict[str, Extent] = {}
        self.names: dict[str, str] = {}
        self._content = content
        self._size = len(content)
        self._window = bytearray()
        self._start = 0
        self._seen = 0
        self._heaps: dict[int, dict[int, bytes]] = {}
        self._objects: set[int] = set()
        self._left = _MOST * self._size + (_MOST << 20)

    def take(self, at: int, size: int) -> bytearray:
        """Some bytes, all of which must be there."""
        begin = at - self._start
        if begin < 0 or begin + size > len(self._window):
            if at + size > self._size:
                raise NotPlainError("it ends too early")
            self._spend(max(size, _WINDOW))
            self._window = self._content.read(at, max(size, _WINDOW))
            self._start, begin = at, 0
        return self._window[begin : begin + size]

    def _spend(self, size: int) -> None:
        """Keep account of what is read: nothing that is whole is read many times."""
        self._left -= size
        if self._left < 0:
            raise NotPlainError("the same bytes over and over")

    def number(self, at: int) -> int:
        """An address or a length."""
        return int.from_bytes(self.take(at, 8), "little")

    def object(self, address: int, path: str, depth: int) -> None:
        """A group with all that is in it, or a dataset."""
        self._seen += 1
        if self._seen > MAX_OBJECTS or depth > MAX_DEPTH:
            raise NotPlainError("more than a model has")
        if address in self._objects:
            raise NotPlainError("an object with two names")
        self._objects.add(address)
        found: dict[int, bytearray] = {}
        texts: dict[str, str] = {}
        for number, data in self._messages(address):
            if number == _ATTRIBUTE:
                texts |= self._attribute(data)
            elif number in _KNOWN and number not in found:
                found[number] = data
            elif number not in _IGNORED:
                raise NotPlainError(f"message {number}")
        if _TABLE in found:
            if "name" in texts and path.rpartition("/")[2] == "vars":
                self.names[path] = texts["name"]
            self._group(found[_TABLE], path, depth)
        elif {_SPACE, _TYPE, _LAYOUT} <= found.keys():
            self.extents[path] = self._extent(found, texts.get("dtype"))
        else:
            raise NotPlainError("neither a group nor a dataset")

    def _messages(self, address: int) -> Iterator[tuple[int, bytearray]]:
        version, count, _, size = struct.unpack("<BxHII", self.take(address, 12))
        if version != 1:
            raise NotPlainError("the version of an object header")
        waiting = [(address + 16, size)]
        while waiting:
            start, length = waiting.pop(0)
            block = self.take(start, length)
            at = 0
            while at + 8 <= length and count:
                number, size, flags = struct.unpack_from("<HHB", block, at)
                data = block[at + 8 : at + 8 + size]
                if len(data) < size or flags & _SHARED:
                    raise NotPlainError("a message")
                count -= 1
                at += 8 + size
                if number == _MORE:
                    waiting.append(struct.unpack("<QQ", data))
                else:
                    yield number, data

    def _group(self, table: bytearray, path: str, depth: int) -> None:
        tree, heap = struct.unpack_from("<QQ", table)
        if self.take(heap, 5) != b"HEAP\x00":
            raise NotPlainError("a local heap")
        texts = self.take(self.number(heap + 24), self.number(heap + 8))
        before = b""
        for offset, address in list(self._links(tree, MAX_DEPTH)):
            own = bytes(texts[offset : texts.index(0, offset)])
            # libhdf5 looks names up in a tree that is sorted, and so finds no others.
            if own <= before or b"/" in own or own in (b".", b".."):
                raise NotPlainError("a name")
            before, name = own, own.decode("utf-8")
            self.object(address, f"{path}/{name}" if path else name, depth + 1)

    def _links(self, node: int, levels: int) -> Iterator[tuple[int, int]]:
        """Where the name of each link lies in the heap, and what it leads to."""
        self._seen += 1
        if self._seen > MAX_OBJECTS or not levels:
            raise NotPlainError("a loop")
        head = self.take(node, 8)
        if head[:5] == b"SNOD\x01":
            (count,) = struct.unpack_from("<H", head, 6)
            entries = self.take(node + 8, 40 * count)
            for offset, address, cached in struct.iter_unpack("<QQI20x", entries):
                if cached > 1:
                    raise NotPlainError("a symbolic link")
                yield offset, address
            return
        if head[:5] != b"TREE\x00":
            raise NotPlainError("a tree")
        (count,) = struct.unpack_from("<H", head, 6)
        children = struct.unpack(f"<{2 * count + 1}Q", self.take(node + 24, 8 * (2 * count + 1)))
        for child in children[1::2]:
            yield from self._links(child, levels - 1)

    def _extent(self, found: Mapping[int, bytearray], marked: str | None) -> Extent:
        shape = _shape(found[_SPACE])
        dtype, width = _dtype(found[_TYPE])
        if marked not in (None, dtype):
            raise NotPlainError("a dtype that is said to be another")
        version, form, offset, size = struct.unpack_from("<BBQQ", found[_LAYOUT])
        wanted = prod(shape) * width
        if (version, form) != (3, 1) or size != wanted:
            raise NotPlainError("a layout")
        if wanted and (offset == _UNDEFINED or offset + size > self._size):
            raise NotPlainError("values that are not there")
        raw = "V2" if dtype == _OPAQUE_PAIR else f"<{dtype[0]}{width}"
        return Extent(shape, dtype, raw, offset if wanted else 0, wanted)

    def _attribute(self, data: bytearray) -> dict[str, str]:
        """The text of an attribute by its name, if it is one that is asked for."""
        version, names, kinds, spaces = struct.unpack_from("<BxHHH", data)
        if version == 1:
            at, step = 8, 8
        elif version == 3:  # noqa: PLR2004 (as 1, unpadded, with an encoding)
            at, step = 9, 1
        else:
            raise NotPlainError("the version of an attribute")
        ends = [at]
        for size in (names, kinds, spaces):
            ends.append(ends[-1] + -(-size // step) * step)
        name = bytes(data[ends[0] : ends[0] + names]).split(b"\0")[0].decode("utf-8")
        if name not in ("name", "dtype"):
            return {}
        kind = data[ends[1] : ends[1] + kinds]
        if _shape(data[ends[2] : ends[2] + spaces]):
            raise NotPlainError("an attribute of several values")
        return {name: self._text(kind, data[ends[3] :])}

    def _text(self, kind: bytearray, value: bytearray) -> str:
        (size,) = struct.unpack_from("<I", kind, 4)
        if kind[0] & 15 == _TEXT:
            return bytes(value[:size]).rstrip(b"\0").decode("utf-8")
        if kind[0] & 15 != _VARIABLE or kind[1] & 15 != 1:
            raise NotPlainError("an attribute that is no text")
        length, heap, index = struct.unpack_from("<IQI", value)
        return self._heap(heap)[index][:length].decode("utf-8") if length else ""

    def _heap(self, address: int) -> dict[int, bytes]:
        """The objects of a global heap."""
        if address in self._heaps:
            return self._heaps[address]
        if self.take(address, 8) != b"GCOL\x01\0\0\0":
            raise NotPlainError("a global heap")
        size = self.number(address + 8)
        self._spend(2 * size)
        if not adds_up(self._content, address):
            raise NotPlainError("a global heap")
        heap = self._content.read(address, size)
        found: dict[int, bytes] = {}
        at = HEADER
        while size - at >= HEADER:
            index, length = struct.unpack_from("<H6xQ", heap, at)
            if index == 0:
                break
            found[index] = bytes(heap[at + HEADER : at + HEADER + length])
            at += HEADER + (length + 7) // 8 * 8
        self._heaps[address] = found
        return found


def _shape(space: bytearray) -> tuple[int, ...]:
    version, rank = space[0], space[1]
    if version == 1:
        at = 8
    elif version == 2 and space[3] in (0, 1):  # noqa: PLR2004 (scalar or simple)
        at = 4
    else:
        raise NotPlainError("a dataspace")
    return struct.unpack_from(f"<{rank}Q", space, at)


def _dtype(kind: bytearray) -> tuple[str, int]:
    """The dtype, and how many bytes a value takes."""
    (size,) = struct.unpack_from("<I", kind, 4)
    form, flags = kind[0] & 15, kind[1]
    if form == _OPAQUE and size == 2:  # noqa: PLR2004 (how Keras stores bfloat16)
        return _OPAQUE_PAIR, size
    # Little-endian, with an implied first bit of the mantissa, the sign in front.
    if form == _FLOAT and flags & 0x71 == 0x20 and kind[2] == 8 * size - 1:  # noqa: PLR2004
        offset, *said = struct.unpack_from("<HHBBBBI", kind, 8)
        dtype = _FLOATS.get((size, *said))
        if dtype is not None and offset == 0:
            return dtype, size
    if form == _INTEGER and not flags & 1 and size in (1, 2, 4, 8):
        offset, precision = struct.unpack_from("<HH", kind, 8)
        if (offset, precision) == (0, 8 * size):
            return f"{'' if flags & 8 else 'u'}int{8 * size}", size
    raise NotPlainError("a datatype")
