"""Commands from a cold start: the whole process, beside an interpreter that does nothing."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MODELS = ("EfficientNetB7", "NASNetLarge")
STEPS = 20


def quiet() -> dict[str, str]:
    """The environment, with TensorFlow's chatter off."""
    return {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}


def lines() -> Iterator[str]:
    """`validate`, then `plan` without and with shapes."""
    nothing = wall(["-c", "pass"], 9)
    with tempfile.TemporaryDirectory() as made:
        patch = Path(made) / "p.patchspec.yaml"
        for name in MODELS:
            base = Path(made) / f"{name}.json"
            _fresh_json(name, base)
            _write_patch(base, patch)
            if name == MODELS[0]:
                took = wall(["-m", "patchspec", "validate", str(patch)], 9)
                yield (
                    f"validate, {STEPS} operations: {took:.2f} s (target 0.25 s), "
                    f"{took / nothing:.0f} times `python -c pass`"
                )
            command = ["-m", "patchspec", "plan", str(base), str(patch)]
            bare, full = wall([*command, "--no-shapes"], 5), wall(command, 3)
            yield (
                f"plan, {STEPS} operations on {name}: {bare:.2f} s without shapes (target 1 s), "
                f"{full:.2f} s with them, {full / bare:.1f} times"
            )


def wall(arguments: list[str], repeats: int) -> float:
    """The median seconds of a fresh interpreter."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, *arguments], check=False, capture_output=True, text=True, env=quiet()
        )
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise RuntimeError(done.stderr)
    return statistics.median(times)


def _fresh_json(name: str, path: Path) -> None:
    """Write an application's architecture, by a process whose memory is not ours."""
    code = (
        "import sys, keras\n"
        f"model = keras.applications.{name}(weights=None)\n"
        "open(sys.argv[1], 'w').write(model.to_json())"
    )
    command = [sys.executable, "-c", code, str(path)]
    subprocess.run(command, check=True, capture_output=True, env=quiet())


def _write_patch(base: Path, patch: Path) -> None:
    """A Dropout after each of the first activations."""
    layers = json.loads(base.read_text())["config"]["layers"]
    names = [said["config"]["name"] for said in layers if said["class_name"] == "Activation"]
    steps = [
        {
            "op": "insert",
            "after": name,
            "new": {"class": "Dropout", "name": f"drop_{i}", "config": {"rate": 0.1}},
        }
        for i, name in enumerate(names[:STEPS])
    ]
    patch.write_text(json.dumps({"patchspec": 1, "operations": steps}))
