"""What a probe counted: as tables, as JSON, as HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from patchspec.probing.histograms import Histogram
from patchspec.probing.moments import Moments
from patchspec.probing.statistics import Statistics, TensorStatistics
from patchspec.problems import some
from patchspec.review.figures import Row, cells, figure, finite, shape_text, share_text
from patchspec.review.html import DIM, cells_table, framed, safe
from patchspec.review.plots import write_histograms_png
from patchspec.review.style import PLAIN, Style, clean, plural, table


def statistics_text(told: Statistics, style: Style = PLAIN) -> str:
    """The rows in the order in which they are computed, and what stands out among them."""
    lines = [style(clean(told.model), "bold") + _samples(told)]
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
    parts = [f"<b>{safe(told.model)}</b>{_samples(told)}"]
    for title, rows in _tables(told):
        parts.append(cells_table([[(DIM, text) for text in title], *map(cells, rows)]))
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
        "histograms": None if told.picture is None else str(told.picture),
        "gradient_of": told.of,
        "tensors": [_row_json(one) for one in told.tensors],
        "weights": [_row_json(one) for one in told.weights],
        "first_broken": None if first is None else first.key,
        "left_out": list(told.left_out),
    }


def draw_spreads(told: Statistics, histograms: Sequence[Histogram], path: Path) -> None:
    """Write the histograms of what was probed as a PNG."""
    write_histograms_png(path, histograms, told.model + _samples(told))


def _samples(told: Statistics) -> str:
    """How much the model was run on; weights alone need no run."""
    return f", {plural(told.samples, 'sample')}" if told.samples else ""


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
    texts = [clean(one.key), shape_text(one.shape)]
    if not told.counted:
        return [*texts, clean(one.dtype)], None
    if one.moments is None:
        return [*texts, clean(one.dtype), *[""] * (7 + (told.of is not None))], None
    all_of = one.moments.overall()
    nans, infs, dead = int(all_of.nans[0]), int(all_of.infs[0]), one.moments.dead
    texts += [
        *(figure(value) for value in _moments(all_of)),
        share_text(int(all_of.zeros[0]) / all_of.count if all_of.count else 0.0),
        f"{dead} of {len(one.moments.mean)}" if dead else "",
        f"{nans:,}" if nans else "",
        f"{infs:,}" if infs else "",
    ]
    if told.of is not None:
        texts.append("" if one.gradient is None else figure(one.gradient.norm))
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
        where = f"`{clean(first.key)}`, {_broken_channels(first)}"
        text = f"NaN or infinite first in {where}, and in {plural(count, 'tensor')} in all"
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


def _broken_channels(one: TensorStatistics) -> str:
    assert one.moments is not None
    broken = int(((one.moments.nans + one.moments.infs) > 0).sum())
    return f"{broken} of {plural(len(one.moments.mean), 'channel')}"


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
    said["gradient_norm"] = None if one.gradient is None else finite(one.gradient.norm)
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
        key: [finite(float(x)) if ok else None for x, ok in zip(values, there, strict=True)]
        for key, values in figures.items()
    }
    for key, counts in (("zeros", moments.zeros), ("nan", moments.nans), ("inf", moments.infs)):
        said[key] = [int(n) for n in counts]
    return said
