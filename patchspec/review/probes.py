"""What a probe counted and where two models part: as tables, as JSON, as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from patchspec.probing.comparison import Compared, Comparison
from patchspec.probing.moments import Moments
from patchspec.probing.statistics import Statistics, TensorStatistics
from patchspec.problems import some
from patchspec.review.html import CELL, COLOURS, DIM, Cell, cells_table, framed, safe
from patchspec.review.style import PLAIN, Style, clean, plural, table

_BAR = 16
_DECADES = 12
"""How many powers of ten below the largest difference a bar still shows."""
Row = tuple[list[str], str | None]
"""The texts of a row, and its colour."""


def statistics_text(told: Statistics, style: Style = PLAIN) -> str:
    """The rows in the order in which they are computed, and what stands out among them."""
    lines = [style(clean(told.model), "bold") + f", {plural(told.samples, 'sample')}"]
    for title, rows in _tables(told):
        head, *body = table([title, *(texts for texts, _ in rows)], right=_numbers(title))
        lines += ["", style(head, "bold")]
        lines += [
            style(line, colour) if colour else line
            for line, (_, colour) in zip(body, rows, strict=True)
        ]
    remarks = [style(text, colour) if colour else text for text, colour in _remarks(told)]
    return "\n".join([*lines, "", *remarks] if remarks else lines)


def statistics_html(told: Statistics) -> str:
    """The same, for a notebook."""
    parts = [f"<b>{safe(told.model)}</b>, {plural(told.samples, 'sample')}"]
    for title, rows in _tables(told):
        parts.append(cells_table([[(DIM, text) for text in title], *map(_cells, rows)]))
    parts += [f"<div>{safe(text)}</div>" for text, _ in _remarks(told)]
    return framed(parts)


def statistics_json(told: Statistics) -> dict[str, Any]:
    """The same, with the counts of every channel."""
    first = told.first_broken
    return {
        "format": 1,
        "model": told.model,
        "samples": told.samples,
        "output": None if told.path is None else str(told.path),
        "gradient_of": told.of,
        "tensors": [_row_json(one) for one in told.tensors],
        "weights": [_row_json(one) for one in told.weights],
        "first_broken": None if first is None else first.key,
        "left_out": list(told.left_out),
    }


def comparison_text(told: Comparison, style: Style = PLAIN) -> str:
    """Every tensor that both have, with a bar of how far apart it is, and where they part."""
    title = f"{style(clean(told.model), 'bold')} against {style(clean(told.other), 'bold')}"
    head, *body = table(
        [_COMPARED, *(_compared(told, one) for one in told.tensors)], right=_FIGURES
    )
    lines = [f"{title}, {plural(told.samples, 'sample')}", "", style(head, "bold")]
    lines += [
        style(line, "red") if one.parts else line
        for line, one in zip(body, told.tensors, strict=True)
    ]
    said = [style(_parting(told), "green" if told.alike else "red"), *_lonely(told)]
    return "\n".join([*lines, "", *said])


def comparison_html(told: Comparison) -> str:
    """The same, for a notebook."""
    rows: list[Row] = [(_compared(told, one), "red" if one.parts else None) for one in told.tensors]
    lines = [_parting(told), *_lonely(told)]
    title = f"<b>{safe(told.model)}</b> against <b>{safe(told.other)}</b>"
    return framed(
        [
            f"{title}, {plural(told.samples, 'sample')}",
            cells_table([[(DIM, text) for text in _COMPARED], *map(_cells, rows)]),
            *(f"<div>{safe(text)}</div>" for text in lines),
        ]
    )


def comparison_json(told: Comparison) -> dict[str, Any]:
    """The same as data."""
    return {
        "format": 1,
        "model": told.model,
        "other": told.other,
        "samples": told.samples,
        "atol": told.atol,
        "rtol": told.rtol,
        "alike": told.alike,
        "first": None if told.first is None else told.first.key,
        "tensors": [
            {
                "tensor": one.key,
                "shape": list(one.shape),
                "other_shape": list(one.other_shape),
                "parts": one.parts,
                "values": None if one.distance is None else one.distance.count,
                "parted": None if one.distance is None else one.distance.parted,
                "largest": _finite(None if one.distance is None else one.distance.largest),
                "mean": _finite(None if one.distance is None else one.distance.mean),
                "relative": _finite(None if one.distance is None else one.distance.relative),
            }
            for one in told.tensors
        ],
        "only_model": list(told.only_model),
        "only_other": list(told.only_other),
    }


_COMPARED = ["tensor", "largest", "mean", "relative", "differ", ""]
_FIGURES = frozenset({1, 2, 3, 4})


def _compared(told: Comparison, one: Compared) -> list[str]:
    far = one.distance
    if far is None:
        shapes = f"{_shape(one.shape)} against {_shape(one.other_shape)}"
        return [clean(one.key), "", "", "", "", shapes]
    share = far.parted / far.count if far.count else 0.0
    return [
        clean(one.key),
        _figure(far.largest),
        _figure(far.mean),
        _figure(far.relative),
        _share(share),
        depth_bar(far.largest, max(t.distance.largest for t in told.tensors if t.distance)),
    ]


def depth_bar(value: float, largest: float) -> str:
    """A bar of how large a difference is beside the largest, by powers of ten."""
    if not value:
        return ""
    if math.isinf(value):
        return "#" * _BAR
    top = math.log10(largest) if math.isfinite(largest) else 0.0
    share = 1 - (top - math.log10(value)) / _DECADES
    return "#" * max(1, min(_BAR, round(share * _BAR)))


def _parting(told: Comparison) -> str:
    tolerance = f" (atol {told.atol:g}, rtol {told.rtol:g})" if told.atol or told.rtol else ""
    first, count = told.first, len(told.tensors)
    if first is None:
        return f"alike: {plural(count, 'tensor')} of both{tolerance}"
    before = told.tensors.index(first)
    parted = sum(one.parts for one in told.tensors)
    how = (
        f"the shapes are {_shape(first.shape)} and {_shape(first.other_shape)}"
        if first.distance is None
        else f"by at most {_figure(first.distance.largest)}, "
        f"by {_figure(first.distance.mean)} on average"
    )
    return (
        f"they part at `{clean(first.key)}`, {how}{tolerance}; "
        f"{plural(before, 'tensor')} before it alike, {parted} of {count} differ"
    )


def _lonely(told: Comparison) -> list[str]:
    return [
        f"only in {clean(name)}: {plural(len(keys), 'tensor')}, {clean(some(keys))}"
        for name, keys in ((told.model, told.only_model), (told.other, told.only_other))
        if keys
    ]


def _tables(told: Statistics) -> list[tuple[list[str], list[Row]]]:
    """A title and rows of each table: tensors, then variables."""
    found = []
    for what, rows in (("tensor", told.tensors), ("variable", told.weights)):
        if not rows:
            continue
        title = [what, "shape", "dtype"]
        if told.counted:
            title = [what, "shape", "mean", "std", "min", "max", "zeros", "dead", "NaN", "Inf"]
        if told.counted and told.of is not None:
            title.append("gradient")
        found.append((title, [_row(one, told) for one in rows]))
    return found


def _numbers(title: Sequence[str]) -> frozenset[int]:
    """The columns of numbers."""
    return frozenset(i for i, word in enumerate(title) if i > 1 and word != "dtype")


def _row(one: TensorStatistics, told: Statistics) -> Row:
    texts = [clean(one.key), _shape(one.shape)]
    if not told.counted:
        return [*texts, clean(one.dtype)], None
    if one.moments is None:
        return [*texts, clean(one.dtype), *[""] * (7 + (told.of is not None))], None
    all_of = one.moments.overall()
    nans, infs, dead = int(all_of.nans[0]), int(all_of.infs[0]), one.moments.dead
    texts += [
        *(_figure(value) for value in _moments(all_of)),
        _share(int(all_of.zeros[0]) / all_of.count if all_of.count else 0.0),
        f"{dead} of {len(one.moments.mean)}" if dead else "",
        f"{nans:,}" if nans else "",
        f"{infs:,}" if infs else "",
    ]
    if told.of is not None:
        texts.append("" if one.gradient is None else _figure(one.gradient.norm))
    return texts, "red" if nans or infs else "yellow" if dead else None


def _moments(all_of: Moments) -> list[float]:
    """Mean, deviation and extremes of one channel; no numbers where none is finite."""
    if not all_of.finite[0]:
        return [math.nan] * 4
    return [float(x[0]) for x in (all_of.mean, all_of.std, all_of.low, all_of.high)]


def _remarks(told: Statistics) -> list[tuple[str, str | None]]:
    """What stands out, and in which colour."""
    odd = f"left out, since they have no row for each sample: {clean(some(told.left_out))}"
    return [*_findings(told), *([(odd, None)] if told.left_out else [])]


def _findings(told: Statistics) -> list[tuple[str, str | None]]:
    if not told.counted:
        return []
    first = told.first_broken
    found: list[tuple[str, str | None]] = []
    if first is None and told.tensors:
        found.append(("no value is NaN or infinite", "green"))
    elif first is not None:
        count = sum(one.broken > 0 for one in told.tensors)
        text = f"NaN or infinite first in `{clean(first.key)}`, in {plural(count, 'tensor')} in all"
        found.append((text, "red"))
    dead = [
        f"{clean(one.key)} ({one.moments.dead} of {len(one.moments.mean)})"
        for one in told.tensors
        if one.moments is not None and one.moments.dead
    ]
    if dead:
        found.append((f"channels of nothing but zeros: {some(dead)}", "yellow"))
    if told.of is not None:
        of = "loss" if told.of == "loss" else f"sum of `{clean(told.of)}`"
        what = f"gradient: the norm of the gradient of the {of}, over all samples"
        found.append((what, None))
        still = [
            one.key for one in told.tensors if one.gradient is not None and not one.gradient.norm
        ]
        if still:
            found.append((f"which is zero for {clean(some(still))}", "yellow"))
    return found


def _row_json(one: TensorStatistics) -> dict[str, Any]:
    said: dict[str, Any] = {"tensor": one.key, "shape": list(one.shape), "dtype": one.dtype}
    said["overall"] = said["channels"] = None
    if one.moments is not None:
        each = _channels_json(one.moments)
        lone = _channels_json(one.moments.overall())
        overall = {key: values[0] for key, values in lone.items()}
        said["overall"] = {
            "count": one.moments.overall().count,
            **overall,
            "dead": one.moments.dead,
        }
        said["channels"] = each
    said["gradient_norm"] = None if one.gradient is None else _finite(one.gradient.norm)
    return said


def _channels_json(moments: Moments) -> dict[str, list[Any]]:
    there = [bool(n) for n in moments.finite]
    figures = {
        "mean": moments.mean,
        "std": moments.std,
        "min": moments.low,
        "max": moments.high,
    }
    said: dict[str, list[Any]] = {
        key: [_finite(float(x)) if ok else None for x, ok in zip(values, there, strict=True)]
        for key, values in figures.items()
    }
    for key, counts in (("zeros", moments.zeros), ("nan", moments.nans), ("inf", moments.infs)):
        said[key] = [int(n) for n in counts]
    return said


def _finite(value: float | None) -> float | None:
    """The number, as JSON has it: none that is infinite or no number."""
    return value if value is not None and math.isfinite(value) else None


def _shape(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "-"


def _figure(value: float) -> str:
    """Four digits of a number, for reading."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def _share(share: float) -> str:
    """A share in percent: nothing for none, and all only where it is all."""
    if not share:
        return ""
    percent = min(share * 100, 99.9) if share < 1 else 100.0
    return f"{max(percent, 0.1):.1f}%" if share < 1 else "100%"


def _cells(row: Row) -> list[Cell]:
    texts, colour = row
    tone = f"{CELL};color:{COLOURS[colour]}" if colour else CELL
    return [(tone, text) for text in texts]
