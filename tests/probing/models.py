"""Models that probes are tried on."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def nested() -> Any:
    """An encoder that is called twice, and a layer that is shared; inputs by name."""
    inside = keras.Input((8,), name="features")
    y = layers.Dense(8, activation="relu", name="dense")(inside)
    encoder = keras.Model(inside, layers.Dropout(0.5, name="drop")(y), name="encoder")
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    shared = layers.Dense(4, activation="gelu", name="shared")
    joined = layers.Concatenate(name="joined")([shared(encoder(a)), shared(encoder(b))])
    out = layers.Dense(2, activation="softmax", name="out")(joined * 2.0)
    return keras.Model({"a": a, "b": b}, out, name="nested")


def masked() -> Any:
    """An embedding whose mask reaches two recurrent layers, one of them giving its states."""
    words = keras.Input((6,), dtype="int32", name="words")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(words)
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True, name="gru"), name="both")(x)
    x, h, c = layers.LSTM(5, return_state=True, name="lstm")(x)
    return keras.Model(words, layers.Add(name="added")([x, h, c]), name="masked")


def chain() -> Any:
    """A Sequential with a Sequential in it."""
    inner = keras.Sequential(
        [layers.Dense(4, activation="tanh", name="one"), layers.Dense(4, name="two")], name="inner"
    )
    return keras.Sequential(
        [keras.Input((3,), name="x"), inner, layers.Dense(2, name="head")], name="chain"
    )


def picture() -> Any:
    """Convolutions with a normalisation."""
    x = image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(image, layers.Dense(3, name="head")(x), name="picture")


def stateful() -> Any:
    """A recurrent layer that goes on where it was, in batches of two."""
    x = keras.Input(batch_shape=(2, 4, 3), name="x")
    return keras.Model(x, layers.LSTM(3, stateful=True, name="lstm")(x), name="stateful")


class Twice(layers.Layer):  # type: ignore[misc]
    """A layer that calls its activation twice."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = keras.activations.relu

    def call(self, x: Any) -> Any:
        return self.activation(self.activation(x) - 1.0)


class Fails(layers.Layer):  # type: ignore[misc]
    """A layer that cannot be run, only called on symbolic tensors."""

    def call(self, x: Any) -> Any:
        raise RuntimeError("this layer never runs")

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, x.dtype)
