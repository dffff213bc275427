"""PS804: BatchNormalization that trains in a frozen backbone."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem, some

CODE = "PS804"


def found(subject: Subject) -> Iterator[Lint]:
    """Normalizations whose input a frozen layer makes, where the patch freezes or unfreezes."""
    steps = [s for s in subject.patch.steps if s.op in ("freeze", "unfreeze")]
    if subject.plan is None or not steps:
        return
    training = [
        layer.path
        for model in subject.plan.graph.models()
        for layer in model.in_order
        if layer.class_name == "BatchNormalization"
        and layer.config.get("trainable", True) is not False
        and _is_frozen(_producer(model, layer))
    ]
    if not training:
        return
    last = steps[-1]
    count = f"{len(training)} BatchNormalization layer{'' if len(training) == 1 else 's'}"
    problem = Problem(
        code=CODE,
        message=f"{count} behind frozen layers still train: {some(training)}",
        at=last.at,
        notes=("their moving averages drift from what the frozen layers were trained with",),
        hint="freeze them too, or accept this with a comment that says why",
    )
    yield Lint(problem)


def _producer(model: Graph, layer: Layer) -> Layer | None:
    slots = layer.calls[0].slots if layer.calls else ()
    return model.layers[slots[0].tensor.layer] if slots else None


def _is_frozen(layer: Layer | None) -> bool:
    """Whether a layer that could train does not."""
    learns = layer is not None and {"kernel_initializer", "depthwise_initializer"} & set(
        layer.config
    )
    return bool(learns) and layer is not None and layer.config.get("trainable") is False
