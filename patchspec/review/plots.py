"""Histograms as one picture: a grid where there are few, a strip for each where there are many.

They are drawn with matplotlib, an extra, through objects of its own: nothing that a program around
this one has set up for its own plots is used or changed.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from patchspec.models.files import check_target, replacing
from patchspec.probing.histograms import Histogram
from patchspec.problems import refuse
from patchspec.review.drawing.text import clipped, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_IN_A_GRID = 48
_COLUMNS = 4
_CELL = (3.7, 2.3)
_STRIP = (9.8, 0.17)
_DPI = 110
_BLUE, _PALE, _RED, _INK = "#3b82e8", "#b9d3f5", "#c0392b", "#1f2328"
_NAME = 52
_SHADES = 240


def require_matplotlib(name: str) -> None:
    """Refuse (PS931) where the package is missing."""
    if find_spec("matplotlib") is None:
        refuse(
            "PS931",
            f"`{name}` needs the package `matplotlib`, which is not installed",
            hint='pip install "patchspec[plot]"',
        )


def check_histograms(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a file that histograms cannot be drawn to.

    PS930 for the format, PS931 without matplotlib, PS904, PS905.
    """
    if path.suffix != ".png":
        hint = "histograms are drawn as `.png`"
        refuse("PS930", f"`{path}` names no format of a picture of histograms", hint=hint)
    require_matplotlib("histograms")
    check_target(path, force=force)


def write_histograms_png(path: Path, histograms: Sequence[Histogram], title: str) -> None:
    """Write the histograms whole or not at all; what stands there is replaced."""
    picture = histograms_png(histograms, title)
    with replacing(path) as temporary:
        temporary.write_bytes(picture)


def histograms_png(histograms: Sequence[Histogram], title: str) -> bytes:
    """The histograms as a PNG; the same histograms give the same picture.

    PS931 without matplotlib.
    """
    require_matplotlib(title)
    draw = _grid if len(histograms) <= MOST_IN_A_GRID else _strips
    figure = draw(histograms, shown(title))
    out = BytesIO()
    with warnings.catch_warnings():
        # A name may be in letters that the font does not have.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    return out.getvalue()


def facts(one: Histogram) -> tuple[str, ...]:
    """The numbers of a histogram in words, those that are a warning last."""
    return (*_spread(one), *_counted(one))


def _spread(one: Histogram) -> list[str]:
    if one.minimum is None:
        return []
    told = {"min": one.minimum, "max": one.maximum, "mean": one.mean, "std": one.std}
    return [f"{word} {value:.3g}" for word, value in told.items()]


def _counted(one: Histogram) -> list[str]:
    told = [f"zeros {_share(one.zeros, one.size)}" if one.size else "no values"]
    told += [f"NaN {one.nans:,}"] if one.nans else []
    told += [f"Inf {one.infinities:,}"] if one.infinities else []
    return told


def _share(part: int, size: int) -> str:
    """A share in percent that says 0 only of nothing, and 100 only of all."""
    text = f"{100 * part / size:.1f}".removesuffix(".0")
    if part and text == "0":
        return "<0.1%"
    return ">99.9%" if part < size and text == "100" else f"{text}%"


def _figure(width: float, height: float, title: str, told: str) -> Figure:
    from matplotlib.figure import Figure as Made  # noqa: PLC0415 (an extra)

    figure = Made(figsize=(width, height), dpi=_DPI, facecolor="white")
    figure.text(
        0.08 / width,
        1 - 0.1 / height,
        title,
        va="top",
        fontsize=11,
        fontweight="bold",
        color=_INK,
        parse_math=False,
    )
    figure.text(0.08 / width, 1 - 0.32 / height, told, va="top", fontsize=7, color=_INK)
    return figure


def _grid(histograms: Sequence[Histogram], title: str) -> Figure:
    columns = min(_COLUMNS, max(1, len(histograms)))
    rows = math.ceil(len(histograms) / columns) or 1
    width, height = columns * _CELL[0], rows * _CELL[1] + 0.5
    pale = any(one.zeros and one.counts for one in histograms)
    told = "pale: zeros, cut off where they are the most" if pale else ""
    figure = _figure(width, height, title, told)
    for i, one in enumerate(histograms):
        row, column = divmod(i, columns)
        left, top = column * _CELL[0], height - 0.5 - row * _CELL[1]
        box = (left + 0.35, top - _CELL[1] + 0.3, _CELL[0] - 0.55, _CELL[1] - 0.9)
        axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
        _bars(axes, one)
    return figure


