"""Every model of the corpus: does it open, and does Keras rebuild it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras

import patchspec
from patchspec.building.door import make
from patchspec.building.scope import without_values
from patchspec.building.variables import holders
from patchspec.models.base import Base
from patchspec.models.safety import check_safe
from patchspec.problems import PatchError
from tests.corpus.files import models, weights_of

IDENTITY = "patchspec: 1\noperations: []\n"


@dataclass(frozen=True)
class Row:
    """What became of one file."""

    name: str
    dialect: str
    layers: int | None
    steps: int | None
    code: str | None
    """The code of the refusal; none where Keras rebuilt the model."""
    reason: str


def rows() -> Iterator[Row]:
    """One row for each model of the corpus."""
    for path in models():
        keras.backend.clear_session()
        yield row(path)


def row(path: Path) -> Row:
    """Open the file, have Keras rebuild the model, and say how that went."""
    base = None
    try:
        base = patchspec.open_base(path, weights_of(path))
        rebuilt(base)
    except PatchError as error:
        problem = error.problems[0]
        said = (problem.message, *problem.notes)
        reason = "; ".join(said).replace(f"{path.parent}/", "")
        return Row(path.name, _dialect(base), _layers(base), _steps(base), problem.code, reason)
    how = "with its weights" if base.variables is not None else "with new weights"
    return Row(path.name, _dialect(base), _layers(base), _steps(base), None, how)


def rebuilt(base: Base) -> object:
    """The live model: by the identity patch, or from the config where there are no weights."""
    if base.variables is not None:
        return patchspec.apply(base, patchspec.parse(IDENTITY)).model
    check_safe(base.document, (), base.origin)
    return make({**base.document, "compile_config": None}, {})


def shapes(base: Base) -> dict[str, tuple[int, ...]]:
    """The variables of the live model by path, with their shapes."""
    model = without_values(lambda: make({**base.document, "compile_config": None}, {}))
    return {h.variable_path(n): tuple(v.shape) for h in holders(model) for n, v in h.own().items()}


def _dialect(base: Base | None) -> str:
    if base is None:
        return "?"
    return base.upgrades[0].dialect if base.upgrades else "current"


def _layers(base: Base | None) -> int | None:
    return None if base is None else sum(1 for _ in base.graph.walk())


def _steps(base: Base | None) -> int | None:
    return None if base is None else len(base.upgrades)


def printed(found: list[Row]) -> str:
    """The table for reading, with the count at the end."""
    lines = [f"{'file':42} {'dialect':8} {'layers':>6} {'steps':>5}  outcome"]
    for one in found:
        outcome = f"refused, {one.code}: {one.reason}" if one.code else f"rebuilt {one.reason}"
        layers = "" if one.layers is None else str(one.layers)
        steps = "" if one.steps is None else str(one.steps)
        lines.append(f"{one.name:42} {one.dialect:8} {layers:>6} {steps:>5}  {outcome}")
    good = sum(1 for one in found if one.code is None)
    return "\n".join([*lines, "", f"{good} of {len(found)} models open and are rebuilt by Keras"])
