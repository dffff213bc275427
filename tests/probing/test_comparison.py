"""Two models side by side: where they part, and what only one of them has."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import patchspec
from patchspec.probing.comparison import Compared, Comparison, Distance
from patchspec.probing.moments import Moments
from patchspec.probing.statistics import Statistics, TensorStatistics
from patchspec.review import plots
from patchspec.review.comparison_plots import comparison_plot, write_plot
from patchspec.review.comparisons import depth_bar
from tests.probing import models
from tests.probing.feeding import codes, feed, standing


def twins() -> tuple[Any, Any]:
    one = models.picture()
    other = keras.models.clone_model(one)
    other.set_weights(one.get_weights())
    return one, other


def test_models_that_compute_the_same_are_alike_to_the_last_bit() -> None:
    one, other = twins()
    told = patchspec.compare(one, other, feed(one, 9), batch_size=4)
    assert told.alike
    assert told.first is None
    assert [row.key for row in told.tensors] == ["image", "conv", "norm", "pool", "head"]
    assert {row.distance.largest for row in told.tensors} == {0.0}
    assert "alike: 5 tensors of both" in str(told)


def test_the_first_tensor_in_which_they_part_is_named_with_the_distance() -> None:
    one, other = twins()
    norm = other.get_layer("norm")
    norm.moving_mean.assign(norm.moving_mean + 0.5)
    told = patchspec.compare(one, other, feed(one, 9), batch_size=4)
    assert told.first is told["norm"]
    assert not told["conv"].parts
    gap = 0.5 / np.sqrt(1.0 + 1e-3)
    assert told["norm"].distance.largest == pytest.approx(gap, rel=1e-4)
    assert told["norm"].distance.mean == pytest.approx(gap, rel=1e-4)
    assert told["norm"].distance.count == 9 * 6 * 6 * 4
    assert "they part at `norm`, by at most 0.4998" in str(told)


def test_a_tolerance_is_as_in_numpy() -> None:
    one, other = twins()
    head = other.get_layer("head")
    head.bias.assign(head.bias + 1e-3)
    data = feed(one)
    assert not patchspec.compare(one, other, data).alike
    assert patchspec.compare(one, other, data, atol=2e-3).alike
    assert not patchspec.compare(one, other, data, atol=5e-4).alike


def test_what_only_one_has_is_listed_and_other_shapes_are_said() -> None:
    x = keras.Input((3,), name="x")
    y = layers.Dense(4, name="wide")(x)
    one = keras.Model(x, layers.Dense(2, name="head")(layers.ReLU(name="relu")(y)))
    x = keras.Input((3,), name="x")
    y = layers.Dense(5, name="wide")(x)
    other = keras.Model(x, layers.Dense(2, name="head")(layers.ReLU(name="other_relu")(y)))
    told = patchspec.compare(one, other, feed(one))
    assert told.only_model == ("relu",)
    assert told.only_other == ("other_relu",)
    assert told["wide"].distance is None
    assert told["wide"].parts
    assert told["wide"].shape == (4,)
    assert "they part at `wide`, the shapes are 4 and 5" in str(told)
    assert patchspec.compare(one, other, feed(one), "head")["head"].distance is not None


def test_models_without_a_common_name_are_refused() -> None:
    x = keras.Input((3,), name="x")
    one = keras.Model(x, layers.Dense(2, name="one")(x))
    assert codes(lambda: patchspec.compare(one, models.chain(), feed(one), "one")) == ["PS949"]


def test_batches_that_do_not_go_into_both_are_refused() -> None:
    a, b = keras.Input(batch_shape=(2, 3), name="x"), keras.Input(batch_shape=(3, 3), name="x")
    one, other = (keras.Model(x, layers.ReLU(name="r")(x)) for x in (a, b))
    assert codes(lambda: patchspec.compare(one, other, np.zeros((6, 3)))) == ["PS942"]


def test_neither_model_is_changed() -> None:
    one, other = twins()
    before = standing(one), standing(other)
    patchspec.compare(one, other, feed(one))
    assert (standing(one), standing(other)) == before


@pytest.mark.parametrize(
    ("one", "other", "parted", "largest"),
    [
        ([1.0, np.nan], [1.0, np.nan], 0, 0.0),
        ([np.inf, -np.inf], [np.inf, -np.inf], 0, 0.0),
        ([np.nan, 1.0], [0.0, 1.0], 1, math.inf),
        ([np.inf, 1.0], [-np.inf, 1.0], 1, math.inf),
        ([np.inf, 1.0], [0.0, 1.0], 1, math.inf),
        ([0.0, -0.0], [-0.0, 0.0], 0, 0.0),
        ([], [], 0, 0.0),
    ],
)
def test_values_that_are_no_numbers_are_alike_only_to_themselves(
    one: list[float], other: list[float], parted: int, largest: float
) -> None:
    for atol in (0.0, 1e9):
        found = Distance.of(np.array(one), np.array(other), atol)
        assert (found.parted, found.largest) == (parted, largest)


def test_a_bar_is_longer_where_the_difference_is_larger() -> None:
    lengths = [len(depth_bar(value, 1.0)) for value in (0.0, 1e-12, 1e-6, 1e-3, 1.0, math.inf)]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[1], lengths[-1]) == (0, 1, 16)


def test_the_picture_has_a_point_for_each_difference_and_marks_where_they_part(
    tmp_path: Path,
) -> None:
    pytest.importorskip("matplotlib")
    one, other = twins()
    other.get_layer("norm").moving_mean.assign(np.full(4, 0.5))
    figure = comparison_plot(patchspec.compare(one, other, feed(one)))
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        "image", "conv", "norm", "pool", "head",
    ]  # fmt: skip
    largest = axes.lines[0].get_xdata()
    assert [bool(np.isfinite(x)) for x in largest] == [False, False, True, True, True]
    assert "they part at norm" in [text.get_text() for text in axes.get_legend().get_texts()]
    write_plot(figure, tmp_path / "drawn", ".png")
    assert (tmp_path / "drawn").read_bytes().startswith(b"\x89PNG")


def test_a_picture_is_refused_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plots, "find_spec", lambda _: None)
    one, other = twins()
    told = patchspec.compare(one, other, feed(one))
    assert codes(lambda: comparison_plot(told)) == ["PS931"]


def test_a_notebook_shows_names_that_are_html_as_text() -> None:
    row = TensorStatistics("<b>r", (2,), "float32", Moments.of(np.ones((2, 2))))
    compared = Compared("<b>r", (2,), (2,), Distance(1, 1, 1.0, 1.0, 1.0))
    told = (
        Statistics("<script>", 2, (row,)),
        Comparison("<script>", "other", 2, 0.0, 0.0, (compared,), (), ("<i>",)),
    )
    for one in told:
        shown = one._repr_html_()
        assert not {"<script>", "<b>r", "<i>"} & set(re.findall(r"<\w+>r?", shown))
        assert "&lt;script&gt;" in shown
        assert "&lt;b&gt;r" in shown
        assert "\x1b" not in str(one)
