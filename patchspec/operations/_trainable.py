"""The trainable flags of a model's leaves.

A leaf trains if it and all its containers, the model included, say so. Keras saves a flag on every
leaf and honours a container's flag only in part, so it is the leaves that are set.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.entries import inner_configs, is_operation_entry
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.selectors import select
from patchspec.operations._operation import Target
from patchspec.problems import Pointer, refuse, some

NORMALIZATION = "BatchNormalization"


def leaf_targets(said: Any, graph: Graph, *, batchnorm: bool) -> tuple[Target, ...]:
    """The matches that hold leaves to set; refused where none does."""
    matches = select(said, graph, at=("layers",))
    targets = tuple(
        Target(match.layer.path, i, match.star)
        for i, match in enumerate(matches)
        if any(True for _ in _leaves(match.layer, batchnorm=batchnorm))
    )
    if not targets:
        refuse(
            "PS416",
            "none of the layers matched has anything to train",
            at=("layers",),
            notes=[f"matched: {some(match.layer.path for match in matches)}"],
            hint="input layers and bare operations have no trainable flag",
        )
    return targets


def batchnorms(graph: Graph, target: Target) -> list[str]:
    """The BatchNormalization layers among the leaves of the target."""
    layer = graph.layer(target.path)
    return [
        f"{layer.path}/{entry['config'].get('name')}" if nested else layer.path
        for nested, _, entry in _walk(layer.entry, layer.pointer, nested=False)
        if entry["class_name"] == NORMALIZATION
    ]


def set_trainable(
    graph: Graph, target: Target, trainable: bool, *, batchnorm: bool
) -> Iterator[Edit]:
    """Give the target's leaves this effective state and let every other leaf keep its own."""
    layer = graph.layer(target.path)
    chosen = dict(_leaves(layer, batchnorm=batchnorm))
    if trainable:
        yield from _lifted(graph, target.path.partition("/")[0], set(chosen))
    for pointer, config in chosen.items():
        if config.get("trainable", True) is not trainable:
            yield _flag(config, pointer, trainable)


def _lifted(graph: Graph, outer: str, chosen: set[Pointer]) -> Iterator[Edit]:
    """Lift the `false` of the containers above the chosen leaves; their other leaves get it.

    All of the chosen lie in the layer `outer` of the whole model.
    """
    layer = graph.layers[outer]
    containers = [(graph.pointer, graph.config)]
    containers += _containers(layer.config, (*layer.pointer, "config"))
    lifted = [
        (pointer, config)
        for pointer, config in containers
        if config.get("trainable") is False and any(_lies_in(leaf, pointer) for leaf in chosen)
    ]
    others: dict[Pointer, Mapping[str, Any]] = {}
    for pointer, config in lifted:
        yield edits.replace((*pointer, "trainable"), True)
        others |= {
            leaf: inner
            for leaf, inner in _leaves_below(config, pointer)
            if leaf not in chosen and inner.get("trainable", True) is True
        }
    for leaf, inner in others.items():
        yield _flag(inner, leaf, False)


def _flag(config: Mapping[str, Any], pointer: Pointer, trainable: bool) -> Edit:
    edit = edits.replace if "trainable" in config else edits.add
    return edit((*pointer, "trainable"), trainable)


def _lies_in(leaf: Pointer, container: Pointer) -> bool:
    return leaf[: len(container)] == container and leaf != container


def _containers(
    config: Mapping[str, Any], at: Pointer
) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    inner = list(inner_configs(config, at))
    if inner:
        yield at, config
    for pointer, entry in inner:
        yield from _containers(entry["config"], (*pointer, "config"))


def _leaves(layer: Layer, *, batchnorm: bool) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    for _, pointer, entry in _walk(layer.entry, layer.pointer, nested=False):
        if batchnorm or entry["class_name"] != NORMALIZATION:
            yield (*pointer, "config"), entry["config"]


def _leaves_below(
    config: Mapping[str, Any], at: Pointer
) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    for pointer, entry in inner_configs(config, at):
        for _, leaf, inner in _walk(entry, pointer, nested=True):
            yield (*leaf, "config"), inner["config"]


def _walk(
    entry: Mapping[str, Any], at: Pointer, *, nested: bool
) -> Iterator[tuple[bool, Pointer, Mapping[str, Any]]]:
    """The leaf entries of a layer: itself, or what its nested model or wrapper holds."""
    if is_operation_entry(entry) or entry["class_name"] == "InputLayer":
        return
    inner = list(inner_configs(entry["config"], (*at, "config")))
    if not inner:
        yield nested, at, entry
    for pointer, child in inner:
        yield from _walk(child, pointer, nested=True)
