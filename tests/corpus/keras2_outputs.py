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
from keras2_zoo import ZOO
from tf_keras.src.saving.legacy import hdf5_format

OPEN = 24
"""The size that stands for an open one."""


def load(path: Path, weights: Path | None):
    if path.suffix == ".json":
        said = json.loads(path.read_text())
        said = said.get("modelTopology", {}).get("model_config", said)
        model = tf_keras.models.model_from_json(json.dumps(said))
        if weights is not None:
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


def spread(model, name: str) -> None:
    """Give every weight a value that says which one it is; variances stay positive."""
    rng = np.random.default_rng(zlib.crc32(f"{name} weights".encode()))
    values = []
    for weight in model.weights:
        fan = max(int(np.prod(weight.shape[:-1])), 1)
        drawn = rng.normal(size=weight.shape) / np.sqrt(fan if len(weight.shape) > 1 else 9)
        positive = "variance" in weight.name or "gamma" in weight.name
        kept = "count" in weight.name
        values.append(weight.numpy() if kept else np.abs(drawn) + 0.5 if positive else drawn)
    model.set_weights(values)


def record(model, name: str, out: Path) -> None:
    given = inputs_for(model, name)
    passed = given if len(given) > 1 else given[0]
    if isinstance(model.input, dict):
        passed = dict(zip(sorted(model.input), given, strict=True))
    outputs = model(passed, training=False)
    listed = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    arrays = {f"in{i}": x for i, x in enumerate(given)}
    arrays |= {f"out{i}": np.asarray(x) for i, x in enumerate(listed)}
    np.savez_compressed(out / f"{name}.npz", **arrays)


def one_file(said: str, out: Path) -> None:
    """`FILE`, or `ARCHITECTURE=WEIGHTS`; an architecture alone gets weights of its own."""
    file, _, weights = said.partition("=")
    path = Path(file)
    model = load(path, Path(weights) if weights else None)
    if path.suffix == ".json" and not weights:
        spread(model, path.name)
        legacy_weights(model, out / f"{path.name}.weights.h5")
    record(model, path.name, out)


def legacy_weights(model, path: Path) -> None:
    """Weights alone, as Keras 2 wrote them under a name that does not end in `.weights.h5`."""
    with h5py.File(path, "w") as file:
        hdf5_format.save_weights_to_hdf5_group(file, model)


def one_of_the_zoo(name: str, out: Path) -> None:
    model = ZOO[name]()
    spread(model, name)
    for suffix in ("h5", "keras"):
        model.save(out / f"{name}.{suffix}")
        record(model, f"{name}.{suffix}", out)


def main(out: Path, files: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    failures = {}
    jobs = [(said, one_file) for said in files] + [(name, one_of_the_zoo) for name in ZOO]
    for said, job in jobs:
        tf_keras.backend.clear_session()
        try:
            job(said, out)
        except Exception as error:  # noqa: BLE001 (whatever tf-keras says is the answer)
            name = Path(said.partition("=")[0]).name
            failures[name] = f"{type(error).__name__}: {error}"[:300]
    (out / "failures.json").write_text(json.dumps(failures, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
