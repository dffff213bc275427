"""Nested models whose layers are all known: what they make is what their last layers make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.order import CycleError
from patchspec.graph.tensors import Spec, Tensor, triples_in_structure
from patchspec.inferring.arguments import boolean, count, list_of, optional
from patchspec.inferring.kinds import decline, is_flag
from patchspec.inferring.native import ENTRY_KEYS, NativeLayer, known_layer
from patchspec.inferring.policies import NUMBERS, policy_of
from patchspec.planning.shapes import InferredLayer, VariableSpec, with_specs

_FUNCTIONAL = ("keras.src.models.functional", "Functional")
_SEQUENTIAL = ("keras", "Sequential")
_ENDS = {"input_layers", "output_layers"}
_CONFIG_KEYS: Mapping[tuple[str, str], set[str]] = {
    _FUNCTIONAL: {"name", "trainable", "layers", *_ENDS},
    _SEQUENTIAL: {"name", "trainable", "layers", "dtype", "build_input_shape"},
}
_INPUT_KEYS = {"name", "batch_shape", "dtype", "sparse", "ragged", "optional"}
_MASKING = ("Masking", "Embedding")
"""Classes of whose masks Keras computes more, all the way through the model."""


def native(entry: Mapping[str, Any], integer: str) -> InferredLayer | None:
    """The layer, operation or nested model of an entry, if all that it says is plain."""
    found = known_layer(entry)
    return native_model(entry, integer) if found is None else NativeLayer(found, integer)


def native_model(entry: Mapping[str, Any], integer: str) -> NativeModel | None:
    """The nested model of an entry, if it is plain and so is all that it holds."""
    kind = (str(entry.get("module")), str(entry.get("class_name")))
    config, keys = entry.get("config"), _CONFIG_KEYS.get(kind)
    if keys is None or not isinstance(config, Mapping) or not set(config) <= keys:
        return None
    wanted = {_FUNCTIONAL: ("Functional",), _SEQUENTIAL: (None, "Sequential")}[kind]
    plain = (
        set(entry) <= {*ENTRY_KEYS, "compile_config"}
        and entry.get("registered_name", "") in wanted
        and boolean(config.get("trainable", True))
        and isinstance(config.get("name"), str)
        and isinstance(config.get("layers"), list)
        and (kind == _SEQUENTIAL or set(config) >= _ENDS)
        and (kind == _FUNCTIONAL or policy_of(config.get("dtype")) is not None)
    )
    if not plain:
        return None
    try:
        return _with_layers(entry, Graph(config), integer)
    except (CycleError, KeyError, TypeError, ValueError):
        # The graph is not whole, which Keras says in its own way.
        return None


def _with_layers(entry: Mapping[str, Any], graph: Graph, integer: str) -> NativeModel | None:
    called = {name for name, _ in graph.order.calls}
    if graph.duplicates or called != set(graph.layers):
        return None
    inputs: dict[str, Spec] = {}
    layers: dict[str, InferredLayer] = {}
    for layer in graph.in_order:
        if layer.config.get("name") != layer.name or layer.class_name in _MASKING:
            return None
        if layer.is_input:
            spec = _input(layer)
            if spec is None:
                return None
            inputs[layer.name] = spec
            continue
        own = {key: value for key, value in layer.entry.items() if key != "inbound_nodes"}
        made = native(own, integer)
        if made is None:
            return None
        layers[layer.name] = made
    reads = _reads(graph, inputs)
    return None if reads is None else NativeModel(entry, graph, reads, inputs, layers)


def _input(layer: Layer) -> Spec | None:
    config = layer.config
    shape, dtype = config.get("batch_shape"), config.get("dtype")
    plain = (
        set(config) <= _INPUT_KEYS
        and layer.entry.get("module") == "keras.layers"
        and layer.entry.get("registered_name", "") is None
        and list_of(optional(count))(shape)
        and dtype in NUMBERS
        and not any(config.get(key) for key in ("sparse", "ragged", "optional"))
    )
    return Spec(tuple(shape or ()), str(dtype)) if plain else None


def _reads(graph: Graph, inputs: Mapping[str, Spec]) -> Spec | list[Spec] | None:
    """What a call must be given: a tensor, or a list of several; none for other structures."""
    if graph.is_sequential:
        policy = policy_of(graph.source["dtype"])
        [spec] = inputs.values()
        return spec if policy is not None and spec.dtype == policy.compute else None
    said = graph.config["input_layers"]
    triples = [triple for _, triple in triples_in_structure(said)]
    specs = [inputs[name] for name, _, _ in triples]
    if len(specs) == 1 and said == triples[0]:
        return specs[0]
    return specs if len(specs) > 1 and said == triples else None


@dataclass
class NativeModel:
    """A nested model that is called on just what its own input layers say."""

    said: Mapping[str, Any]
    graph: Graph
    reads: Spec | list[Spec]
    inputs: Mapping[str, Spec]
    layers: Mapping[str, InferredLayer]
    """The others, by name and in Keras's order."""
    made: tuple[Spec, ...] | None = field(default=None)

    @property
    def carries_masks(self) -> bool:
        """What Keras says of any model."""
        return False

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The specs of the outputs; `DeclinedError` where Keras is to be asked."""
        plain = all(
            value is None or (key == "training" and is_flag(value)) for key, value in kwargs.items()
        )
        if args != [self.reads] or not plain or not set(kwargs) <= {"training", "mask"}:
            decline()
        if self.made is None:
            self.made = tuple(self._walked())
        return self.made

    def _walked(self) -> Iterator[Spec]:
        specs = {Tensor(name): spec for name, spec in self.inputs.items()}
        try:
            for name, index in self.graph.order.calls:
                if name in self.inputs:
                    continue
                data = self.graph.layers[name].calls[index].data
                args = with_specs(data.get("args", []), specs)
                found = self.layers[name].call(args, with_specs(data.get("kwargs", {}), specs))
                specs |= {Tensor(name, index, output): spec for output, spec in enumerate(found)}
            yield from [specs[slot.tensor] for slot in self.graph.outputs]
        except KeyError:
            decline()

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables that Keras would save, in its order of saving."""
        return tuple(
            VariableSpec(
                f"{name}/{one.inner}",
                one.name,
                one.shape,
                one.dtype,
                one.trainable,
                one.initializer,
            )
            for name, layer in self.layers.items()
            for one in (layer.variables() if self.made is not None else ())
        )

    def entry(self) -> Mapping[str, Any]:
        """The model with what Keras derives of it; its layers are looked at apart."""
        built = None if isinstance(self.reads, list) else list(self.reads.shape)
        shape = built if self.graph.is_sequential else None
        left_out = ("inbound_nodes", "build_config")
        kept = {key: value for key, value in self.said.items() if key not in left_out}
        return {**kept, "build_config": {"input_shape": shape}}
