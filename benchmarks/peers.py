"""What people do without patchspec, as scripts: each a process that leaves a patched `.keras` file.

    python -m benchmarks.peers rebuild BASE.keras EDITED.json OUT.keras
    python -m benchmarks.peers clone BASE.keras OUT.keras

`rebuild` is given the edited config, and a map of the layers that stay: editing costs it nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def rebuild(base: str, edited: str, out: str) -> None:
    """Load, make the edited model, carry weights over layer by layer, save."""
    import keras

    said = json.loads(Path(edited).read_text())
    model = keras.saving.load_model(base)
    variant = keras.Model.from_config(said["config"])
    for name, origin in said["origins"].items():
        if origin is not None:
            variant.get_layer(name).set_weights(model.get_layer(origin).get_weights())
    variant.save(out)


def clone(base: str, out: str) -> None:
    """Load, clone, carry weights over layer by layer, put a new head on, save.

    As keras-surgeon works, and the easiest part of the patch alone.
    """
    import keras

    model = keras.saving.load_model(base)
    copy = keras.models.clone_model(model)
    for mine, theirs in zip(copy.layers, model.layers, strict=True):
        mine.set_weights(theirs.get_weights())
    head = keras.layers.Dense(10, activation="softmax", name="new_head")
    keras.Model(copy.input, head(copy.layers[-2].output)).save(out)


if __name__ == "__main__":
    {"rebuild": rebuild, "clone": clone}[sys.argv[1]](*sys.argv[2:])
