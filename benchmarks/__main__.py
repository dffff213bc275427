"""Run every benchmark, print its lines, and write them down.

`python -m benchmarks NAME...` runs some of them, and leaves what is written of the others.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from datetime import datetime
from importlib import metadata
from pathlib import Path

from benchmarks import building, commands, growth, loading, page, planning, resolving, rewriting

ALL = {
    "rewriting": rewriting,
    "planning": planning,
    "building": building,
    "loading": loading,
    "growth": growth,
    "commands": commands,
    "resolving": resolving,
    "page": page,
}
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(names: list[str]) -> None:
    """Print what every benchmark finds, as it finds it, and write it down once it is through."""
    for name in names or ALL:
        title = _title(name)
        print(f"\n{title}", flush=True)
        found = []
        for line in ALL[name].lines():
            print(f"  {line}", flush=True)
            found.append(line)
        _write_down(name, found)


def _title(name: str) -> str:
    return (ALL[name].__doc__ or "").splitlines()[0]


def _write_down(name: str, found: list[str]) -> None:
    """Put the lines of one benchmark in the place of what was written of it."""
    text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
    kept = {part.splitlines()[0]: part for part in text.split("\n## ")[1:]}
    told = [f"{_title(name)}", "", f"`python -m benchmarks {name}`", "", "```text", *found, "```"]
    kept[_title(name)] = "".join(f"{line}\n" for line in told)
    ordered = [kept[_title(one)] for one in ALL if _title(one) in kept]
    head = "".join(f"{line}\n" for line in _head())
    RESULTS.write_text("\n## ".join([head, *ordered]), encoding="utf-8")


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
