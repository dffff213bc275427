"""Activations that follow one another in the variant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.graph.layer import Layer
from patchspec.linting.lint import Subject
from patchspec.problems import Pointer

_CLASSES = {
    "ReLU": "relu", "Softmax": "softmax", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """A layer that applies an activation to what another has applied one to."""

    producer: str
    first: str
    reader: str
    second: str
    at: Pointer
    """The operation that put one of them there."""


def pairs(subject: Subject) -> Iterator[Pair]:
    """The pairs of which the patch made or changed one layer."""
    if subject.plan is None:
        return
    touched = dict(_touched(subject))
    for model in subject.plan.graph.models():
        for layer in model.in_order:
            second = alone(layer)
            if second is None or not layer.calls[0].slots:
                continue
            producer = model.layers[layer.calls[0].slots[0].tensor.layer]
            first = activation(producer)
            at = touched.get(layer.path, touched.get(producer.path))
            if first is not None and at is not None:
                yield Pair(producer.path, first, layer.path, second, at)


def activation(layer: Layer) -> str | None:
    """The activation that a layer ends in; none where it is linear."""
    if layer.class_name in _CLASSES:
        return _CLASSES[layer.class_name]
    said = layer.config.get("activation")
    name = said if isinstance(said, str) else None
    return None if name in (None, "linear") else name


def alone(layer: Layer) -> str | None:
    """The activation of a layer that does nothing else."""
    is_one = layer.class_name in _CLASSES or layer.class_name == "Activation"
    return activation(layer) if is_one else None


def _touched(subject: Subject) -> Iterator[tuple[str, Pointer]]:
    """The layers that operations made, rewired or set, with the last that did."""
    plan = subject.plan
    assert plan is not None
    summary = plan.layers
    new = {*summary.added, *(new for _, new in summary.replaced)}
    layers = plan.graph.by_path
    for step in range(len(subject.patch.steps)):
        at = subject.patch.steps[step].at
        for change in subject.changes(step):
            for edit in change.edits:
                name = edit.value.get("name") if isinstance(edit.value, dict) else None
                if name in layers and name in new:
                    yield str(name), at
            if change.target in summary.changed:
                yield change.target, at
    removed = [s for s in subject.patch.steps if s.op == "remove"]
    for path in summary.rewired if removed else ():
        yield path, removed[-1].at
