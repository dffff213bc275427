"""What a config says of a model's variables is what Keras makes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from patchspec.building.live import base_of
from patchspec.models.expected import expectations, variable_dtype
from patchspec.models.opening import open_base
from tests.conftest import SAMPLES

L = keras.layers
IMAGE, SERIES, VECTOR = (8, 8, 4), (6, 4), (4,)
VOLUME = (4, 4, 4, 2)

LAYERS: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "dense": (VECTOR, lambda: L.Dense(3)),
    "dense without bias": (VECTOR, lambda: L.Dense(3, use_bias=False)),
    "dense in half precision": (VECTOR, lambda: L.Dense(3, dtype="float16")),
    "dense in mixed precision": (VECTOR, lambda: L.Dense(3, dtype="mixed_float16")),
    "dense in bfloat16": (VECTOR, lambda: L.Dense(3, dtype="bfloat16")),
    "einsum": (SERIES, lambda: L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")),
    "embedding": ((6,), lambda: L.Embedding(9, 3)),
    "conv1d": (SERIES, lambda: L.Conv1D(5, 3)),
    "conv2d": (IMAGE, lambda: L.Conv2D(6, (3, 2), groups=2)),
    "conv3d": (VOLUME, lambda: L.Conv3D(3, 2)),
    "conv1d transpose": (SERIES, lambda: L.Conv1DTranspose(5, 3)),
    "conv2d transpose": (IMAGE, lambda: L.Conv2DTranspose(5, (3, 2), use_bias=False)),
    "conv3d transpose": (VOLUME, lambda: L.Conv3DTranspose(3, 2)),
    "depthwise1d": (SERIES, lambda: L.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise2d": (IMAGE, lambda: L.DepthwiseConv2D((3, 2), depth_multiplier=2)),
    "separable1d": (SERIES, lambda: L.SeparableConv1D(5, 3)),
    "separable2d": (IMAGE, lambda: L.SeparableConv2D(5, (3, 2), depth_multiplier=2)),
    "batch": (IMAGE, L.BatchNormalization),
    "batch without scale": (IMAGE, lambda: L.BatchNormalization(axis=1, scale=False)),
    "batch in half precision": (IMAGE, lambda: L.BatchNormalization(dtype="float16")),
    "layer normalization": (SERIES, L.LayerNormalization),
    "group normalization": (IMAGE, lambda: L.GroupNormalization(2)),
    "rms normalization": (SERIES, L.RMSNormalization),
    "normalization": (VECTOR, L.Normalization),
    "prelu": (VECTOR, L.PReLU),
    "simple rnn": (SERIES, lambda: L.SimpleRNN(3)),
    "lstm": (SERIES, lambda: L.LSTM(3)),
    "gru": (SERIES, lambda: L.GRU(3)),
    "old gru": (SERIES, lambda: L.GRU(3, reset_after=False, use_bias=False)),
    "conv lstm": ((3, 8, 8, 4), lambda: L.ConvLSTM2D(2, 3)),
    "cells": (SERIES, lambda: L.RNN([L.LSTMCell(3), L.LSTMCell(2), L.GRUCell(2)])),
    "both ways": (SERIES, lambda: L.Bidirectional(L.LSTM(3))),
    "each step": (SERIES, lambda: L.TimeDistributed(L.Dense(3))),
    "spectral": (VECTOR, lambda: L.SpectralNormalization(L.Dense(3))),
    "spectral inside": (SERIES, lambda: L.TimeDistributed(L.SpectralNormalization(L.Dense(3)))),
    "spectrogram": ((64, 1), lambda: L.STFTSpectrogram(frame_length=8, frame_step=4, fft_length=8)),
    "activation": (VECTOR, L.ReLU),
    "dropout": (VECTOR, lambda: L.Dropout(0.5)),
}  # fmt: skip


def check(base: Any) -> None:
    """Every variable is expected or could be; every expected one is there, and as it was said."""
    assert base.variables is not None
    wanted = expectations(base.graph)
    assert [path for path in base.variables if not wanted.allows(path)] == []
    assert [path for path in wanted.variables if path not in base.variables] == []
    for path, one in wanted.variables.items():
        found = base.variables[path]
        assert one.dtype in (None, found.dtype), path
        if one.shape is not None:
            assert len(one.shape) == len(found.shape), path
            assert all(n in (None, m) for n, m in zip(one.shape, found.shape, strict=True)), path


@pytest.mark.parametrize("name", LAYERS)
def test_a_layers_variables_are_those_that_its_config_says(name: str) -> None:
    shape, make = LAYERS[name]
    x = keras.Input(shape, name="x")
    check(base_of(keras.Model(x, make()(x))))


REFUSED = ("hub_backbone", "shared_across_levels")


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(SAMPLES.glob("*.keras")) if path.stem not in REFUSED],
    ids=lambda path: path.stem,
)
def test_a_samples_variables_are_those_that_its_config_says(path: Path) -> None:
    check(open_base(path))


def test_attentions_variables_are_those_that_its_config_says() -> None:
    x = keras.Input(SERIES, name="x")
    y = L.MultiHeadAttention(2, 3, name="m")(x, x)
    y = L.Attention(use_scale=True, score_mode="concat", name="a")([y, y])
    y = L.AdditiveAttention(name="b")([y, y])
    y = L.GroupQueryAttention(2, 2, 1, name="g")(y, y)
    check(base_of(keras.Model(x, y)))


def test_the_input_channels_are_part_of_what_is_known() -> None:
    x = keras.Input(VECTOR, name="x")
    base = base_of(keras.Model(x, L.Dense(3, name="d")(x)))
    assert expectations(base.graph).variables["d/vars/0"].shape == (4, 3)


def test_keras_own_paths_are_known_where_they_are_unambiguous() -> None:
    x = keras.Input(SERIES, name="x")
    y = L.LSTM(3, name="l", return_sequences=True)(x)
    y = L.MultiHeadAttention(2, 3, name="m")(y, y)
    y = L.GroupQueryAttention(2, 2, 1, name="g")(y, y)
    model = keras.Model(x, L.Dense(2, name="d")(y))
    labels = expectations(base_of(model).graph).labels
    assert set(labels) == {v.path for v in model.variables if "seed" not in v.path}
    assert labels["l/lstm_cell/recurrent_kernel"] == "l/cell/vars/1"


def test_keras_own_paths_are_not_used_where_two_layers_share_one() -> None:
    inner = keras.Sequential([keras.Input(VECTOR), L.Dense(4, name="d")], name="inner")
    x = keras.Input(VECTOR, name="x")
    model = keras.Model(x, L.Dense(4, name="d")(inner(x)))
    assert expectations(base_of(model).graph).labels == {}


@pytest.mark.parametrize(
    ("policy", "dtype"),
    [
        ("float16", "float16"),
        ("mixed_bfloat16", "float32"),
        ({"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}, "float32"),
        (None, None),
    ],
)
def test_variables_have_the_dtype_of_the_policy(policy: Any, dtype: str | None) -> None:
    assert variable_dtype(policy) == dtype
