"""Stretches of files: read piece by piece, or mapped, but never as a whole into memory."""

from __future__ import annotations

import errno
import io
import mmap
import os
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from patchspec.models.checksums import checksum, combined
from patchspec.problems import refuse

PIECE = 1 << 19
"""Bytes read at once: they stay in the processor's cache from one use to the next."""
_OWN = threading.local()
"""The buffer of each thread, which is not made anew for every stretch."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What is recorded of a content: its CRC-32, and the file that says so."""

    checksum: int
    file: str


class Content:
    """Bytes of a file from `start` on; the file stays open as long as this lives.

    What is read piece by piece is not counted as memory of the process; what is mapped is, as far
    as it was looked at.
    """

    def __init__(
        self, descriptor: int, start: int, size: int, recorded: Recorded | None = None
    ) -> None:
        self.recorded = recorded
        """What it should be; none once it was found to be so, or where nothing says."""
        self._descriptor = descriptor
        self._start = start
        self._size = size
        self._lock = threading.Lock()
        weakref.finalize(self, os.close, descriptor)

    def __len__(self) -> int:
        return self._size

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill the buffer from `offset` on; says how many bytes there were."""
        wanted = buffer[: max(0, min(len(buffer), self._size - offset))]
        done = 0
        while done < len(wanted):
            count = self._at(wanted[done:], self._start + offset + done)
            if not count:
                break
            done += count
        return done

    def _at(self, buffer: memoryview, place: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._descriptor, [buffer], place)
        with self._lock:
            os.lseek(self._descriptor, place, os.SEEK_SET)
            got = os.read(self._descriptor, len(buffer))
        buffer[: len(got)] = got
        return len(got)

    def read(self, offset: int, size: int) -> bytearray:
        """A copy of some of it; shorter where it ends before."""
        found = bytearray(max(0, min(size, self._size - offset)))
        del found[self.read_into(memoryview(found), offset) :]
        return found

    def pieces(self, offset: int, size: int) -> Iterator[memoryview]:
        """Some of it in order, each piece until the next one is asked for.

        A thread goes through one stretch after the other, since all of them fill one buffer.
        """
        buffer = _buffer()
        end = offset + size
        while offset < end:
            count = self.read_into(buffer[: end - offset], offset)
            if not count:
                return
            yield buffer[:count]
            offset += count

    def is_hole(self, offset: int, size: int) -> bool:
        """Whether the file stores nothing there, so that it reads as zeros."""
        if not hasattr(os, "SEEK_DATA"):
            return False
        place = self._start + offset
        try:
            return os.lseek(self._descriptor, place, os.SEEK_DATA) >= place + size
        except OSError as error:
            # Nothing but a hole up to the end; any other answer is that nobody knows.
            whole = os.fstat(self._descriptor).st_size >= place + size
            return error.errno == errno.ENXIO and whole

    @cached_property
    def view(self) -> memoryview:
        """All of it, mapped and read-only."""
        if not self._size:
            return memoryview(b"")  # nothing can be mapped of it
        whole = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        return memoryview(whole)[self._start : self._start + self._size]

    @property
    def identity(self) -> tuple[int, int]:
        """Which file it is, whatever its name stands for by now."""
        found = os.fstat(self._descriptor)
        return found.st_dev, found.st_ino

    def part(self, start: int, size: int, recorded: Recorded | None = None) -> Content:
        """Some of it as a content of its own."""
        return Content(os.dup(self._descriptor), self._start + start, size, recorded)

    def verify(self) -> None:
        """Compare with the checksum that is recorded of it, if one is; once. PS903."""
        if self.recorded is not None:
            self.compare(self.checksum())

    def compare(self, found: int) -> None:
        """Refuse (PS903) another checksum than the one that is recorded."""
        if self.recorded is None:
            return
        if found != self.recorded.checksum:
            refuse(
                "PS903",
                f"the weights in `{self.recorded.file}` are damaged: their checksum is not the "
                "one recorded",
                hint="get the file again from where it came",
            )
        self.recorded = None

    def checksum(self) -> int:
        """The CRC-32 of all of it, of two halves at once: `zlib` lets other threads run."""
        half = self._size // 2
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(checksum, self.pieces(half, self._size - half))
            return combined(checksum(self.pieces(0, half)), second.result(), self._size - half)


def _buffer() -> memoryview:
    if not hasattr(_OWN, "buffer"):
        _OWN.buffer = memoryview(bytearray(PIECE))
    buffer: memoryview = _OWN.buffer
    return buffer


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of a content, as they are to be found in any file that holds the same value."""

    content: Content
    offset: int
    size: int

    def read(self) -> bytearray:
        """A copy of the bytes."""
        return self.content.read(self.offset, self.size)


def opened(path: str | Path) -> Content:
    """The whole of a file."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    return Content(descriptor, 0, os.fstat(descriptor).st_size)


def held(file: BinaryIO) -> Content:
    """The whole of an open file, which may be closed afterwards."""
    file.flush()
    descriptor = os.dup(file.fileno())
    return Content(descriptor, 0, os.fstat(descriptor).st_size)


class Window(io.RawIOBase):
    """A content as a file, for libraries that want one."""

    def __init__(self, content: Content) -> None:
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
        count = self._content.read_into(memoryview(buffer).cast("B"), self._at)
        self._at += count
        return count
