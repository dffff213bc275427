"""The global heaps of an HDF5 file, where texts of no fixed length lie, before libhdf5 reads them.

A heap whose objects do not add up makes libhdf5 loop for ever where it walks over them: a free
object of no size is one byte of damage. The layout is that of "Disk Format: Level 1E, Global Heap"
in the HDF5 File Format Specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from patchspec.problems import refuse

_BEGIN = int.from_bytes(b"GCOL\x01\x00\x00\x00", "little")
"""The signature, version 1 and three reserved bytes: together what no number is likely to be."""
_HEADER = 16
_CHUNK = 1 << 17


def check_heaps(content: memoryview, file: str) -> None:
    """Refuse (PS903) a file with a heap that does not add up."""
    for start in _starts(content):
        if not _adds_up(content, start):
            refuse(
                "PS903",
                f"`{file}` is damaged: the heap of texts at byte {start} does not add up",
                hint="get the file again from where it came",
            )


def _starts(content: memoryview) -> Iterator[int]:
    """Where heaps begin, which is always at a multiple of eight bytes."""
    words = np.frombuffer(content, "<u8", count=len(content) // 8)
    for begin in range(0, len(words), _CHUNK):
        for found in np.flatnonzero(words[begin : begin + _CHUNK] == _BEGIN):
            yield 8 * (begin + int(found))


def _adds_up(content: memoryview, start: int) -> bool:
    if len(content) < start + _HEADER:
        return False
    (size,) = struct.unpack("<Q", content[start + 8 : start + _HEADER])
    at, end = start + _HEADER, start + size
    if size < _HEADER or end > len(content):
        return False
    while end - at >= _HEADER:
        index, _, length = struct.unpack("<HH4xQ", content[at : at + _HEADER])
        if index == 0:
            # Free space: what is left of the heap, its own header included.
            return bool(length == end - at)
        at += _HEADER + (length + 7) // 8 * 8
    return bool(at <= end)
