"""What fits a terminal, and what goes whole into a pipe."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchspec.models.base import Base
from patchspec.planning.resolve import resolve
from patchspec.review.models import inspect_text
from patchspec.review.plans import plan_text
from patchspec.review.style import Style, fitted, shortened, style_for, table
from tests.configs import chain
from tests.conftest import patch_of

NAMES = [f"a_rather_long_name_of_layer_{i}" for i in range(40)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_everything_and_a_terminal_what_fits(monkeypatch: Any) -> None:
    """G1: readable at 80 columns, and never cut in a pipe."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_for(Terminal()) == Style(False, 80)
    assert style_for(io.StringIO()) == Style(False, None, None)
    new = {"class": "ReLU", "name": "$(target)_relu"}
    steps = [{"op": "insert", "after": "a_*", "new": new}]
    plan = resolve(patch_of(steps), Base(chain(*NAMES), origin="base.keras"))
    piped = plan_text(plan, style_for(io.StringIO()))
    assert all(f"{name}_relu" in piped for name in NAMES)
    assert "more" not in piped
    shown = plan_text(plan, style_for(Terminal()))
    assert max(map(len, shown.splitlines())) <= 80
    assert "... and 28 more" in shown


def test_a_table_of_layers_keeps_names_where_it_can(monkeypatch: Any) -> None:
    base = Base(chain(*NAMES), origin="base.keras")
    said = inspect_text(base, {"": base.graph.recorded}, Style(False, 80))
    body = said.split("\ninputs")[0]
    assert max(map(len, body.splitlines())) <= 80
    assert all(name in body for name in NAMES)
    assert "\u2026" in body


@given(st.text("ab \t", max_size=200), st.integers(10, 60))
def test_breaking_lines_loses_no_word(text: str, width: int) -> None:
    assert fitted(text, width).split() == text.split()
    assert fitted(text, None) == text


@given(st.text("abc", max_size=30), st.integers(1, 40))
def test_a_shortened_text_is_as_long_as_there_is_room(text: str, width: int) -> None:
    assert len(shortened(text, width)) == min(len(text), width)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_fits_whatever_stands_in_it(width: int) -> None:
    rows = [("x" * 50, "y" * 30), ("a", "b")]
    assert all(len(line) <= width for line in table(rows, width=width))
