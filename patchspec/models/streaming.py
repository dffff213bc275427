"""Filling a file in with values from other files, at the speed of the disk.

What stays as it is goes from file to file through a small buffer; nothing is ever held whole. The
checksums of what is written and of what is read are summed on the way, by several threads at once.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from patchspec.models.checksums import checksum, combined, of_zeros
from patchspec.models.content import Content, Span
from patchspec.models.hdf5_out import Slot, bytes_of

Progress = Callable[[int, int], None]
"""Is told how many bytes of how many are done."""

LARGE = 1 << 20
"""Bytes from which on a value is summed apart, which the sum of its source takes over."""
TASK = 1 << 23
"""Bytes that a thread does before it says so."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of the file: they are there, or they come from elsewhere."""

    offset: int
    size: int
    source: Span | None


def fill(path: Path, slots: Sequence[Slot], head: int, progress: Progress | None = None) -> int:
    """Write the values of slots, in the order of the file; gives the CRC-32 behind `head` bytes.

    Values without a place in a file are made one after the other, and not kept. Refuses (PS903)
    what is read from a file whose checksum is not the one recorded.
    """
    target = _Target(path)
    try:
        for slot in slots:
            if slot.variable.span is None:
                target.write(bytes_of(slot.variable), slot.offset)
        pieces = list(_pieces(slots, head, len(target)))
        sums = _run([*_tasks(pieces)], target, progress)
        _check_sources(pieces, sums)
        found = 0
        for task, one in sums:
            found = combined(found, one, sum(piece.size for piece in task))
        return found
    finally:
        target.close()


class _Target:
    """The file that is filled in."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        self._lock = threading.Lock()
        self.content = Content(os.dup(self._descriptor), 0, os.fstat(self._descriptor).st_size)

    def __len__(self) -> int:
        return len(self.content)

    def write(self, data: memoryview, offset: int) -> None:
        """Write all of it there."""
        while data:
            if hasattr(os, "pwrite"):
                count = os.pwrite(self._descriptor, data, offset)
            else:
                with self._lock:
                    os.lseek(self._descriptor, offset, os.SEEK_SET)
                    count = os.write(self._descriptor, data)
            data, offset = data[count:], offset + count

    def close(self) -> None:
        os.close(self._descriptor)


def _pieces(slots: Sequence[Slot], head: int, end: int) -> Iterator[_Piece]:
    """The whole file behind its head, in order."""
    at = head
    for slot in slots:
        span = slot.variable.span
        if span is None:
            continue
        if span.size != slot.size:
            raise AssertionError(f"{slot.variable.path} has {span.size} bytes, not {slot.size}")
        if slot.offset > at:
            yield _Piece(at, slot.offset - at, None)
        for start in range(0, span.size, TASK):
            size = min(TASK, span.size - start)
            source = Span(span.content, span.offset + start, size)
            yield _Piece(slot.offset + start, size, source)
        at = slot.offset + slot.size
    if end > at:
        yield _Piece(at, end - at, None)


_Task = tuple[_Piece, ...]
"""Pieces after each other; a large one that comes from elsewhere stands alone."""


def _tasks(pieces: Sequence[_Piece]) -> Iterator[_Task]:
    together: list[_Piece] = []
    size = 0
    for piece in pieces:
        alone = _is_large(piece)
        if together and (alone or size >= TASK):
            yield tuple(together)
            together, size = [], 0
        if alone:
            yield (piece,)
        else:
            together.append(piece)
            size += piece.size
    if together:
        yield tuple(together)


def _is_large(piece: _Piece) -> bool:
    return piece.source is not None and piece.size >= LARGE


def _run(
    tasks: Sequence[_Task], target: _Target, progress: Progress | None
) -> list[tuple[_Task, int]]:
    """The checksum of each task, done."""
    pool = ThreadPoolExecutor(_threads())
    total = sum(piece.size for task in tasks for piece in task)
    done = 0
    try:
        futures: dict[Future[int], int] = {}
        for task in tasks:
            size = sum(piece.size for piece in task)
            futures[pool.submit(_do, task, target)] = size
        for future in as_completed(futures):
            future.result()
            done += futures[future]
            if progress is not None:
                progress(done, total)
        return [(task, future.result()) for task, future in zip(tasks, futures, strict=True)]
    finally:
        # On Ctrl-C, or where the disk is full, what has not begun is not begun.
        pool.shutdown(wait=True, cancel_futures=True)


def _threads() -> int:
    """A few: two keep up with a disk, and each holds a buffer."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(4, usable or 1))


def _do(task: _Task, target: _Target) -> int:
    found = 0
    for piece in task:
        if piece.source is None:
            found = checksum(target.content.pieces(piece.offset, piece.size), found)
            continue
        content, offset = piece.source.content, piece.source.offset
        if piece.size >= LARGE and content.is_hole(offset, piece.size):
            # What reads as zeros there does here too: nothing is written.
            found = combined(found, of_zeros(piece.size), piece.size)
            continue
        at = piece.offset
        for part in content.pieces(offset, piece.size):
            found = checksum((part,), found)
            target.write(part, at)
            at += len(part)
        if at != piece.offset + piece.size:
            raise OSError(f"the source ends {piece.offset + piece.size - at} bytes too early")
    return found


def _check_sources(pieces: Sequence[_Piece], sums: Sequence[tuple[_Task, int]]) -> None:
    """Compare every file that was read with its checksum, without reading large values again."""
    known: dict[int, dict[int, tuple[int, int]]] = {}
    contents: dict[int, Content] = {}
    for piece in pieces:
        if piece.source is not None and piece.source.content.recorded is not None:
            contents[id(piece.source.content)] = piece.source.content
    for task, found in sums:
        source = task[0].source
        if source is not None and len(task) == 1 and _is_large(task[0]):
            known.setdefault(id(source.content), {})[source.offset] = (source.size, found)
    for key, content in contents.items():
        content.compare(_whole(content, known.get(key, {})))


def _whole(content: Content, known: dict[int, tuple[int, int]]) -> int:
    """The checksum of a content, of which that of some stretches is known."""
    found = at = 0
    for offset, (size, one) in sorted(known.items()):
        if offset < at:
            continue  # Two variables that are one value, or overlap.
        found = checksum(content.pieces(at, offset - at), found)
        found = combined(found, one, size)
        at = offset + size
    return checksum(content.pieces(at, len(content) - at), found)
