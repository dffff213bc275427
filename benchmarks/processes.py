"""Whole processes: how long they took and how much memory they held, in turn with their peers."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.commands import quiet

REPEATS = 5
PATCHSPEC = (sys.executable, "-m", "patchspec")


@dataclass(frozen=True)
class Cost:
    """The median seconds and the median peak of resident memory, in bytes."""

    seconds: float
    memory: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s, {self.memory / 2**20:,.0f} MiB"


def one(command: Sequence[str]) -> Cost:
    """What one process cost, from its start to its end; raises RuntimeError where it failed."""
    start = time.perf_counter()
    started = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=quiet()
    )
    assert started.stderr is not None
    said = started.stderr.read()
    _, status, used = os.wait4(started.pid, 0)
    took = time.perf_counter() - start
    started.returncode = os.waitstatus_to_exitcode(status)
    started.stderr.close()
    if started.returncode:
        raise RuntimeError(f"{' '.join(command)}: {said.decode()}")
    return Cost(took, used.ru_maxrss * 1024)


def in_turn(
    commands: Mapping[str, Sequence[str]],
    repeats: int = REPEATS,
    before: Callable[[], None] = lambda: None,
) -> dict[str, Cost]:
    """The medians of each command, all in turn so that the machine's moods hit them alike.

    A first round, which brings files into memory, is not counted. `before` runs before each.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for repeat in range(repeats + 1):
        for name, command in commands.items():
            before()
            cost = one(command)
            if repeat:
                costs[name].append(cost)
    return {
        name: Cost(
            statistics.median(c.seconds for c in found), statistics.median(c.memory for c in found)
        )
        for name, found in costs.items()
    }


def gone(*paths: Path) -> Callable[[], None]:
    """Removes files, so that each command writes to a fresh name."""

    def remove() -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    return remove
