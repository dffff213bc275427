"""What there is to know of a layer beyond its place: its variables, and how it is configured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.graph.entries import inner_configs
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.layers.table import layer_class
from patchspec.models.base import Base
from patchspec.review.drawing.text import compact, shown

_LONGEST = 160
_IDENTITY = ("name", "layers", "input_layers", "output_layers", "batch_shape", "build_config")
"""What the picture itself shows."""


@dataclass(frozen=True, slots=True)
class Details:
    """Of one layer, however often it is called."""

    variables: tuple[str, ...] = ()
    config: tuple[tuple[str, str], ...] = ()
    """What the config says beyond the defaults of the class, as JSON on one line."""
    trainable: bool | None = None


def details_of(base: Base) -> dict[str, Details]:
    """By path, of every layer at every level."""
    found: dict[str, Details] = {}
    for layer in base.graph.walk():
        _collect(layer, base, found)
    return found


def _collect(layer: Layer, base: Base, found: dict[str, Details]) -> None:
    variables = base.by_layer.get(layer.path, ())
    told = tuple(
        shown(f"{v.name or v.path.removeprefix(f'{layer.path}/')} {v.dtype}{list(v.shape)}")
        for v in variables
    )
    trainable = layer.config.get("trainable")
    found[layer.path] = Details(
        told, tuple(_differing(layer)), trainable if isinstance(trainable, bool) else None
    )
    for inner in _held(layer):
        _collect(inner, base, found)


def _held(layer: Layer) -> tuple[Layer, ...]:
    """The layers inside a wrapper, and those of a model that is wrapped, which no walk reaches."""
    inside = []
    for one in layer.wrapped.values():
        inside.append(one)
        inside += _within(one.inner) if one.inner is not None else ()
    return tuple(inside)


def _within(graph: Graph) -> list[Layer]:
    found = []
    for layer in graph.layers.values():
        found.append(layer)
        found += _within(layer.inner) if layer.inner is not None else ()
    return found


def _differing(layer: Layer) -> list[tuple[str, str]]:
    """What the config says beyond the defaults, and beyond the layers that the picture shows."""
    known = layer_class(layer.class_name)
    defaults: Mapping[str, Any] = known.defaults if known is not None else {}
    held = {pointer[0] for pointer, _ in inner_configs(layer.config, ())}
    return [
        (shown(key), compact(_short(value), _LONGEST))
        for key, value in layer.config.items()
        if key not in _IDENTITY
        and key not in held
        and not (key in defaults and _same(value, defaults[key]))
        and not (key == "trainable" and isinstance(value, bool))
        and not (key == "dtype" and _is_plain(value))
    ]


def _same(value: Any, default: Any) -> bool:
    return bool(value == default or _short(value) == _short(default))


def _short(value: Any) -> Any:
    """An object as Keras serialises it, by its class alone where it has no arguments."""
    if isinstance(value, Mapping) and isinstance(value.get("config"), Mapping):
        arguments = {k: v for k, v in value["config"].items() if v is not None}
        name = value.get("class_name")
        return {str(name): _short(arguments)} if arguments else name
    if isinstance(value, Mapping):
        return {key: _short(item) for key, item in value.items()}
    return [_short(item) for item in value] if isinstance(value, list) else value


def _is_plain(value: Any) -> bool:
    """Whether the dtype is the one that goes without saying."""
    name = value.get("config", {}).get("name") if isinstance(value, Mapping) else value
    return bool(name == "float32")