def _bars(axes: Axes, one: Histogram) -> None:
    colour = _RED if one.nans or one.infinities else _INK
    name = clipped(shown(one.name), _NAME)
    counted = "  ".join((shown(one.what), *_counted(one)))
    for i, line in enumerate(("  ".join(_spread(one)), counted, name)):
        axes.text(
            0,
            1.04 + 0.135 * i,
            line,
            transform=axes.transAxes,
            fontsize=6.5,
            fontweight="bold" if line is name else "normal",
            color=colour if line is counted else _INK,
            parse_math=False,
        )
    axes.set_yticks([])
    axes.tick_params(labelsize=6, length=2, colors=_INK)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    if not one.counts:
        axes.set_xticks([])
        axes.text(0.5, 0.5, "nothing finite", transform=axes.transAxes, ha="center", fontsize=7)
        return
    others = _without_zeros(one)
    axes.stairs(one.counts, one.edges, fill=True, color=_PALE)
    axes.stairs(others, one.edges, fill=True, color=_BLUE)
    axes.set_xlim(one.edges[0], one.edges[-1])
    axes.set_ylim(0, (max(others) or one.zeros) * 1.05)
    assert one.minimum is not None
    assert one.maximum is not None
    ends = list(dict.fromkeys((one.minimum, one.maximum)))
    axes.set_xticks(ends, [f"{end:.3g}" for end in ends])
    if len(ends) > 1:
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")


def _strips(histograms: Sequence[Histogram], title: str) -> Figure:
    """A row for each, darker where more values lie; in as many columns as make it no tower."""
    columns = max(1, round(math.sqrt(len(histograms) * _STRIP[1] / _STRIP[0] * 1.2)))
    rows = math.ceil(len(histograms) / columns)
    width, height = columns * _STRIP[0], rows * _STRIP[1] + 0.75
    told = "each row from its smallest to its largest value; darker where more values are"
    figure = _figure(width, height, title, told)
    for column in range(columns):
        part = histograms[column * rows : (column + 1) * rows]
        if not part:
            break
        tall = len(part) * _STRIP[1]
        left = column * _STRIP[0]
        axes = figure.add_axes(
            ((left + 2.9) / width, (height - 0.6 - tall) / height, 2.6 / width, tall / height)
        )
        _strip(axes, part)
    return figure


def _strip(axes: Axes, part: Sequence[Histogram]) -> None:
    axes.imshow(
        [_shades(one) for one in part],
        aspect="auto",
        cmap="Blues",
        vmin=0,
        vmax=1,
        interpolation="nearest",
        extent=(0, 1, len(part), 0),
    )
    axes.hlines(range(1, len(part)), 0, 1, colors="white", linewidth=1)
    axes.set_axis_off()
    for i, one in enumerate(part):
        colour = _RED if one.nans or one.infinities else _INK
        name = clipped(shown(one.name), _NAME)
        told = " ".join(facts(one))
        for x, text, side in ((-0.01, name, "right"), (1.01, told, "left")):
            axes.text(
                x, i + 0.55, text, ha=side, va="center", fontsize=6, color=colour, parse_math=False
            )


def _shades(one: Histogram) -> list[float]:
    """Counts as shades, from left to right; roots of them, so that rare values are seen at all."""
    if one.minimum is None or one.maximum is None:
        return [0.0] * _SHADES
    most = max(_without_zeros(one)) or one.zeros
    alone = one.minimum == one.maximum
    low, high = (one.edges[0], one.edges[-1]) if alone else (one.minimum, one.maximum)
    places = (low + (high - low) * ((i + 0.5) / _SHADES) for i in range(_SHADES))
    counts = [min(count, most) for count in one.counts]
    return [math.sqrt(counts[bisect_right(one.edges, at) - 1] / most) for at in places]


def _without_zeros(one: Histogram) -> list[int]:
    """The counts of what is not zero: a ReLU makes so many that nothing else would be seen."""
    counts = list(one.counts)
    if one.zeros:
        counts[min(bisect_right(one.edges, 0), len(counts)) - 1] -= one.zeros
    return counts
