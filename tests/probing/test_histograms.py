"""Histograms are exact, and the same in whatever parts and order the values come."""

from __future__ import annotations

import subprocess
import sys
import weakref
from functools import reduce
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from keras import layers

import patchspec
from patchspec.probing.histograms import MOST, Histogram, Spread, histogram_of
from patchspec.probing.probe import job_for, work
from patchspec.probing.takers import Keeping, Spreading
from tests.probing import models
from tests.probing.feeding import codes, feed

NUMBERS = arrays.arrays(
    st.sampled_from([np.float16, np.float32, np.float64, np.int8, np.int64, np.bool_]),
    arrays.array_shapes(max_dims=3, max_side=8),
)
WIDE = st.integers(-140, 120).map(lambda power: 2.0**power)
ODD = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, np.nan, np.inf, -np.inf])
STREAMS = arrays.arrays(
    np.float32,
    st.integers(1, 60),
    elements=st.floats(-10, 10, width=32) | WIDE | WIDE.map(lambda x: -x) | ODD,
)


def held_to(found: Histogram, value: Any) -> None:
    """The histogram holds what NumPy counts."""
    finite = value[np.isfinite(value)].astype("float64")
    assert found.size == value.size
    assert sum(found.counts) == finite.size
    assert found.nans == np.isnan(value.astype("float64")).sum()
    assert found.nans + found.infinities == value.size - finite.size
    assert found.zeros == np.count_nonzero(value == 0)
    if finite.size:
        assert (found.minimum, found.maximum) == (finite.min(), finite.max())
        assert np.all(np.isfinite(found.edges))
        assert found.edges[0] <= finite.min() <= finite.max() <= found.edges[-1]
        assert len(found.edges) == len(found.counts) + 1 <= MOST + 1
        # NumPy takes no edges that are one and the same.
        if np.all(np.diff(found.edges) > 0):
            assert list(np.histogram(finite, found.edges)[0]) == list(found.counts)


@settings(max_examples=150, deadline=None)
@given(NUMBERS)
def test_every_finite_value_is_counted_in_its_bin_and_the_others_apart(value: Any) -> None:
    found = histogram_of("w", value)
    held_to(found, value)
    if found.minimum is not None:
        assert found.mean is not None
        assert found.minimum <= found.mean + abs(found.mean) * 1e-9


@settings(max_examples=300, deadline=None)
@given(STREAMS, st.data())
def test_a_stream_has_the_histogram_of_all_values_at_once(value: Any, data: st.DataObject) -> None:
    at = sorted(data.draw(st.lists(st.integers(0, len(value)), max_size=4)))
    parts = data.draw(st.permutations([Spread.of(part) for part in np.split(value, at)]))
    streamed = reduce(Spread.merged, parts).histogram("t", "")
    whole = Spread.of(value).histogram("t", "")
    held_to(streamed, value)
    assert (streamed.edges, streamed.counts) == (whole.edges, whole.counts)
    for what in ("size", "minimum", "maximum", "zeros", "nans", "infinities"):
        assert getattr(streamed, what) == getattr(whole, what)
    if whole.mean is not None and whole.minimum is not None and whole.maximum is not None:
        size = max(abs(whole.minimum), abs(whole.maximum))
        assert streamed.mean == pytest.approx(whole.mean, abs=1e-12 * size)
        assert streamed.std == pytest.approx(whole.std, abs=1e-7 * size)


def test_a_value_far_outside_of_all_before_widens_the_bins() -> None:
    near, far = np.linspace(0, 1, 10_000), np.array([1000.0])
    found = Spread.of(near).merged(Spread.of(far)).histogram("t", "")
    assert MOST / 2 <= len(found.counts) <= MOST
    assert found.edges[-2] <= 1000 < found.edges[-1]
    assert (found.counts[0], found.counts[-1]) == (10_000, 1)


def test_statistics_are_those_of_numpy_over_many_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("patchspec.probing.histograms.SLICE", 7)
    value = np.random.default_rng(0).normal(3, 2, (10, 10)).astype("float32")
    value[0, :3] = [0, np.nan, -np.inf]
    found = histogram_of("w", value)
    finite = value[np.isfinite(value)].astype("float64")
    assert found.what == "float32[10, 10]"
    assert found.mean == pytest.approx(finite.mean())
    assert found.std == pytest.approx(finite.std())
    assert (found.zeros, found.nans, found.infinities) == (1, 1, 1)
    held_to(found, value)


