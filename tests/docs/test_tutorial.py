"""The tutorials print what they show."""

from __future__ import annotations

import re

from tests.docs import tutorial
from tests.docs.test_reference import alike


def test_every_block_of_the_tutorial_prints_what_the_page_shows() -> None:
    page = tutorial.PAGE.read_text(encoding="utf-8")
    assert alike(tutorial.filled()) == alike(page), "run `make docs`"


def test_the_tutorial_shows_every_command_that_leads_to_a_variant() -> None:
    page = tutorial.PAGE.read_text(encoding="utf-8")
    for command in ("inspect", "validate", "select", "plan", "apply"):
        assert f"\n$ patchspec {command} " in page


def figures_apart(text: str) -> str:
    """A text without its decimals, and the widths that they give to columns."""
    return re.sub(r" +", " ", re.sub(r"\d+\.\d+(e[-+]\d+)?", "0.0", text))


def test_every_block_of_the_tutorial_of_probe_prints_what_the_page_shows() -> None:
    page = tutorial.PROBING.read_text(encoding="utf-8")
    assert figures_apart(tutorial.filled(tutorial.PROBING)) == figures_apart(page), (
        "run `make docs`"
    )


def test_the_tutorial_of_probe_finds_each_fault_where_it_was_planted() -> None:
    page = tutorial.PROBING.read_text(encoding="utf-8")
    assert "channels of nothing but zeros: block2_relu (48 of 48)" in page
    assert "they part at `block1_norm`" in page
    assert "NaN or infinite first in `block2_norm`" in page
