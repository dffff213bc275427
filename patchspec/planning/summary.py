"""The summary: which layers a plan adds, removes, replaces, changes, rewires and renames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Tensor


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """Layers by what becomes of them; a renamed layer is neither added nor removed."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    replaced: tuple[tuple[str, str], ...]
    """Pairs: the layer that goes, and the new one that takes its place."""
    changed: tuple[str, ...]
    """Those with another config."""
    rewired: tuple[str, ...]
    """Those that read something else; what is renamed or replaced stays the same thing."""
    renamed: tuple[tuple[str, str], ...]

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))


Layers = Mapping[str, Layer]
"""Layers by path, those of nested models too."""
Origins = Mapping[str, str | None]
"""For every layer afterwards, the layer that it was before, or none."""


@dataclass(frozen=True)
class Lineage:
    """Two models, and which layer of the one each layer of the other is.

    A plan knows it, since its steps say so; of two models found somewhere it is worked out.
    """

    before: Graph
    after: Graph
    origins: Origins
    """For every layer after, nested ones too, the layer before that it is, or none."""
    replaces: Mapping[str, str]
    """For every new layer that stands in the place of one before, that one."""

    @cached_property
    def layers(self) -> LayerSummary:
        """Which layers are added, removed, replaced and changed."""
        return layer_summary(self.before.by_path, self.after.by_path, self.origins, self.replaces)

    def origin(self, path: str) -> Layer:
        """The layer before that a layer after is; there is one."""
        return self.before.by_path[str(self.origins[path])]


def layer_summary(
    before: Layers, after: Layers, origins: Origins, replaces: Mapping[str, str]
) -> LayerSummary:
    """What becomes of the layers; `replaces` says in whose place new ones stand."""
    new = [name for name in after if origins.get(name) is None]
    alive = {origin for origin in origins.values() if origin is not None}
    gone = [name for name in before if name not in alive]
    # Of several new layers for one, the first stands in its place and the others are added.
    first: dict[str, str] = {}
    for name, old in replaces.items():
        if name in after:
            first.setdefault(old, name)
    left_behind = set(gone)
    replaced = [(old, name) for old, name in first.items() if old in left_behind]
    left, came = {old for old, _ in replaced}, {name for _, name in replaced}
    names = names_after(origins) | dict(replaced)
    changed, rewired, renamed = [], [], []
    for name, layer in after.items():
        origin = origins.get(name)
        if origin is None:
            continue
        if origin != name and not _moved_along(origin, name, origins):
            renamed.append((origin, name))
        if _meant(before[origin].config) != _meant(layer.config):
            changed.append(name)
        if calls_read(before[origin], names) != calls_read(layer, {}):
            rewired.append(name)
    return LayerSummary(
        tuple(name for name in new if name not in came),
        tuple(name for name in gone if name not in left),
        tuple(replaced),
        tuple(changed),
        tuple(rewired),
        tuple(renamed),
    )


def _moved_along(origin: str, path: str, origins: Origins) -> bool:
    """Whether a layer has another path only because a model around it has another name."""
    (was, old), (now, new) = _split(origin), _split(path)
    return old == new and origins.get(now) == was


def _split(path: str) -> tuple[str, str]:
    around, _, name = path.rpartition("/")
    return around, name


def names_after(origins: Origins) -> dict[str, str]:
    """The paths that the layers before have afterwards."""
    return {origin: path for path, origin in origins.items() if origin is not None}


def calls_read(layer: Layer, paths: Mapping[str, str]) -> list[dict[Any, Tensor]]:
    """What each call of a layer reads, by argument, under the paths that `paths` gives layers."""

    def named(tensor: Tensor) -> Tensor:
        path = "/".join((*layer.parents, tensor.layer))
        return replace(tensor, layer=_split(paths.get(path, path))[1])

    return [{slot.key: named(slot.tensor) for slot in call.slots} for call in layer.calls]


def _meant(config: Any) -> Any:
    """The config without its own name, without what Keras derives and what stands for itself.

    The layers of a nested model are looked at one by one.
    """
    if isinstance(config, Mapping):
        wiring = ("layers", "input_layers", "output_layers", "dtype", "build_input_shape")
        skipped = ("name", *(wiring if "layers" in config else ()))
        return {k: meant_value(v) for k, v in config.items() if k not in skipped}
    return config


def meant_value(value: Any) -> Any:
    """What a value in a config says, without what Keras derives and numbers objects by."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return value["config"]["keras_history"]
        skipped = ("build_config", "shared_object_id")
        return {k: meant_value(v) for k, v in value.items() if k not in skipped}
    return [meant_value(item) for item in value] if isinstance(value, list) else value
