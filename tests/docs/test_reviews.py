"""The comments and pages of the documentation are those that the commands write."""

from __future__ import annotations

import json
import re

import keras
import pytest

from patchspec.reference.examples import PRINTED
from tests.docs.reviews import REVIEWS, SHOWN, made
from tests.docs.running import ROOT

RECORDED_WITH = json.loads(PRINTED.read_text(encoding="utf-8"))["keras"]


@pytest.mark.skipif(keras.__version__ != RECORDED_WITH, reason="another Keras writes other configs")
def test_the_comments_and_pages_are_those_of_the_commands() -> None:
    for name, text in made():
        assert (REVIEWS / name).read_text(encoding="utf-8") == text, f"{name}: run `make docs`"


def test_the_page_on_reviews_leads_to_each_of_them() -> None:
    page = (ROOT / "docs" / "review.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(review/([\w.-]+)\)", page))
    assert {f"{one.patch}.{end}" for one in SHOWN for end in ("md", "html")} <= linked


def test_a_comment_answers_what_a_reviewer_asks() -> None:
    """G5: verdict, what changed, what breaks, which weights, which picture, is it proven."""
    said = (REVIEWS / "unet-skip.md").read_text(encoding="utf-8")
    answers = (
        "the plan is valid",
        "1 removed",
        "```mermaid",
        "adapted: 1 variable",
        "\u2705 holds",
        "patchspec plan unet.keras",
    )
    assert all(answer in said for answer in answers)
    assert "Breaks callers" in (REVIEWS / "new-head.md").read_text(encoding="utf-8")
