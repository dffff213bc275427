"""Nested models of which the config lists no layers, and whether a patch reaches inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from patchspec.graph.layer import Layer
from patchspec.language.patch import Patch
from patchspec.models.base import Base


def reached_inside(base: Base, patches: Sequence[Patch]) -> tuple[str, ...]:
    """The paths of the closed models that a patch reaches into."""
    closed = [layer.path for layer in base.graph.walk() if _is_closed(layer)]
    if not closed:
        return ()
    said = {text for patch in patches for text in _texts(patch.source.data.get("operations", []))}
    return tuple(path for path in closed if any(text.startswith(f"{path}/") for text in said))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _is_closed(layer: Layer) -> bool:
    """Whether a layer is a nested functional model whose config does not list its layers."""
    return layer.offset == 1 and layer.inner is None
