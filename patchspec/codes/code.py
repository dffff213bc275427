"""What is known of one kind of problem."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of problem: one line that names it, and what `patchspec explain` says of it."""

    title: str
    text: str
