"""What is known of the variables of the models that a plan takes values from."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from patchspec.graph.entries import inner_configs
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Spec, Tensor
from patchspec.models.base import Base, Variable
from patchspec.planning.shapes import Inferrer, Shapes, VariableSpec, known_specs, with_specs
from patchspec.problems import PatchError

BASE = "base"
"""The name of the base among the models."""


@dataclass(frozen=True)
class Known:
    """The models, and what was inferred of the variant."""

    base: Base
    shapes: Shapes
    inferrer: Inferrer | None
    models: Mapping[str, Base] = field(default_factory=dict)
    """The other models, by the names that the patches give them."""
    named: dict[Any, tuple[VariableSpec, ...] | None] = field(default_factory=dict)
    """The variables of one layer for all that are alike; each says itself whether it trains."""
    specs: dict[str, Mapping[str, Mapping[Tensor, Spec]]] = field(default_factory=dict)
    """The specs of the tensors of models without weights."""

    def model(self, name: str) -> Base:
        """A model by its name."""
        return self.base if name == BASE else self.models[name]

    def variables_of(self, model: str, path: str) -> tuple[VariableSpec, ...] | None:
        """The variables of a layer of a model; none where nothing says.

        What a file stores has no names: they are asked of one layer for all that are alike.
        """
        source = self.model(model)
        layer = source.graph.by_path[path]
        recorded = source.graph.home(path).recorded
        specs = self.shapes.base_specs[layer.home] if model == BASE else recorded
        stored = stored_variables(source, path)
        if stored is None:
            inferred = self._inferred(model, source.graph, layer.home)
            return self.built(_thawed(layer), specs, inferred)
        if not stored or all(spec.name for spec in stored):
            return stored
        alike = (layer.class_names, tuple(spec.inner for spec in stored), _own_name(layer))
        if alike not in self.named:
            self.named[alike] = self.built(_thawed(layer), specs)
        named = self.named[alike]
        if named is None or {v.inner for v in named} != {v.inner for v in stored}:
            return stored
        by_path = {spec.inner: spec for spec in named}
        return tuple(
            replace(by_path[spec.inner], shape=spec.shape, dtype=spec.dtype) for spec in stored
        )

    def _inferred(self, model: str, graph: Graph, home: str) -> Mapping[Tensor, Spec]:
        """The specs of a model's tensors, where the config does not record them all."""
        if self.inferrer is None:
            return {}
        if model not in self.specs:
            self.specs[model] = known_specs(graph, self.inferrer)
        return self.specs[model][home]

    def built(self, layer: Layer, *specs: Mapping[Tensor, Spec]) -> tuple[VariableSpec, ...] | None:
        """The variables of a layer when Keras builds it on these shapes; none where it cannot.

        Of several mappings of shapes the first that has one counts.
        """
        if self.inferrer is None:
            return None
        data = layer.calls[0].data
        # Not one mapping of all: there are as many tensors as layers, and this is done for each.
        known: ChainMap[Tensor, Spec] = ChainMap(
            *(cast("MutableMapping[Tensor, Spec]", one) for one in specs),
            specs_of_building(layer),
        )
        try:
            made = self.inferrer.layer(layer.entry)
            made.call(
                with_specs(data.get("args", []), known), with_specs(data.get("kwargs", {}), known)
            )
        except (PatchError, KeyError):
            return None
        return made.variables()


def _thawed(layer: Layer) -> Layer:
    """The layer, training: which of its variables then train; whether it does, its config says."""
    if layer.config.get("trainable") is not False:
        return layer
    return replace(layer, entry={**layer.entry, "config": {**layer.config, "trainable": True}})


def specs_of_building(layer: Layer) -> dict[Tensor, Spec]:
    """What a Sequential records in place of the tensors: the shape that a layer was built on."""
    shape = (layer.entry.get("build_config") or {}).get("input_shape")
    slots = layer.calls[0].slots
    if not isinstance(shape, list) or any(isinstance(n, list) for n in shape) or len(slots) != 1:
        return {}
    return {slots[0].tensor: Spec(tuple(shape), "float32")}


def _own_name(layer: Layer) -> str:
    """What makes a composite layer unlike others of its class; empty for a plain layer."""
    return layer.name if any(True for _ in inner_configs(layer.config, ())) else ""


def stored_variables(model: Base, path: str) -> tuple[VariableSpec, ...] | None:
    """The variables of a layer as the model's file or the live model names them."""
    if model.variables is None:
        return None
    by_layer = model.by_layer.get(path, ())
    return tuple(_spec(variable, variable.path.removeprefix(f"{path}/")) for variable in by_layer)


def _spec(variable: Variable, inner: str) -> VariableSpec:
    return VariableSpec(
        inner,
        variable.name or "",
        variable.shape,
        variable.dtype,
        variable.trainable is not False,
        None,
    )
