"""PS810: dropout on what the model gives out."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS810"
DROPPING = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout",
    "GaussianDropout",
)  # fmt: skip


def found(subject: Subject) -> Iterator[Lint]:
    """A new layer that drops values and is an output of the model, read by nothing else."""
    plan = subject.plan
    if plan is None:
        return
    new = {*plan.layers.added, *(name for _, name in plan.layers.replaced)}
    for slot in plan.graph.outputs:
        layer = plan.graph.layers[slot.tensor.layer]
        if layer.class_name not in DROPPING or layer.path not in new:
            continue
        at = next((at for at in _made_at(subject, layer.path)), ("operations",))
        problem = Problem(
            code=CODE,
            message=f"`{layer.path}` drops values of an output: in training the loss sees zeros "
            "that the model never meant",
            at=at,
            hint="put it before the last layer: `before:` instead of `after:`",
        )
        yield Lint(problem)


def _made_at(subject: Subject, path: str) -> Iterator[tuple[str | int, ...]]:
    for number, step in enumerate(subject.patch.steps):
        for change in subject.changes(number):
            if any(isinstance(e.value, dict) and e.value.get("name") == path for e in change.edits):
                yield step.at
