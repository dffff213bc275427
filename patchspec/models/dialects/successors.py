"""Classes that Keras 3 no longer has, and what computes exactly the same there.

One layer may become several in a row; the last of them keeps the name, so that whoever read the
old layer reads its successor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patchspec.models.dialects.notes import Notes

Made = tuple[str, dict[str, Any]]
"""A class and the config that it gets."""
Successor = Callable[[dict[str, Any], str, Notes], list[Made]]

REMOVED = {
    # Keras 0 and 1
    "AutoEncoder",
    "Highway",
    "JZS1",
    "JZS2",
    "JZS3",
    "ParametricSoftplus",
    "SReLU",
    "TimeDistributedMerge",
    # Keras 2
    "ClassMethod",
    "DenseFeatures",
    "InstanceMethod",
    "InstanceProperty",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "ModuleWrapper",
    "RandomFourierFeatures",
    "SequenceFeatures",
    "SlicingOpLambda",
    "TFOpLambda",
    "TensorFlowOpLayer",
}
"""Layers of Keras's own without a successor; `operations.py` takes some of the last ones first."""


def _cudnn(kind: str) -> Successor:
    """The layer on cuDNN is the general one with the flags that cuDNN implies.

    cuDNN keeps its kernels transposed and a bias for the inputs beside one for the state.
    """

    def made(config: dict[str, Any], path: str, notes: Notes) -> list[Made]:
        flags: dict[str, Any] = {
            "activation": "tanh",
            "recurrent_activation": "sigmoid",
            "use_bias": True,
            "unroll": False,
        }
        if kind == "GRU":
            flags["reset_after"] = True
        notes.convert(f"{path}/cell", f"cudnn-{kind.lower()}")
        notes.step(path, f"`CuDNN{kind}` became `{kind}` with the flags that cuDNN implies")
        return [(kind, {**config, **flags})]

    return made


def _thresholded(config: dict[str, Any], path: str, notes: Notes) -> list[Made]:
    """`x if x > theta else 0`, which is what `ReLU` computes with a threshold."""
    notes.step(path, "`ThresholdedReLU` became `ReLU` with `threshold`")
    rest = {key: value for key, value in config.items() if key != "theta"}
    return [("ReLU", {**rest, "threshold": number(config.get("theta", 1.0))})]


MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}


def _merge(config: dict[str, Any], path: str, notes: Notes) -> list[Made]:
    """`Merge` by its mode; a mode that is a function is refused."""
    mode = config.get("mode", "sum")
    kind = MERGES.get(mode) if isinstance(mode, str) else None
    said = ("name", "trainable", "dtype")
    kept: dict[str, Any] = {key: config[key] for key in said if key in config}
    if kind is None or config.get("mode_type", "raw") != "raw":
        notes.no_successor("Merge", path, "whose mode is code")
        return [("Add", kept)]
    if kind == "Concatenate":
        kept["axis"] = config.get("concat_axis", -1)
    elif kind == "Dot":
        axes = config.get("dot_axes", -1)
        kept |= {"axes": _dot_axes(axes), "normalize": mode == "cos"}
    notes.step(path, f"`Merge` with the mode `{mode}` became `{kind}`")
    return [(kind, kept)]


def _dot_axes(axes: Any) -> Any:
    """One axis for each input; Keras 1 also took them wrapped in lists."""
    if isinstance(axes, list):
        return [axis[0] if isinstance(axis, list) else axis for axis in axes]
    return axes


def maxout(config: dict[str, Any], path: str, notes: Notes) -> list[Made]:
    """The largest of several affine maps: one `Dense` of all, reshaped, and a maximum.

    `GlobalMaxPooling1D` takes the maximum over the second axis, which holds the maps here.
    """
    name = str(config["name"])
    units, maps = int(config["output_dim"]), int(config.get("nb_feature", 4))
    said = ("trainable", "dtype")
    common: dict[str, Any] = {key: config[key] for key in said if key in config}
    dense = {
        key: value
        for key, value in config.items()
        if key not in ("nb_feature", "output_dim", "activation")
    }
    outer, _, _ = path.rpartition("/")
    owner = f"{outer}/{name}_maps" if outer else f"{name}_maps"
    notes.convert(owner, "maxout")
    notes.sources.append((owner, path))
    notes.step(path, "`MaxoutDense` became `Dense`, `Reshape` and a maximum, with the same weights")
    return [
        ("Dense", {**dense, "name": f"{name}_maps", "units": units * maps}),
        ("Reshape", {**common, "name": f"{name}_by_map", "target_shape": [maps, units]}),
        ("GlobalMaxPooling1D", {**common, "name": name}),
    ]


def _renamed(kind: str, **more: Any) -> Successor:
    def made(config: dict[str, Any], _path: str, _notes: Notes) -> list[Made]:
        return [(kind, {**config, **more})]

    return made


SUCCESSORS: Mapping[str, Successor] = {
    "Merge": _merge,
    "ThresholdedReLU": _thresholded,
    "CuDNNLSTM": _cudnn("LSTM"),
    "CuDNNGRU": _cudnn("GRU"),
    "MaxoutDense": maxout,
    "SyncBatchNormalization": _renamed("BatchNormalization", synchronized=True),
}


_VERSIONED = {
    f"{name}{version}": name
    for name in ("BatchNormalization", "DenseFeatures", "GRU", "GRUCell", "LSTM", "LSTMCell")
    for version in ("V1", "V2")
} | {"UnifiedGRU": "GRU", "UnifiedLSTM": "LSTM"}


def own_name(class_name: str) -> str:
    """The class without the version that TensorFlow put behind some names."""
    return _VERSIONED.get(class_name, class_name)


def number(value: Any) -> Any:
    """A number that Keras 2 may have stored as an array of one."""
    if isinstance(value, Mapping) and "value" in value:
        value = value["value"]
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value
