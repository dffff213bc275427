"""Train the small model of this example on the handwritten digits that scikit-learn bundles.

    python examples/digits/train.py

writes `digits.keras` beside this file and prints the accuracy on digits it has not seen.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

MODEL = Path(__file__).with_name("digits.keras")
Data = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def digits() -> Data:
    """Images of shape (n, 8, 8, 1) with values 0 to 16 and labels: to train on, then to test on."""
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8, 1).astype("float32")
    x, unseen, y, unseen_labels = train_test_split(
        images, labels, test_size=450, random_state=0, stratify=labels
    )
    return x, y, unseen, unseen_labels


def model() -> keras.Model:
    """Two convolutional blocks, an embedding of 32 values, ten classes."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Rescaling(1 / 16, name="rescale")(image)
    for block, filters in (("block1", 24), ("block2", 48)):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"{block}_norm")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
        x = layers.MaxPooling2D(name=f"{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", name="embedding")(x)
    digit = layers.Dense(10, activation="softmax", name="digit")(x)
    return keras.Model(image, digit, name="digits")


def main() -> None:
    keras.utils.set_random_seed(0)
    x, y, unseen, unseen_labels = digits()
    trained = model()
    trained.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    trained.fit(x, y, epochs=40, batch_size=64, verbose=0)
    _, accuracy = trained.evaluate(unseen, unseen_labels, verbose=0)
    trained.save(MODEL)
    size = MODEL.stat().st_size / 1024
    print(f"{len(unseen)} unseen digits, accuracy {accuracy:.4f}, {size:.0f} KiB")


if __name__ == "__main__":
    main()
