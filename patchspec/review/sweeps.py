"""One base and many patches: what each alone would make of it, one row for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.planning.plan import Plan
from patchspec.problems import PatchError
from patchspec.review.costs import figure_rows
from patchspec.review.markdown import code, md_table
from patchspec.review.style import PLAIN, Style, clean, table
from patchspec.review.verdicts import breaking_sentences

COLUMNS = ("layers", "parameters", "trainable", "size", "FLOPs", "outputs")


@dataclass(frozen=True)
class Variant:
    """What one patch comes to, or why it does not fit."""

    name: str
    plan: Plan | None
    error: PatchError | None = None

    @property
    def verdict(self) -> str:
        """In one word or two."""
        if self.plan is None:
            codes = (
                dict.fromkeys(problem.code for problem in self.error.problems)
                if (self.error)
                else {}
            )
            return f"refused ({', '.join(codes)})"
        if self.plan.is_identity:
            return "no change"
        return "breaks callers" if any(breaking_sentences(self.plan)) else "valid"


def _figures(variant: Variant) -> dict[str, str]:
    if variant.plan is None:
        return {}
    rows = {name.split(" for ")[0]: after for name, _, after in figure_rows(variant.plan)}
    return {key: rows.get(key, "?") for key in COLUMNS}


def _rows(variants: Sequence[Variant]) -> list[tuple[str, ...]]:
    return [
        (one.name, one.verdict, *(_figures(one).get(key, "") for key in COLUMNS))
        for one in variants
    ]


def sweep_text(variants: Sequence[Variant], style: Style = PLAIN) -> str:
    """The table for a terminal."""
    cells = [tuple(map(clean, row)) for row in _rows(variants)]
    head, *body = table([("variant", "", *COLUMNS), *cells], width=style.width, kept=frozenset({0}))
    return "\n".join([style(head, "bold"), *body])


def sweep_markdown(variants: Sequence[Variant]) -> str:
    """The table for a comment."""
    rows = [(code(row[0]), *row[1:]) for row in _rows(variants)]
    return "\n".join(md_table(("variant", "", *COLUMNS), rows))


def sweep_json(variants: Sequence[Variant]) -> dict[str, Any]:
    """The table for programs."""
    return {
        "format": 1,
        "variants": [
            {
                "name": one.name,
                "verdict": one.verdict,
                "architecture": None if one.plan is None else one.plan.architecture,
                "parameters": None if one.plan is None else dict(one.plan.parameters["after"]),
                "problems": []
                if one.error is None
                else [f"{p.code} {p.message}" for p in one.error.problems],
            }
            for one in variants
        ],
    }
