"""Small networks with the layer names that real surgeries speak of, and their custom objects."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as L

from tests.zoo import A


@keras.saving.register_keras_serializable("kecam")
class DropConnect(L.Layer):
    """Adds two branches, of which the second is dropped for some samples while it trains."""

    def __init__(self, rate: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate

    def call(self, inputs: Any) -> Any:
        return inputs[0] + inputs[1]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


@keras.saving.register_keras_serializable("tfmot")
class QuantizeLayer(L.Layer):
    """Rounds to 256 steps."""

    def call(self, inputs: Any) -> Any:
        return keras.ops.round(inputs * 255.0) / 255.0


@keras.saving.register_keras_serializable("gradcam")
def guided_relu(x: Any) -> Any:
    return keras.ops.relu(x)


@keras.saving.register_keras_serializable("captcha")
class CTCLayer(L.Layer):
    """Adds a loss of the labels and hands its predictions on."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        self.add_loss(keras.ops.mean(y_true))
        return y_pred


CUSTOM = {
    "DropConnect": DropConnect,
    "QuantizeLayer": QuantizeLayer,
    "guided_relu": guided_relu,
    "CTCLayer": CTCLayer,
}


def nested_mobilenet() -> Any:
    """MobileNetV2 as one layer under a head."""
    base = A.MobileNetV2(weights=None, input_shape=(32, 32, 3), include_top=False)
    base.name = "base"
    i = keras.Input((32, 32, 3))
    return keras.Model(i, L.Dense(3, name="head")(L.GlobalAveragePooling2D(name="gap")(base(i))))


def deep_moji() -> Any:
    """An embedding of 50,000 words, two recurrent layers and a classifier of 64 emoji."""
    i = keras.Input((30,), dtype="int32", name="words")
    x = L.Embedding(50000, 8, name="embedding")(i)
    x = L.Bidirectional(L.LSTM(6, return_sequences=True), name="bi_lstm_0")(x)
    x = L.GlobalMaxPooling1D(name="pool")(x)
    return keras.Model(i, L.Dense(64, activation="softmax", name="softmax")(x))


def captcha() -> Any:
    """An image and its label in, a CTC layer out; `dense2` is what serves."""
    image = keras.Input((50, 200, 1), name="image")
    label = keras.Input((None,), name="label")
    x = L.MaxPooling2D(4, name="pool")(L.Conv2D(4, 3, padding="same", name="Conv1")(image))
    x = L.Dense(8, name="dense1")(L.Reshape((50, 48), name="reshape")(x))
    x = L.Dense(21, activation="softmax", name="dense2")(x)
    return keras.Model([image, label], CTCLayer(name="ctc_loss")(label, x))


def char_cnn() -> Any:
    """A stack over characters that ends in Dense, relu, Dropout, Dense and softmax."""
    return keras.Sequential(
        [
            keras.Input((60, 12)),
            L.Conv1D(8, 5, name="conv"),
            L.GlobalMaxPooling1D(name="pool"),
            L.Dense(16, name="d1"),
            L.Activation("relu", name="a1"),
            L.Dropout(0.5, name="drop1"),
            L.Dense(6, name="d2"),
            L.Activation("softmax", name="a2"),
        ]
    )


def stack() -> Any:
    """A Sequential of three dense layers."""
    return keras.Sequential(
        [keras.Input((4,)), *(L.Dense(5 - n, name=f"dense_{n}") for n in range(3))]
    )


BLOCKS = 18
WIDER = 17
"""The block that is wider in the new architecture than it was in the old."""


def load_old() -> Any:
    """The old model, whose weights are wanted."""
    i = keras.Input((8, 8, 3), name="x")
    x = L.Conv2D(4, 3, padding="same", name="conv1")(i)
    for n in range(1, BLOCKS + 1):
        x = L.Conv2D(4 if n < BLOCKS else 64, 1, name=f"stage1_{n}")(x)
    x = L.Dense(32, name="embed")(L.GlobalAveragePooling2D(name="pool")(x))
    model = keras.Model(i, L.Dense(10, name="fc")(x))
    random = np.random.default_rng(3)
    model.set_weights([random.normal(size=w.shape) for w in model.get_weights()])
    return model


def new_architecture() -> Any:
    """The new one: other names, two wider blocks, and a convolution for the dense embedding."""
    i = keras.Input((8, 8, 3), name="x")
    x = L.Conv2D(4, 3, padding="same", name="stem")(i)
    for n in range(1, BLOCKS + 1):
        size = 3 if n == WIDER - 1 else 1
        x = L.Conv2D(4 if n < WIDER else 64, size, padding="same", name=f"block_a_{n}")(x)
        if n % 6 == 0:
            x = L.ReLU(name=f"relu_{n}")(x)
    x = L.GlobalAveragePooling2D(name="pool")(L.Conv2D(32, 1, name="embed")(x))
    return keras.Model(i, L.Dense(10, name="head")(x))


def tiny_xception() -> Any:
    """A classifier of faces in four residual blocks, named as the public one is."""
    i = keras.Input((64, 64, 1), name="input_1")
    x = i
    for n in (1, 2):
        x = L.Conv2D(5, 3, use_bias=False, name=f"conv2d_{n}")(x)
        x = L.BatchNormalization(name=f"batch_normalization_{n}")(x)
        x = L.Activation("relu", name=f"activation_{n}")(x)
    for n, filters in enumerate((8, 16, 32, 64), 1):
        side = L.Conv2D(
            filters, 1, strides=2, padding="same", use_bias=False, name=f"conv2d_{n + 2}"
        )(x)
        for m in (2 * n - 1, 2 * n):
            x = L.SeparableConv2D(
                filters, 3, padding="same", use_bias=False, name=f"separable_conv2d_{m}"
            )(x)
            if m % 2:
                x = L.Activation("relu", name=f"activation_{n + 2}")(x)
        x = L.MaxPooling2D(3, 2, padding="same", name=f"max_pooling2d_{n}")(x)
        x = L.Add(name=f"add_{n}")([x, side])
    x = L.Conv2D(7, 3, padding="same", name="conv2d_7")(x)
    x = L.GlobalAveragePooling2D(name="global_average_pooling2d_1")(x)
    return keras.Model(i, L.Activation("softmax", name="predictions")(x))
