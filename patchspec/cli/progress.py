"""How far something is that lasts: how much and how fast, on a terminal alone, after a second."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patchspec.models.streaming import Progress

PATIENCE = 1.0
"""Seconds in which nothing is said."""
_EVERY = 0.1
_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_WIDTH = 24


def size(count: float) -> str:
    """Bytes as people read them, in powers of a thousand."""
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:  # noqa: PLR2004 (a step of the prefixes)
        count, unit = count / 1000, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit < 2 else f"{count:.1f} {_UNITS[unit]}"  # noqa: PLR2004


def number(count: float) -> str:
    """A count, or a rate that may be below one."""
    return f"{count:,.1f}" if 0 < count < 10 and count % 1 else f"{count:,.0f}"  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Scale:
    """How that is said which a bar counts."""

    told: Callable[[float], str]
    unit: str = ""
    """What is counted, where `told` does not say it."""


BYTES = Scale(size)
SAMPLES = Scale(number, " samples")


@contextmanager
def bar(
    what: str,
    clock: Callable[[], float] = time.monotonic,
    scale: Scale = BYTES,
) -> Iterator[Progress]:
    """Something to tell of progress; what it draws on stderr is gone at the end in any case."""
    drawing = _Bar(what, clock, scale)
    try:
        yield drawing
    finally:
        drawing.clear()


class _Bar:
    def __init__(self, what: str, clock: Callable[[], float], scale: Scale) -> None:
        self._what = what
        self._scale = scale
        self._clock = clock
        self._start = self._last = clock()
        self._wanted = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        now = self._clock()
        if not self._wanted or now - self._start < PATIENCE or now - self._last < _EVERY:
            return
        self._last, self._shown = now, True
        line = drawn(self._what, done, total, now - self._start, self._scale)
        columns = shutil.get_terminal_size().columns
        sys.stderr.write(f"\r\x1b[K{line[: columns - 1]}")
        sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def drawn(what: str, done: int, total: int, seconds: float, scale: Scale = BYTES) -> str:
    """One line: a bar, how much of all, the rate and what is left of the time."""
    share = done / total if total else 1.0
    full = int(share * _WIDTH)
    rate = done / seconds if seconds else 0.0
    left = f", {(total - done) / rate:.0f} s left" if rate and done < total else ""
    filled = f"{'#' * full}{'.' * (_WIDTH - full)}"
    far = f"{scale.told(done)} of {scale.told(total)}{scale.unit}, {scale.told(rate)}/s"
    return f"{what} [{filled}] {share:4.0%}  {far}{left}"
