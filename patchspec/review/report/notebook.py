"""The page of a plan inside a notebook: a frame that can run its own script and nothing else."""

from __future__ import annotations

from html import escape

from patchspec.planning.plan import Plan
from patchspec.review.report.page import report_page

HEIGHT = 760
MOST_BYTES = 4_000_000
"""A larger page would make the notebook slow to save and to open."""


def framed_page(plan: Plan) -> str:
    """The page in a frame; nothing for a model that is too large for a notebook to hold.

    The frame is a document of its own: it sees nothing of the notebook, and loads nothing.
    """
    page = report_page(plan)
    if len(page) > MOST_BYTES:
        return ""
    return (
        f'<iframe sandbox="allow-scripts" srcdoc="{escape(page)}" width="100%" height="{HEIGHT}" '
        'title="base and variant as one graph" loading="lazy" '
        'style="border:1px solid #8888;border-radius:6px"></iframe>'
    )
