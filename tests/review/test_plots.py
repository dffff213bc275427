"""Histograms: what is counted, and that the picture of them leaves everything else alone."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

from patchspec.models.base import Base, Variable
from patchspec.models.opening import open_base
from patchspec.probing.histograms import Histogram, histogram_of
from patchspec.problems import PatchError
from patchspec.review.plots import (
    MOST_IN_A_GRID,
    _shades,
    _without_zeros,
    facts,
    histograms_png,
)
from patchspec.review.weights import write_histograms
from tests.conftest import SAMPLES
from tests.review.graphs import HOSTILE

PNG = b"\x89PNG\r\n\x1a\n"


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(PNG)
    return int.from_bytes(png[16:20]), int.from_bytes(png[20:24])


def test_an_empty_array_has_facts() -> None:
    assert facts(histogram_of("w", np.zeros((0, 4)))) == ("no values",)


def test_facts_warn_of_what_is_no_number() -> None:
    found = facts(histogram_of("w", np.array([0, 1, np.nan, np.inf])))
    assert found == ("min 0", "max 1", "mean 0.5", "std 0.5", "zeros 25%", "NaN 1", "Inf 1")
    rare = Histogram(name="w", size=10_000, zeros=1)
    assert facts(rare) == ("zeros <0.1%",)
    assert facts(replace(rare, zeros=9_999)) == ("zeros >99.9%",)
    assert facts(replace(rare, zeros=0)) == ("zeros 0%",)


def test_zeros_do_not_hide_what_is_not_zero() -> None:
    """A ReLU makes half of its values zero: the scale is that of the others."""
    values = np.linspace(0.001, 1, 1000)
    zeros = histogram_of("w", np.concatenate([values, np.zeros(100_000)]))
    shades = _shades(zeros)
    assert sorted(shades)[len(shades) // 2] > 0.5
    assert max(shades) <= 1
    assert max(_without_zeros(zeros)) < 20 * min(_without_zeros(zeros))
    lone = histogram_of("w", np.zeros(3))
    assert (sum(_without_zeros(lone)), max(_shades(lone))) == (0, 1)
    negative = histogram_of("w", np.array([-1.0, -0.5, 0.0]))
    assert (sum(_without_zeros(negative)), min(_without_zeros(negative))) == (2, 0)


def test_few_are_a_grid_and_many_are_strips() -> None:
    one = histogram_of("w", np.arange(9.0))
    few = size(histograms_png([one] * 6, "few"))
    assert few[0] > few[1]
    many = size(histograms_png([one] * (MOST_IN_A_GRID + 1), "many"))
    assert many[1] < 49 * 40
    hundreds = size(histograms_png([one] * 900, "hundreds"))
    assert max(hundreds) < 10_000
    assert 0.3 < hundreds[0] / hundreds[1] < 3


def test_the_same_histograms_give_the_same_bytes() -> None:
    drawn = [histogram_of(f"w{i}", np.arange(float(i + 1))) for i in range(3)]
    assert histograms_png(drawn, "m") == histograms_png(drawn, "m")


@pytest.mark.parametrize("count", [1, MOST_IN_A_GRID + 1])
def test_names_are_text_in_a_plot(count: int) -> None:
    """`$` would be mathematics to matplotlib, and odd letters a warning, which fails a test."""
    drawn = [
        histogram_of(f"{HOSTILE[i % len(HOSTILE)]} $\\frac{{", np.arange(3.0))
        for i in range(count + len(HOSTILE))
    ]
    assert histograms_png(drawn, "$\\x{").startswith(PNG)


def test_plotting_leaves_the_settings_of_the_program_alone() -> None:
    before = dict(mpl.rcParams)
    sys.modules.pop("matplotlib.pyplot", None)
    histograms_png([histogram_of("w", np.arange(3.0))], "m")
    assert dict(mpl.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules


def test_without_matplotlib_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("patchspec.review.plots.find_spec", lambda _: None)
    with pytest.raises(PatchError) as caught:
        histograms_png([], "m")
    [problem] = caught.value.problems
    assert problem.code == "PS931"
    assert problem.hint == 'pip install "patchspec[plot]"'


def test_one_variable_is_in_memory_at_a_time(tmp_path: Path) -> None:
    base = open_base(SAMPLES / "functional_linear.keras")
    given: list[weakref.ref[Any]] = []

    def read() -> Any:
        assert all(one() is None for one in given)
        value = np.ones(4)
        given.append(weakref.ref(value))
        return value

    variables = {f"d1/vars/{i}": Variable(f"d1/vars/{i}", (4,), "float32", read) for i in range(3)}
    write_histograms(Base(base.document, variables), tmp_path / "w.png", force=False)
    assert len(given) == 3


def test_the_layers_that_are_asked_for_are_drawn_with_what_they_hold(tmp_path: Path) -> None:
    base = open_base(SAMPLES / "nested.keras")
    whole, inner, one = (tmp_path / f"{name}.png" for name in ("whole", "inner", "one"))
    write_histograms(base, whole, force=False)
    write_histograms(base, inner, ["inner"], force=False)
    write_histograms(base, one, ["inner/id"], force=False)
    heights = [size(path.read_bytes())[0] for path in (whole, inner, one)]
    assert heights[0] >= heights[1] >= heights[2]
    assert inner.read_bytes() != whole.read_bytes()


def test_a_model_without_values_has_no_histograms(tmp_path: Path) -> None:
    base = open_base(SAMPLES / "nested.keras")
    bare = Base(base.document)
    for one, layers in ((bare, None), (base, [])):
        with pytest.raises(PatchError) as caught:
            write_histograms(one, tmp_path / "w.png", layers, force=False)
        assert [problem.code for problem in caught.value.problems] == ["PS910"]
    assert not list(tmp_path.iterdir())
