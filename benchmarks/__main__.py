"""Run every benchmark, print its lines, and write them down.

`python -m benchmarks NAME...` runs some of them and writes nothing.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path

from benchmarks import building, commands, growth, loading, planning, resolving, rewriting

ALL = {
    "rewriting": rewriting,
    "planning": planning,
    "building": building,
    "loading": loading,
    "growth": growth,
    "commands": commands,
    "resolving": resolving,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(names: list[str]) -> None:
    """Print what every benchmark finds, as it finds it."""
    told = [f"{line}\n" for line in _head()]
    for name in names or ALL:
        title = (ALL[name].__doc__ or "").splitlines()[0]
        told.append(f"\n## {title}\n\n`python -m benchmarks {name}`\n\n```text\n")
        print(f"\n{title}", flush=True)
        for line in ALL[name].lines():
            print(f"  {line}", flush=True)
            told.append(f"{line}\n")
        told.append("```\n")
    if not names:
        RESULTS.write_text("".join(told), encoding="utf-8")


def _head() -> Iterator[str]:
    packages = ("keras", "tensorflow", "jax", "h5py", "numpy")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in packages)
    yield "# What patchspec costs"
    yield ""
    yield (
        "Written by `make bench`. Whole processes, medians of five (of three for the curves), "
        "peers in turn in one run; every figure comes from the command above it."
    )
    yield ""
    yield f"Machine: {_processor()}, {_cores()} cores, {_memory()} GiB, {platform.system()}."
    yield ""
    yield f"Python {platform.python_version()}, {versions}; {datetime.now().date()}."  # noqa: DTZ005


def _processor() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return text.split("model name")[1].split(":")[1].splitlines()[0].strip()


def _cores() -> int:
    import os

    return len(os.sched_getaffinity(0))


def _memory() -> int:
    text = Path("/proc/meminfo").read_text(encoding="utf-8")
    return round(int(text.split("MemTotal:")[1].split()[0]) / 2**20)


if __name__ == "__main__":
    main(sys.argv[1:])
