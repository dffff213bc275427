"""The models that the examples of the reference are patches for."""

from __future__ import annotations

import keras
from keras import layers


def small() -> keras.Model:
    """A stem, two residual blocks and a head of two dense layers."""
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 3, 2, padding="same", activation="silu", name="stem")(image)
    for block in ("block1", "block2"):
        y = layers.Conv2D(8, 3, padding="same", use_bias=False, name=f"{block}_conv")(x)
        y = layers.BatchNormalization(name=f"{block}_norm")(y)
        x = layers.Add(name=f"{block}_add")([x, y])
        x = layers.ReLU(name=f"{block}_relu")(x)
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    x = layers.Dense(8, activation="relu", name="fc1")(x)
    predictions = layers.Dense(10, activation="softmax", name="predictions")(x)
    return keras.Model(image, predictions, name="small")


def frozen() -> keras.Model:
    """`small`, of which only `predictions` trains."""
    model = small()
    for layer in model.layers[:-1]:
        layer.trainable = False
    return model


def compiled() -> keras.Model:
    """`small`, compiled and trained for a step, so that the optimizer has state."""
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(keras.ops.zeros((2, 16, 16, 3)), keras.ops.zeros((2,)), verbose=0)
    return model


def dense() -> keras.Model:
    """One dense layer and its activation."""
    x = keras.Input((8,), name="x")
    y = layers.Dense(8, name="fc1")(x)
    return keras.Model(x, layers.Activation("relu", name="relu")(y), name="dense")


def nested() -> keras.Model:
    """An encoder as one layer under a head."""
    inside = keras.Input((8,), name="features")
    y = layers.Dense(8, activation="relu", name="dense")(inside)
    encoder = keras.Model(inside, layers.Dropout(0.1, name="drop")(y), name="encoder")
    x = keras.Input((8,), name="x")
    return keras.Model(x, layers.Dense(3, name="head")(encoder(x)), name="nested")


def shared() -> keras.Model:
    """One dense layer called on two inputs."""
    a, b = keras.Input((8,), name="a"), keras.Input((8,), name="b")
    twice = layers.Dense(4, name="twice")
    joined = layers.Concatenate(name="joined")([twice(a), twice(b)])
    return keras.Model([a, b], layers.Dense(1, name="score")(joined), name="shared")


def text() -> keras.Model:
    """Words, masked where they are 0, read by an LSTM that also gives its states."""
    words = keras.Input((12,), dtype="int32", name="words")
    x = layers.Embedding(100, 8, mask_zero=True, name="embedding")(words)
    x, h, _ = layers.LSTM(6, return_state=True, name="lstm")(x)
    joined = layers.Concatenate(name="joined")([x, h])
    return keras.Model(words, layers.Dense(2, name="label")(joined), name="text")


def unet() -> keras.Model:
    """Two levels down, two up, and a skip on each."""
    x = image = keras.Input((16, 16, 3), name="image")
    skips = []
    for level, width in ((1, 8), (2, 16)):
        for place in (1, 2):
            name = f"enc{level}_conv{place}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
        skips.append(x)
        x = layers.MaxPooling2D(name=f"enc{level}_pool")(x)
    x = layers.Conv2D(32, 3, padding="same", activation="relu", name="bottom")(x)
    for level, width in ((2, 16), (1, 8)):
        x = layers.Conv2DTranspose(width, 2, 2, name=f"dec{level}_up")(x)
        x = layers.Concatenate(name=f"dec{level}_concat")([x, skips[level - 1]])
        for place in (1, 2):
            name = f"dec{level}_conv{place}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=name)(x)
    return keras.Model(image, layers.Conv2D(1, 1, name="mask")(x), name="unet")
