"""Making true again what a config records of shapes and of how layers were built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Slot, Spec
from patchspec.planning.shapes import Shapes
from patchspec.problems import Pointer


def refreshed(graph: Graph, shapes: Shapes, *, known: bool) -> Iterator[Edit]:
    """The edits that make true what the config records of shapes and of how layers were built.

    Where shapes are not `known`, what may be stale is taken back: recorded shapes to `[]`, which
    Keras reads as none, and `build_config` away.
    """
    for model in graph.models():
        specs = shapes.specs.get(model.path)
        if specs is None:
            continue
        for layer in model.layers.values():
            if not model.is_sequential:
                for slot in (slot for call in layer.calls for slot in call.slots):
                    yield from _recorded_anew(slot, specs.get(slot.tensor))
            if layer.path in shapes.inferred:
                truth = shapes.inferred[layer.path].entry()
                yield from _derived(layer.entry, truth, layer.pointer)
            elif layer.path in shapes.reached and not known:
                yield from _not_derived(layer.entry, layer.pointer)


def _recorded_anew(slot: Slot, spec: Spec | None) -> Iterator[Edit]:
    if slot.spec == spec:
        return
    config = slot.pointer[:-1]
    if spec is None:
        if slot.spec is not None and slot.spec.shape != ():
            yield edits.replace((*config, "shape"), [])
        return
    if slot.spec is None or slot.spec.shape != spec.shape:
        yield edits.replace((*config, "shape"), list(spec.shape))
    if slot.spec is None or slot.spec.dtype != spec.dtype:
        yield edits.replace((*config, "dtype"), spec.dtype)


def _derived(entry: Any, truth: Any, at: Pointer) -> Iterator[Edit]:
    """`build_config` at every depth as Keras derived it; nested models are walked through apart."""
    if isinstance(entry, Mapping) and isinstance(truth, Mapping):
        mine, theirs = entry.get("build_config"), truth.get("build_config")
        if theirs is not None and mine != theirs:
            edit = edits.replace if "build_config" in entry else edits.add
            yield edit((*at, "build_config"), theirs)
        elif theirs is None and mine is not None and "class_name" in entry:
            yield edits.remove((*at, "build_config"))
        for key, value in entry.items():
            if key not in ("build_config", "inbound_nodes", "compile_config", "layers") and (
                key in truth
            ):
                yield from _derived(value, truth[key], (*at, key))
    elif isinstance(entry, list) and isinstance(truth, list) and len(entry) == len(truth):
        for i, (mine, theirs) in enumerate(zip(entry, truth, strict=True)):
            yield from _derived(mine, theirs, (*at, i))


def _not_derived(entry: Any, at: Pointer) -> Iterator[Edit]:
    """Take `build_config` away at every depth, but where it only marks a functional model.

    Nested models are walked through apart.
    """
    if isinstance(entry, Mapping):
        if entry.get("build_config", {"input_shape": None}) != {"input_shape": None}:
            yield edits.remove((*at, "build_config"))
        for key, value in entry.items():
            if key not in ("build_config", "inbound_nodes", "layers"):
                yield from _not_derived(value, (*at, key))
    elif isinstance(entry, list):
        for i, item in enumerate(entry):
            yield from _not_derived(item, (*at, i))
