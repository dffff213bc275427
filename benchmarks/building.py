"""Building a variant, beside `clone_model` and beside `from_config`, with `set_weights`."""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.commands import quiet

MODELS = ("ResNet50", "EfficientNetB7", "VGG16")
REPEATS = 5
WAYS = ("ours", "clone", "config")


def lines() -> Iterator[str]:
    """For each model: seconds from one process, peak memory from a process for each way."""
    for name in MODELS:
        took = fresh("benchmarks.building", name, "seconds")
        peaks = {way: fresh("benchmarks.building", name, "memory", way) for way in WAYS}
        yield (
            f"{name}: {took['ours']:.2f} s; clone_model {took['clone'] / took['ours']:.1f} times "
            f"as long, from_config {took['config'] / took['ours']:.1f} times (target: 3)"
        )
        yield (
            f"{name}: at its peak {peaks['ours']['peak']:.2f} times the model's "
            f"{peaks['ours']['mb']:.0f} MB on top of it, clone_model {peaks['clone']['peak']:.2f}, "
            f"from_config {peaks['config']['peak']:.2f} (target: the variant, which is 1)"
        )


def fresh(module: str, *arguments: str) -> dict[str, float]:
    """What a benchmark says when it runs in a process of its own."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=quiet())
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def seconds(ways: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """The median of each way, the ways in turn so that the machine's moods hit all."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for repeat in range(REPEATS + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if repeat:
                times[name].append(time.perf_counter() - start)
            gc.collect()
    return {name: statistics.median(measured) for name, measured in times.items()}


def peak(way: Callable[[], Any], size: int) -> float:
    """How far memory rises above what the process holds already, in units of `size` bytes.

    From the kernel's own high-water mark, which Linux lets a process set back.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    kept = way()
    after = _status("VmHWM")
    del kept
    return (after - before) * 1024 / size


def _status(key: str) -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split(f"{key}:")[1].split()[0])


def main(name: str, what: str, which: str = "") -> None:
    """Measure one model and print the figures as JSON."""
    import keras

    import patchspec

    model = getattr(keras.applications, name)(weights=None)
    plan = patchspec.resolve("patchspec: 1\noperations: []\n", model)

    def clone() -> Any:
        made = keras.models.clone_model(model)
        for mine, other in zip(made.layers, model.layers, strict=True):
            mine.set_weights(other.get_weights())
        return made

    def config() -> Any:
        made = type(model).from_config(model.get_config())
        made.set_weights(model.get_weights())
        return made

    ways = {"ours": lambda: patchspec.build(plan), "clone": clone, "config": config}
    if what == "seconds":
        print(json.dumps(seconds(ways)))
        return
    size = 4 * model.count_params()
    print(json.dumps({"peak": peak(ways[which], size), "mb": size / 1e6}))


if __name__ == "__main__":
    main(*sys.argv[1:])
