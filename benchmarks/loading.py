"""Loading a `.keras` file of a gigabyte, beside `keras.saving.load_model`."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.commands import quiet

REPEATS = 5
WAYS = ("ours", "theirs")


def lines() -> Iterator[str]:
    """Whole processes, and the load alone inside them; the two in turn."""
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / "large.keras"
        _fresh("write", str(path))
        size = path.stat().st_size
        runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
        for _ in range(REPEATS):
            for way in WAYS:
                runs[way].append(_fresh(way, str(path)))
        ours, theirs = ({key: _median(runs[way], key) for key in runs[way][0]} for way in WAYS)
    yield (
        f"{size / 1e9:.2f} GB, the load: {ours['load']:.2f} s, load_model {theirs['load']:.2f} s, "
        f"{theirs['load'] / ours['load']:.1f} times as fast (target: 3)"
    )
    yield (
        f"the whole process: {ours['wall']:.2f} s, with load_model {theirs['wall']:.2f} s, "
        f"{theirs['wall'] / ours['wall']:.1f} times as fast; {ours['import']:.2f} s of each is "
        "the import of Keras"
    )
    yield (
        f"at its peak {ours['peak'] / size:.2f} times the file in memory, load_model "
        f"{theirs['peak'] / size:.2f} times"
    )


def _median(runs: list[dict[str, float]], key: str) -> float:
    return statistics.median(run[key] for run in runs)


def _fresh(*arguments: str) -> dict[str, float]:
    """What a process of its own says, and how long it took as a whole."""
    command = [sys.executable, "-m", "benchmarks.loading", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet())
    wall = time.perf_counter() - start
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**said, "wall": wall}


def _large() -> Any:
    """A model of a few large layers, and of many small ones as real models have them."""
    import keras

    x = inputs = keras.Input((64, 64, 64))
    for number in range(8):
        x = keras.layers.Conv2D(512, 3, padding="same", name=f"conv_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"bn_{number}")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    for number in range(10):
        x = keras.layers.Dense(4096, activation="relu", name=f"dense_{number}")(x)
    return keras.Model(inputs, keras.layers.Dense(16384, name="top")(x))


def _peak() -> int:
    """The most memory that the process ever held, in bytes; on Linux."""
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) * 1024


def main(way: str, path: str) -> None:
    """Write the file, or load it in one of the ways; print what that took as JSON."""
    start = time.perf_counter()
    import keras

    imported = time.perf_counter() - start
    if way == "write":
        _large().save(path)
        print("{}")
        return
    import patchspec

    load = patchspec.load if way == "ours" else keras.saving.load_model
    start = time.perf_counter()
    load(path)
    took = time.perf_counter() - start
    print(json.dumps({"import": imported, "load": took, "peak": _peak()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
