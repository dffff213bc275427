"""Pictures of what a probe found, drawn with matplotlib's own objects: no state, no window."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from patchspec.probing.comparison import Comparison
from patchspec.review.plots import require_matplotlib
from patchspec.review.style import clean

_HEIGHT, _WIDTH, _MOST = 0.18, 9.0, 60.0
_NAMES = 300
"""Beyond so many tensors names would not be read."""


def comparison_plot(told: Comparison) -> Any:
    """The largest and the mean difference of each tensor along the depth, as a Figure.

    By powers of ten; a tensor that is alike has no point. PS931 where matplotlib is missing.
    """
    figure = _figure(len(told.tensors))
    axes = figure.add_subplot()
    places = range(len(told.tensors))
    far = [one.distance for one in told.tensors]
    for what, marker in (("largest", "o"), ("mean", ".")):
        values = [math.nan if one is None else getattr(one, what) for one in far]
        drawn = [value if value and math.isfinite(value) else math.nan for value in values]
        axes.plot(drawn, list(places), marker=marker, linewidth=0.8, label=f"{what} difference")
    if any(one and math.isfinite(one.largest) and one.largest for one in far):
        axes.set_xscale("log")
    else:
        axes.set_xticks([])
    first = told.first
    if first is not None:
        place = told.tensors.index(first)
        label = f"they part at {_plain(first.key)}"
        axes.axhline(place, color="tab:red", linewidth=0.8, linestyle="--", label=label)
    axes.set_ylim(len(told.tensors) - 0.5, -0.5)
    if len(told.tensors) <= _NAMES:
        axes.set_yticks(list(places), [_plain(one.key) for one in told.tensors], fontsize=6)
    axes.set_xlabel("difference", fontsize=8)
    axes.set_title(f"{_plain(told.model)} against {_plain(told.other)}", fontsize=9)
    axes.legend(fontsize=7)
    return figure


def write_plot(figure: Any, path: Path, suffix: str) -> None:
    """Write a picture as `.png`, `.svg` or `.pdf`."""
    # A date would be another one each time.
    dated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(path, format=suffix.lstrip("."), metadata=dated.get(suffix))


def _figure(rows: int) -> Any:
    require_matplotlib("--plot")
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 (an extra)
    from matplotlib.figure import Figure  # noqa: PLC0415 (an extra)

    height = min(max(3.0, 1.2 + rows * _HEIGHT), _MOST)
    figure = Figure(figsize=(_WIDTH, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _plain(text: str) -> str:
    """A name as it is: a dollar would begin a formula."""
    return clean(text).replace("$", r"\$")
