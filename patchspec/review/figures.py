"""Numbers of tensors for reading, and the rows that they stand in."""

from __future__ import annotations

import math
from collections.abc import Sequence

from patchspec.review.html import CELL, COLOURS, Cell

Row = tuple[list[str], str | None]
"""The texts of a row, and its colour."""


def finite(value: float | None) -> float | None:
    """The number, as JSON has it: none that is infinite or no number."""
    return value if value is not None and math.isfinite(value) else None


def shape_text(shape: Sequence[int]) -> str:
    """A shape without the axis of the samples; a lone number has none."""
    return "x".join(map(str, shape)) or "-"


def figure(value: float) -> str:
    """Four digits of a number, for reading."""
    return "-" if math.isnan(value) else f"{value:.4g}"


def share_text(share: float) -> str:
    """A share in percent: nothing for none, and all only where it is all."""
    if not share:
        return ""
    percent = min(share * 100, 99.9) if share < 1 else 100.0
    return f"{max(percent, 0.1):.1f}%" if share < 1 else "100%"


def cells(row: Row) -> list[Cell]:
    """The row as a table in HTML has it."""
    texts, colour = row
    tone = f"{CELL};color:{COLOURS[colour]}" if colour else CELL
    return [(tone, text) for text in texts]
