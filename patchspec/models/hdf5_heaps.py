"""The global heaps of an HDF5 file, where texts of no fixed length lie, before libhdf5 reads them.

A heap whose objects do not add up makes libhdf5 loop for ever where it walks over them: a free
object of no size is one byte of damage. The layout is that of "Disk Format: Level 1E, Global Heap"
in the HDF5 File Format Specification.
"""

from __future__ import annotations

import struct
from typing import Any

from patchspec.models.content import Content, Window

_BEGIN = b"GCOL\x01\x00\x00\x00"
"""The signature, version 1 and three reserved bytes."""
HEADER = 16


class GuardedWindow(Window):
    """A content as a file for libhdf5, in which a heap that does not add up cannot be read.

    libhdf5 reads a heap from where it begins, so it is looked at when that is asked for. Zeros in
    its place are no heap, which libhdf5 says; the content is not looked through for heaps.
    """

    def __init__(self, content: Content) -> None:
        super().__init__(content)
        self.damaged: int | None = None
        """Where a heap begins that does not add up."""

    def readinto(self, buffer: Any) -> int:
        start = self.tell()
        count = super().readinto(buffer)
        target = memoryview(buffer).cast("B")
        if bytes(target[: len(_BEGIN)]) == _BEGIN and not adds_up(self._content, start):
            self.damaged = start
            target[:count] = bytes(count)
        return count


def adds_up(content: Content, start: int) -> bool:
    """Whether the objects of the heap that begins there fill it."""
    header = content.read(start, HEADER)
    if len(header) < HEADER:
        return False
    (size,) = struct.unpack("<Q", header[8:])
    if size < HEADER or start + size > len(content):
        return False
    heap = content.read(start, size)
    at = HEADER
    while size - at >= HEADER:
        index, _, length = struct.unpack_from("<HH4xQ", heap, at)
        if index == 0:
            # Free space: what is left of the heap, its own header included.
            return bool(length == size - at)
        at += HEADER + (length + 7) // 8 * 8
    return bool(at <= size)
