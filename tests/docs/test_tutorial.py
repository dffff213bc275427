"""The tutorial prints what it shows."""

from __future__ import annotations

from tests.docs import tutorial
from tests.docs.test_reference import alike


def test_every_block_of_the_tutorial_prints_what_the_page_shows() -> None:
    page = tutorial.PAGE.read_text(encoding="utf-8")
    assert alike(tutorial.filled()) == alike(page), "run `make docs`"


def test_the_tutorial_shows_every_command_that_leads_to_a_variant() -> None:
    page = tutorial.PAGE.read_text(encoding="utf-8")
    for command in ("inspect", "validate", "select", "plan", "apply"):
        assert f"\n$ patchspec {command} " in page
