"""Real architectures with every bit of their state random, and nothing downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import keras
import numpy as np

A = keras.applications

ARCHITECTURES: Mapping[str, Callable[[], Any]] = {
    "ResNet50": lambda: A.ResNet50(weights=None, input_shape=(32, 32, 3)),
    "MobileNetV2": lambda: A.MobileNetV2(weights=None, input_shape=(32, 32, 3)),
    "MobileNetV3Small": lambda: A.MobileNetV3Small(weights=None, input_shape=(32, 32, 3)),
    "EfficientNetB0": lambda: A.EfficientNetB0(weights=None, input_shape=(32, 32, 3)),
    "EfficientNetV2B0": lambda: A.EfficientNetV2B0(weights=None, input_shape=(32, 32, 3)),
    "DenseNet121": lambda: A.DenseNet121(weights=None, input_shape=(32, 32, 3)),
    "InceptionV3": lambda: A.InceptionV3(weights=None, input_shape=(75, 75, 3)),
    "Xception": lambda: A.Xception(weights=None, input_shape=(71, 71, 3)),
    "NASNetMobile": lambda: A.NASNetMobile(weights=None, input_shape=(32, 32, 3)),
    "ConvNeXtTiny": lambda: A.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3)),
    "VGG16": lambda: A.VGG16(weights=None, input_shape=(32, 32, 3)),
    "InceptionResNetV2": lambda: A.InceptionResNetV2(weights=None, input_shape=(75, 75, 3)),
    "EfficientNetB7": lambda: A.EfficientNetB7(weights=None, input_shape=(32, 32, 3)),
}


def randomised(model: Any, seed: int = 0) -> Any:
    """The model with every variable random: statistics between 0.5 and 1.5, the rest small."""
    random = np.random.default_rng(seed)
    for layer in model._flatten_layers(include_self=False):
        for variable in layer._trainable_variables + layer._non_trainable_variables:
            shape = tuple(variable.shape)
            if not np.issubdtype(np.dtype(variable.dtype), np.floating):
                continue
            spread = "mean" in variable.name or "variance" in variable.name or len(shape) < 2
            low, high = (0.5, 1.5) if spread else (-0.1, 0.1)
            variable.assign(random.uniform(low, high, shape).astype(variable.dtype))
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()
    return model


@cache
def zoo(name: str) -> Any:
    """An architecture with random state, made once; tests must not change it."""
    keras.backend.clear_session()
    return randomised(ARCHITECTURES[name]())


def image(model: Any, batch: int = 2, seed: int = 1) -> Any:
    """A random batch that fits the model's one input."""
    shape = model.inputs[0].shape[1:]
    return np.random.default_rng(seed).uniform(0, 255, (batch, *shape)).astype("float32")


def values(model: Any) -> dict[str, Any]:
    """Every variable by path, as copies."""
    return {v.path: np.array(v) for v in model.variables}
