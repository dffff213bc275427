"""Small configs in old dialects, written by hand, and files of their weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Config = dict[str, Any]


def entrance(name: str = "x", *shape: int | None) -> Config:
    config = {"name": name, "batch_input_shape": [None, *(shape or (4,))], "dtype": "float32"}
    return {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}


def layer(class_name: str, name: str, *sources: Any, **config: Any) -> Config:
    """A layer called once, on these layers or `(layer, call, output)`; keywords are arguments."""
    triples = [[s, 0, 0, {}] if isinstance(s, str) else [*s, {}] for s in sources]
    return {
        "class_name": class_name,
        "name": name,
        "config": {"name": name, "trainable": True, **config},
        "inbound_nodes": [triples] if triples else [],
    }


def model(layers: Sequence[Config], *outputs: Any, name: str = "m") -> Config:
    """A functional model of Keras 2; the last layer is its output unless others are named."""
    ends = [[o, 0, 0] if isinstance(o, str) else list(o) for o in outputs]
    return {
        "class_name": "Model",
        "config": {
            "name": name,
            "layers": list(layers),
            "input_layers": [[x["name"], 0, 0] for x in layers if x["class_name"] == "InputLayer"],
            "output_layers": ends or [[layers[-1]["name"], 0, 0]],
        },
    }


def sequential(*layers: Config) -> Config:
    """A Sequential as Keras up to 2.2.2 wrote it: its config is the list of its layers."""
    bare = [{k: v for k, v in one.items() if k in ("class_name", "config")} for one in layers]
    return {"class_name": "Sequential", "config": bare}


def write_h5(
    path: Path,
    config: Config | None,
    weights: Mapping[str, Mapping[str, Any]],
    *,
    version: str = "2.2.4",
    backend: str | None = "tensorflow",
) -> Path:
    """An HDF5 file as Keras writes it: for each layer its weights by name, in order."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if config is not None else file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = version
        if backend is not None:
            file.attrs["backend"] = backend
        root.attrs["layer_names"] = [name.encode() for name in weights]
        for name, own in weights.items():
            group = root.create_group(name)
            group.attrs["weight_names"] = np.array([said.encode() for said in own], dtype="S")
            for said, value in own.items():
                group.create_dataset(said, data=np.asarray(value, dtype="float32"))
    return path


def ramp(*shape: int, start: float = 1.0) -> np.ndarray[Any, Any]:
    """Values that tell their place."""
    size = int(np.prod(shape))
    return (np.arange(size, dtype="float32") / size + start).reshape(shape)
