"""Keras 3's own drift: its HDF5 files leave out where classes are defined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.layers.table import layer_class, refusal
from patchspec.models.dialects.notes import Notes, Upgraded

Entry = dict[str, Any]
ROOMS = {
    "core": {
        "AssociativeScan", "Cast", "Cond", "ConvertToTensor", "ForiLoop", "Map", "SaturateCast",
        "Scan", "Scatter", "ScatterUpdate", "Slice", "SliceUpdate", "StopGradient", "Switch",
        "Unstack", "VectorizedMap", "WhileLoop",
    },
    "einops": {"Rearrange"},
    "image": {
        "AffineTransform", "CropImages", "ElasticTransform", "ExtractPatches", "GaussianBlur",
        "HSVToRGB", "MapCoordinates", "PadImages", "PerspectiveTransform", "RGBToGrayscale",
        "RGBToHSV", "Resize", "SSIM", "ScaleAndTranslate", "SobelEdges",
    },
    "linalg": {
        "Cholesky", "CholeskyInverse", "Det", "Eig", "Eigh", "Inv", "JVP", "Lstsq", "LuFactor",
        "MatrixRank", "Norm", "Pinv", "Qr", "SVD", "Solve", "SolveTriangular",
    },
    "math": {
        "CDist", "Erf", "Erfc", "Erfinv", "ExtractSequences", "FFT", "FFT2", "IFFT2", "IRFFT",
        "ISTFT", "InTopK", "Logdet", "Logsumexp", "RFFT", "Rsqrt", "STFT", "SegmentMax",
        "SegmentMin", "SegmentProd", "SegmentReduction", "SegmentSum", "TopK", "ViewAsComplex",
        "ViewAsReal",
    },
    "nn": {
        "AdaptiveAveragePool", "AdaptiveMaxPool", "AveragePool", "BatchNorm", "BinaryCrossentropy",
        "CTCDecode", "CTCLoss", "CategoricalCrossentropy", "Celu", "Conv", "ConvTranspose",
        "DepthToSpace", "DepthwiseConv", "DotProductAttention", "Elu", "Fold", "Gelu", "Glu",
        "HardShrink", "HardSigmoid", "HardSilu", "HardTanh", "LayerNorm", "LeakyRelu",
        "LogSigmoid", "LogSoftmax", "MaxPool", "Moments", "MultiHot", "Normalize", "OneHot", "PSNR",
        "Polar", "RMSNorm", "Relu", "Relu6", "Selu", "SeparableConv", "Sigmoid", "Silu",
        "SoftShrink", "Softmax", "Softplus", "Softsign", "SpaceToDepth",
        "SparseCategoricalCrossentropy", "SparsePlus", "SparseSigmoid", "Sparsemax", "Squareplus",
        "TanhShrink", "Threshold", "Unfold",
    },
}  # fmt: skip
"""The operations that are not in `keras.src.ops.numpy`."""


def upgrade(document: Mapping[str, Any], origin: str) -> Upgraded:
    """The document with modules and registered names at every level."""
    notes = Notes("keras3", origin)
    made = _model(document)
    if "input_layers" in made["config"]:
        made["build_config"] = {"input_shape": None}
    notes.step("", "entries that did not say where their class is defined got its module")
    return notes.result(made)


def _model(entry: Mapping[str, Any]) -> Entry:
    config = entry["config"]
    functional = "input_layers" in config
    module = "keras.src.models.functional" if functional else "keras"
    own = "Functional" if functional else "Sequential"
    named = entry["class_name"] in (own, "Model")
    said = str(entry.get("registered_name") or entry["class_name"])
    return {
        **{k: v for k, v in entry.items() if k != "build_config"},
        "module": module if named else None,
        "class_name": own if named else said.rpartition(">")[2],
        "config": {**config, "layers": [_entry(one) for one in config["layers"]]},
        "registered_name": (own if functional else None) if named else said,
    }


def _entry(entry: Mapping[str, Any]) -> Entry:
    if "module" in entry:
        return dict(entry)
    if isinstance(entry["config"], Mapping) and "layers" in entry["config"]:
        return _model(entry)
    module, name, registered = _head(entry)
    made = {k: v for k, v in entry.items() if k != "build_config"}
    return {**made, "module": module, "class_name": name, "registered_name": registered}


def _head(entry: Mapping[str, Any]) -> tuple[str | None, str, str | None]:
    """Module, class and registered name of an entry that has only a class.

    Operations have no dtype of their own, so a class that is both (`Add`) can be told apart.
    """
    name = str(entry["class_name"])
    if ">" in name:
        return None, name.rpartition(">")[2], name
    config = entry["config"]
    is_layer = "dtype" in config or name == "InputLayer"
    if is_layer and (layer_class(name) or refusal(name)):
        return "keras.layers", name, None
    if is_layer:
        return None, name, name
    room = next((room for room, names in ROOMS.items() if name in names), "numpy")
    return f"keras.src.ops.{room}", name, name