def test_the_bins_are_fine_enough_to_see_a_shape() -> None:
    for scale in (1e-30, 1.0, 1.4, 1.99, 3e20):
        found = histogram_of("w", np.linspace(-scale, scale * 0.7, 10_000))
        assert MOST / 2 - 1 <= len(found.counts) <= MOST


def test_few_values_have_few_bins() -> None:
    assert 7 <= len(histogram_of("w", np.linspace(-1, 0.7, 30)).counts) <= 15


def test_the_largest_numbers_do_not_overflow() -> None:
    most = np.finfo("float64").max
    found = histogram_of("w", np.array([-most, 0, most]))
    assert sum(found.counts) == 3
    assert found.mean == 0
    held_to(histogram_of("w", np.full(3, most)), np.full(3, most))


def test_one_value_alone_stands_in_the_middle() -> None:
    found = histogram_of("w", np.full(5, 3.0))
    assert found.edges[0] < 3 < found.edges[-1]
    assert found.counts[len(found.counts) // 2] == 5 == sum(found.counts)


def test_what_holds_no_finite_number_has_no_bins() -> None:
    assert histogram_of("w", np.zeros((0, 4))).counts == ()
    found = histogram_of("w", np.full(3, np.nan))
    assert (found.counts, found.minimum, found.nans) == ((), None, 3)


def test_weights_are_counted_without_keras() -> None:
    code = "import sys, patchspec.review.weights; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("batch", [1, 4, 11])
def test_a_probe_spreads_what_it_would_store(batch: int) -> None:
    model = models.picture()
    data = feed(model, 11)
    data["image"][3, 0, 0] = np.nan
    spreading, keeping = Spreading(), Keeping()
    job = job_for(model, (), data, batch_size=batch, weights="*", grad="$output", counting=True)
    work(job, [spreading, keeping])
    arrays, found = keeping.arrays(), spreading.histograms()
    assert [one.name for one in found][:5] == [
        *("image", "gradient/image", "conv", "gradient/conv", "norm")
    ]
    assert [one.name for one in found][-2:] == [
        *("weights/head/vars/1", "gradient/weights/head/vars/1")
    ]
    assert {one.name for one in found} == set(arrays)
    for one in found:
        whole = histogram_of(one.name, arrays[one.name])
        assert (one.what, one.edges, one.counts) == (whole.what, whole.edges, whole.counts)
        held_to(one, arrays[one.name])


def test_text_has_no_histogram() -> None:
    x = keras.Input((1,), dtype="string", name="word")
    model = keras.Model(x, layers.StringLookup(vocabulary=["a", "b"], name="look")(x))
    spreading = Spreading()
    work(job_for(model, (), np.array([["a"], ["c"]])), [spreading])
    assert [one.name for one in spreading.histograms()] == ["look"]


def test_histograms_alone_give_their_path_and_go_with_all_else(tmp_path: Path) -> None:
    model, picture, arrays = models.picture(), tmp_path / "h.png", tmp_path / "a.npz"
    data = feed(model)
    assert patchspec.probe(model, "conv", data, histograms=picture) == picture
    assert picture.read_bytes().startswith(b"\x89PNG")
    told = patchspec.probe(model, "conv", data, histograms=picture, stats=True, force=True)
    assert (told["conv"].broken, told.picture) == (0, picture)
    again = {"out": arrays, "histograms": picture, "force": True}
    assert patchspec.probe(model, "conv", data, **again) == arrays
    assert codes(lambda: patchspec.probe(model, "conv", data, histograms=picture)) == ["PS904"]
    other = tmp_path / "h.svg"
    assert codes(lambda: patchspec.probe(model, "conv", data, histograms=other)) == ["PS930"]


def test_only_a_batch_is_in_memory_while_histograms_are_counted() -> None:
    model = models.picture()
    data = feed(model, 12)
    held: list[weakref.ref[Any]] = []

    class Watching(Spreading):
        def take(self, values: Any) -> None:
            assert all(one() is None for one in held)
            super().take(values)
            held.extend(map(weakref.ref, values.arrays.values()))

    work(job_for(model, "conv", data, batch_size=3), [Watching()])
    assert len(held) == 4
