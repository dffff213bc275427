"""What an upgrade leaves beside the new document: steps, conversions of weights, refusals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from patchspec.problems import PatchError, Problem


@dataclass(frozen=True, slots=True)
class UpgradeStep:
    """One thing that an upgrade did."""

    dialect: str
    """The dialect that had it otherwise: `keras0`, `keras1`, `keras2` or `keras3`."""
    layer: str
    """The path of the layer, or empty where it concerns the whole model."""
    text: str
    """What was done, as a sentence."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How the stored weights of a layer become those of its successor."""

    owner: str
    """The path of what holds the variables: a layer's, or that of a cell inside it."""
    rule: str
    """The name of the rule in `models/conversions.py`."""
    number: float | None = None
    """What the rule needs to know of the layer, where it needs anything."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """An old config as Keras 3 writes it, and what was done to it."""

    document: dict[str, Any]
    steps: tuple[UpgradeStep, ...] = ()
    conversions: tuple[Conversion, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    """Pairs of a layer's path and the path under which the old file keeps its weights."""


@dataclass
class Notes:
    """Collects while one dialect is upgraded; problems are raised all at once."""

    dialect: str
    origin: str
    steps: list[UpgradeStep] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    sources: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def step(self, layer: str, text: str) -> None:
        """Say that something was done, once."""
        said = UpgradeStep(self.dialect, layer, text)
        if said not in self.steps:
            self.steps.append(said)

    def convert(self, owner: str, rule: str, number: float | None = None) -> None:
        """Have the weights of `owner` go through a rule when they are read."""
        self.conversions.append(Conversion(owner, rule, number))

    def no_successor(self, class_name: str, layer: str, why: str, hint: str | None = None) -> None:
        """A layer that nothing in Keras 3 computes exactly."""
        self.problems.append(
            Problem(
                code="PS911",
                message=f"`{layer}` in `{self.origin}` is a `{class_name}`, {why}",
                hint=hint or "replace the layer with the Keras that wrote the model, and save anew",
            )
        )

    def no_meaning(self, class_name: str, layer: str, key: str, value: Any) -> None:
        """An argument that Keras 3 does not have and that is not without effect."""
        shown = repr(value)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."  # noqa: PLR2004 (a readable length)
        self.problems.append(
            Problem(
                code="PS912",
                message=f"`{layer}` in `{self.origin}` is a `{class_name}` with `{key}`: {shown}, "
                "which Keras 3 cannot express",
                hint="save the model anew without it, with the Keras that wrote it",
            )
        )

    def settle(self) -> None:
        """Raise every problem that was noted."""
        if self.problems:
            raise PatchError(dict.fromkeys(self.problems))

    def result(self, document: dict[str, Any]) -> Upgraded:
        """The upgraded document with what was noted; raises the problems if there are any."""
        self.settle()
        return Upgraded(document, tuple(self.steps), tuple(self.conversions), tuple(self.sources))
