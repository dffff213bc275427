"""What Keras 2 computes: run by the Python of `.venv/keras2`, which has tf-keras and no patchspec.

    python tests/corpus/keras2_outputs.py OUT_FOLDER FILE...

Writes `<file>.npz` with seeded inputs `in0, in1, ...` and the outputs `out0, ...` of every model
that tf-keras loads, and `failures.json` with what it said about the rest. A file of weights is
given as `ARCHITECTURE=WEIGHTS`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import tf_keras

OPEN = 24
"""The size that stands for an open one."""


def load(path: Path, weights: Path | None):
    if weights is not None:
        model = tf_keras.models.model_from_json(path.read_text())
        model.load_weights(weights)
        return model
    if h5py.is_hdf5(path) and path.suffix == ".keras":
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "model.h5"
            shutil.copy(path, copy)
            return tf_keras.models.load_model(copy, compile=False)
    return tf_keras.models.load_model(path, compile=False)


def highest_index(model) -> int | None:
    sizes = [x.input_dim for x in model._flatten_layers() if type(x).__name__ == "Embedding"]
    return min(sizes) if sizes else None


def inputs_for(model, name: str) -> list[np.ndarray]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    top = highest_index(model)
    found = []
    for tensor in model.inputs:
        shape = [3, *(OPEN if n is None else n for n in tensor.shape[1:])]
        if top is not None:
            found.append(rng.integers(0, top, shape).astype(tensor.dtype.as_numpy_dtype))
        else:
            found.append((rng.normal(size=shape) * 2).astype(tensor.dtype.as_numpy_dtype))
    return found


def main(out: Path, files: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    failures = {}
    for said in files:
        file, _, weights = said.partition("=")
        path = Path(file)
        tf_keras.backend.clear_session()
        try:
            model = load(path, Path(weights) if weights else None)
            given = inputs_for(model, path.name)
            outputs = model(given if len(given) > 1 else given[0], training=False)
            listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            arrays = {f"in{i}": x for i, x in enumerate(given)}
            arrays |= {f"out{i}": np.asarray(x) for i, x in enumerate(listed)}
            np.savez_compressed(out / f"{path.name}.npz", **arrays)
        except Exception as error:  # noqa: BLE001 (whatever tf-keras says is the answer)
            failures[path.name] = f"{type(error).__name__}: {error}"[:300]
    (out / "failures.json").write_text(json.dumps(failures, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
