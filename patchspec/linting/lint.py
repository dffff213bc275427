"""What a rule looks at, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from patchspec.language.patch import Patch
from patchspec.planning.plan import Change, Place, Plan
from patchspec.problems import Problem, Span

Level = Literal["warning", "note"]


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of the text: what stands at some stretches makes way for something else."""

    edits: tuple[tuple[Span, str], ...]
    safe: bool
    """Whether the patch means what it meant."""
    what: str
    """What it does, for people."""


@dataclass(frozen=True, slots=True)
class Lint:
    """One finding of one rule."""

    problem: Problem
    fix: Fix | None = None
    level: Level = "warning"
    """A note is advice: it does not fail a run unless asked for."""

    def placed(self, patch: Patch) -> Lint:
        """The finding with its place in the text."""
        [problem] = patch.source.place([self.problem])
        return replace(self, problem=problem)


@dataclass(frozen=True)
class Subject:
    """A patch, and what it does to its base where that is at hand."""

    patch: Patch
    plan: Plan | None = None
    """Resolved without shapes; of this patch alone."""

    def changes(self, step: int) -> tuple[Change, ...]:
        """What an operation did, target by target; nothing without a plan."""
        if self.plan is None:
            return ()
        # The plan's own may lack what the patch expects, which is not for `lint` to check.
        patches = self.plan.patches
        number = next(i for i, one in enumerate(patches) if one.source is self.patch.source)
        return tuple(c for c in self.plan.changes if c.place == Place(number, step))

    def targets(self, step: int) -> tuple[str, ...]:
        """The layers that an operation hit, by the names they had then."""
        return tuple(dict.fromkeys(c.target for c in self.changes(step) if c.target))


Rule = Callable[[Subject], Iterator[Lint]]
