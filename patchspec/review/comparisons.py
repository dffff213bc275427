"""Where two models part: as a table with bars, as JSON, as HTML."""

from __future__ import annotations

import math
from typing import Any

from patchspec.probing.comparison import Compared, Comparison
from patchspec.problems import some
from patchspec.review.figures import Row, cells, figure, finite, shape_text, share_text
from patchspec.review.html import DIM, cells_table, framed, safe
from patchspec.review.style import PLAIN, Style, clean, plural, table

_BAR = 16
_DECADES = 12
"""How many powers of ten below the largest difference a bar still shows."""


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
            cells_table([[(DIM, text) for text in _COMPARED], *map(cells, rows)]),
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
                "largest": finite(None if one.distance is None else one.distance.largest),
                "mean": finite(None if one.distance is None else one.distance.mean),
                "relative": finite(None if one.distance is None else one.distance.relative),
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
        shapes = f"{shape_text(one.shape)} against {shape_text(one.other_shape)}"
        return [clean(one.key), "", "", "", "", shapes]
    share = far.parted / far.count if far.count else 0.0
    return [
        clean(one.key),
        figure(far.largest),
        figure(far.mean),
        figure(far.relative),
        share_text(share),
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
        f"the shapes are {shape_text(first.shape)} and {shape_text(first.other_shape)}"
        if first.distance is None
        else f"by at most {figure(first.distance.largest)}, "
        f"by {figure(first.distance.mean)} on average"
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
