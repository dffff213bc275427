"""Plans in cold processes, beside the import of Keras."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import PATCHSPEC, in_turn, one

MODEL = "EfficientNetB7"
PATCHES = {
    "no new shapes (freeze, rename, dropouts)": [
        {"op": "freeze", "layers": "block1*"},
        {"op": "rename", "layers": "top_conv", "name": "last_conv"},
        {
            "op": "insert",
            "after": "top_activation",
            "new": {"class": "Dropout", "name": "more_drop", "config": {"rate": 0.2}},
        },
    ],
    "new layers of common classes": [
        {
            "op": "replace",
            "layers": "predictions",
            "new": {
                "class": "Dense",
                "name": "head",
                "config": {"units": 10},
                "weights": "init",
            },
        },
        {
            "op": "insert",
            "after": "top_activation",
            "new": {"class": "BatchNormalization", "name": "more_norm"},
        },
    ],
    "a new layer that only Keras knows": [
        {
            "op": "insert",
            "after": "avg_pool",
            "new": {
                "class": "SpectralNormalization",
                "name": "sn",
                "config": {
                    "layer": {
                        "class": "Dense",
                        "name": "inside",
                        "config": {"units": 2560},
                    },
                },
            },
        },
    ],
}
TARGETS = ("0.5 s", "2 s", "2 s")


def lines() -> Iterator[str]:
    """One line for each patch."""
    with tempfile.TemporaryDirectory() as made:
        base = Path(made) / "base.keras"
        one([sys.executable, "-m", "benchmarks.rewriting", "application", MODEL, str(base)])
        commands = {"keras": (sys.executable, "-c", "import keras")}
        for number, (what, steps) in enumerate(PATCHES.items()):
            patch = Path(made) / f"{number}.patchspec.yaml"
            patch.write_text(json.dumps({"patchspec": 1, "operations": steps}))
            commands[what] = (*PATCHSPEC, "plan", str(base), str(patch))
        found = in_turn(commands)
        keras = found["keras"]
        yield f"`import keras`: {keras}"
        for what, target in zip(PATCHES, TARGETS, strict=True):
            yield (
                f"{MODEL}, {what}: {found[what]} (target {target}), "
                f"{keras.seconds / found[what].seconds:.1f} times as fast as the import"
            )
