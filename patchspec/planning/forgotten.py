"""What a file does not hold of a model: random generators, recurrent states, LoRA's matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph.layer import Layer
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import Problem, some


def forgotten(plan: Plan) -> Iterator[Finding]:
    """PS507 for layers that stay and start anew where the base is a file; their configs tell."""
    if plan.base.live is not None:
        return
    kept = [layer for layer in plan.graph.walk() if plan.origins.get(layer.path) is not None]
    own = [layer for layer in kept if layer.inner is None and not layer.is_operation]
    for what, holds in _LEFT:
        paths = [layer.path for layer in own if holds(layer)]
        if paths:
            problem = Problem(
                code="PS507",
                message=f"a `.keras` file holds no state of {what}; those of {some(paths)} start "
                "anew",
            )
            yield Finding(problem)


def _draws(layer: Layer) -> bool:
    """Whether the layer, or one inside it, draws random numbers with a generator of its own."""
    return any("seed" in config and _uses(config) for config in _configs(layer))


_RATES = ("rate", "dropout", "recurrent_dropout", "stddev")


def _uses(config: Mapping[str, Any]) -> bool:
    rates = [config[key] for key in _RATES if key in config]
    return not rates or any(rates)


def _is_stateful(layer: Layer) -> bool:
    return any(config.get("stateful") is True for config in _configs(layer))


def has_lora(layer: Layer) -> bool:
    """Whether the layer, or one inside it, trains low-rank matrices beside its kernel."""
    return any(config.get("lora_rank") for config in _configs(layer))


_LEFT = (
    ("random generators", _draws),
    ("recurrent layers", _is_stateful),
    ("LoRA, whose matrices are merged into the kernels", has_lora),
)


def _configs(layer: Layer) -> Iterator[Mapping[str, Any]]:
    """The config of the layer and those of layers and cells inside it; of no initializer."""
    yield layer.config
    yield from _inside(layer.config)


def _inside(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _inside(item)
    elif isinstance(value, Mapping):
        config = value.get("config")
        if "class_name" in value and isinstance(config, Mapping) and "trainable" in config:
            yield config
        for item in value.values():
            yield from _inside(item)
