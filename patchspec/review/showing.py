"""A model as lines for `git diff`: one fact on each, in an order that stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.layers.table import layer_class
from patchspec.models.base import Base, Variable
from patchspec.planning.summary import meant_value
from patchspec.review.style import clean, number

_WIRING = ("layers", "input_layers", "output_layers", "build_input_shape")
_USUAL = {"trainable": True}


def model_lines(base: Base, *, values: bool = True) -> Iterator[str]:
    """The model, then each layer: class, what it reads, arguments that are not the default.

    With `values` each variable has the beginning of the SHA-256 of what it holds.
    """
    graph = base.graph
    yield f"model {clean(graph.config.get('name'))} ({clean(base.document.get('class_name'))})"
    for what, slots in (("input", graph.inputs), ("output", graph.outputs)):
        for name, slot in zip(end_names(slots), slots, strict=True):
            yield f"  {what} {clean(name)}: {clean(slot.tensor)}"
    if base.variables is not None:
        yield f"  parameters: {number(sum(prod(v.shape) for v in base.variables.values()))}"
    if base.document.get("compile_config"):
        for key, value in base.document["compile_config"].items():
            yield f"  compiled with {clean(key)}: {_value(value)}"
    for layer in graph.walk():
        yield ""
        yield from _layer_lines(layer, base, values)


def _layer_lines(layer: Layer, base: Base, values: bool) -> Iterator[str]:
    pad = "  " * len(layer.parents)
    yield f"{pad}{clean(layer.path)}: {clean(layer.class_names[-1])}"
    for call in layer.calls if not layer.is_input else ():
        number_of = f"@{call.index}" if len(layer.calls) > 1 else ""
        yield f"{pad}  reads{number_of}: {clean(', '.join(str(s.tensor) for s in call.slots))}"
    for key, value in sorted(_said(layer).items()):
        yield f"{pad}  {clean(key)}: {_value(value)}"
    if layer.inner is not None:
        for name, slot in zip(end_names(layer.inner.outputs), layer.inner.outputs, strict=True):
            yield f"{pad}  output {clean(name)}: {clean(slot.tensor)}"
    for variable in base.by_layer.get(layer.path, ()):
        yield f"{pad}  {_variable(variable, layer.path, values)}"


def _said(layer: Layer) -> Mapping[str, Any]:
    """The config without what the class has anyway."""
    known = layer_class(layer.class_name)
    usual = {**_USUAL, **(known.defaults if known else {})}
    said = {}
    for key, value in layer.config.items():
        if key == "name" or (layer.is_model and key in (*_WIRING, "dtype")):
            continue
        meant = _plain(meant_value(value))
        if key == "dtype" and meant == "float32":
            continue
        if key not in usual or _plain(meant_value(usual[key])) != meant:
            said[key] = meant
    return said


def _plain(value: Any) -> Any:
    """A value without the packing of Keras's objects."""
    if isinstance(value, Mapping):
        config = value.get("config")
        if value.get("class_name") == "DTypePolicy" and isinstance(config, Mapping):
            return config.get("name")
        if "class_name" in value and isinstance(config, Mapping):
            inner = {k: _plain(v) for k, v in config.items() if v is not None}
            return {str(value["class_name"]): inner} if inner else str(value["class_name"])
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _value(value: Any) -> str:
    return clean(json.dumps(_plain(meant_value(value)), sort_keys=True))


def _variable(variable: Variable, layer: str, values: bool) -> str:
    name = variable.name or variable.path.removeprefix(f"{layer}/")
    shape = "x".join(map(str, variable.shape)) or "scalar"
    said = f"{clean(name)}: {variable.dtype} {shape}"
    if not values:
        return said
    import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

    value = np.ascontiguousarray(variable.read())
    content = value.view(np.uint8).data if value.size else b""
    return f"{said} {hashlib.sha256(content).hexdigest()[:12]}"
