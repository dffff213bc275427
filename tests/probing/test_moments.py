"""What is counted of values that pass, batch by batch, is what all of them together give."""

from __future__ import annotations

from functools import reduce

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import layers

import patchspec
from patchspec.probing.moments import Moments
from tests.probing import models
from tests.probing.feeding import feed

VALUES = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=4, max_side=5),
    elements=st.floats(-1e6, 1e6, width=32) | st.sampled_from([0.0, np.nan, np.inf, -np.inf]),
)


@given(VALUES, st.data())
def test_parts_merged_are_the_whole(values: np.ndarray, data: st.DataObject) -> None:
    at = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=3)))
    parts = np.split(values, at)
    merged = reduce(Moments.merged, map(Moments.of, parts))
    channels = values.reshape(-1, 1 if values.ndim == 1 else values.shape[-1]).astype("float64")
    for i, channel in enumerate(channels.T):
        finite = channel[np.isfinite(channel)]
        assert merged.count == len(channel)
        assert merged.finite[i] == len(finite)
        assert merged.zeros[i] == (channel == 0).sum()
        assert merged.nans[i] == np.isnan(channel).sum()
        assert merged.infs[i] == np.isinf(channel).sum()
        if len(finite):
            scale = max(1.0, np.abs(finite).max())
            assert merged.mean[i] == pytest.approx(finite.mean(), abs=1e-9 * scale)
            assert merged.std[i] == pytest.approx(finite.std(), abs=1e-6 * scale)
            assert (merged.low[i], merged.high[i]) == (finite.min(), finite.max())


@given(VALUES)
def test_all_channels_together_are_one(values: np.ndarray) -> None:
    overall = Moments.of(values).overall()
    finite = values[np.isfinite(values)].astype("float64")
    assert overall.count == values.size
    if finite.size:
        scale = max(1.0, np.abs(finite).max())
        assert overall.mean[0] == pytest.approx(finite.mean(), abs=1e-9 * scale)
        assert overall.std[0] == pytest.approx(finite.std(), abs=1e-6 * scale)
        assert Moments.of(finite).norm == pytest.approx(np.sqrt((finite**2).sum()), rel=1e-6)


def test_small_deviations_on_large_means_survive() -> None:
    values = 1e8 + np.tile([0.0, 1.0], 5000).astype("float64")
    parts = np.split(values, 100)
    assert reduce(Moments.merged, map(Moments.of, parts)).std[0] == pytest.approx(0.5)


def test_dead_are_channels_of_nothing_but_zeros() -> None:
    values = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]])
    assert Moments.of(values).dead == 1
    assert Moments.of(np.zeros((1, 3))).dead == 0


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float16", "bfloat16", "float64"])
def test_every_dtype_of_numbers_is_counted(dtype: str) -> None:
    values = np.asarray(keras.ops.cast(np.array([[0, 1], [1, 1]]), dtype))
    assert Moments.of(values).mean.tolist() == [0.5, 1.0]


def test_channels_are_the_first_axis_after_the_samples_where_the_layers_say_so() -> None:
    x = keras.Input((3, 8, 8), name="x")
    y = layers.GlobalAveragePooling2D(data_format="channels_first", name="pool")(x)
    model = keras.Model(x, y)
    told = patchspec.probe(model, (), feed(model), stats=True)
    assert told["x"].moments is not None
    assert len(told["x"].moments.mean) == 3
    picture = models.picture()
    told = patchspec.probe(picture, (), feed(picture), stats=True)
    assert {row.key: len(row.moments.mean) for row in told.tensors} == {
        "image": 3,
        "conv": 4,
        "norm": 4,
        "pool": 4,
        "head": 3,
    }


def test_the_batch_size_changes_no_count() -> None:
    model = models.picture()
    data = feed(model, 11)
    one = patchspec.probe(model, (), data, stats=True, batch_size=11)
    two = patchspec.probe(model, (), data, stats=True, batch_size=2)
    for a, b in zip(one.tensors, two.tensors, strict=True):
        assert a.moments.mean == pytest.approx(b.moments.mean, abs=1e-6)
        assert a.moments.count == b.moments.count


def test_the_first_tensor_that_is_broken_is_named_and_what_follows_counted() -> None:
    x = keras.Input((2,), name="x")
    y = layers.Rescaling(-1.0, name="minus")(x)
    z = keras.ops.log(y)
    model = keras.Model(x, layers.Activation("relu", name="last")(z))
    told = patchspec.probe(model, (), np.ones((3, 2)), stats=True)
    name = z._keras_history.operation.name
    assert told.first_broken is told[name]
    assert told["last"].broken == 6
    assert f"NaN or infinite first in `{name}`, 2 of 2 channels, and in 2 tensors in all" in str(
        told
    )
