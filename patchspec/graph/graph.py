"""The lens itself: the layers, calls and tensors of one model, as its config says them.

A graph is a snapshot of the document it was made from. `Graph.after` makes the next one and looks
again only at the layers that were touched, so a fold over many targets stays linear.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from patchspec.graph.order import CycleError, Order, graph_order
from patchspec.graph.tensors import (
    Slot,
    Spec,
    Tensor,
    slots_in_arguments,
    triples_in_structure,
)
from patchspec.problems import Pointer, did_you_mean, refuse, some

OPERATION_MODULES = ("keras.src.ops.", "keras.ops")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one layer: what Keras writes as a node."""

    layer: str
    index: int
    pointer: Pointer
    data: Mapping[str, Any]
    slots: tuple[Slot, ...]

    @property
    def distinct(self) -> tuple[Tensor, ...]:
        """The distinct tensors passed by position, in order; by keyword where none is."""
        placed = [slot.tensor for slot in self.slots if slot.in_args]
        named = [slot.tensor for slot in self.slots if slot.key[-1] != "mask"]
        return tuple(dict.fromkeys(placed or named))


@dataclass(frozen=True)
class Layer:
    """One entry of the config: a layer, a nested model, or a bare operation."""

    entry: Mapping[str, Any]
    pointer: Pointer
    parents: tuple[str, ...] = ()
    in_sequential: bool = False

    @cached_property
    def name(self) -> str:
        """The name by which the config refers to the layer."""
        name = self.entry.get("name") or self.config.get("name")
        return str(name)

    @property
    def path(self) -> str:
        """The name with those of the nested models it lies in: `encoder/ln_1`."""
        return "/".join((*self.parents, self.name))

    @property
    def config(self) -> Mapping[str, Any]:
        """What the constructor takes, as Keras saved it."""
        config: Mapping[str, Any] = self.entry["config"]
        return config

    @property
    def class_name(self) -> str:
        """The class, as Keras names it."""
        return str(self.entry["class_name"])

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every name by which a patch may mean the class: `Name`, and `package>Name`."""
        registered = self.entry.get("registered_name")
        return (self.class_name, registered) if registered else (self.class_name,)

    @cached_property
    def is_operation(self) -> bool:
        """Whether this is a bare `keras.ops` call, which `model.layers` does not list."""
        return str(self.entry.get("module") or "").startswith(OPERATION_MODULES)

    @property
    def is_input(self) -> bool:
        """Whether this is an input layer."""
        return self.class_name == "InputLayer"

    @cached_property
    def is_model(self) -> bool:
        """Whether this is a nested model whose layers the config lists."""
        return isinstance(self.config.get("layers"), list) and (
            "input_layers" in self.config or self.class_name == "Sequential"
        )

    @cached_property
    def offset(self) -> int:
        """What Keras adds to a call of this layer where a model's inputs or outputs name it."""
        functional = "input_layers" in self.config or (
            self.entry.get("build_config") == {"input_shape": None} and not self.is_operation
        )
        return int(functional and not self.is_input)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls, in order; an input layer has one that reads nothing."""
        return tuple(
            self._call(i, data) for i, data in enumerate(self.entry.get("inbound_nodes") or [{}])
        )

    def _call(self, index: int, data: Mapping[str, Any]) -> Call:
        here = (*self.pointer, "inbound_nodes", index)
        slots = []
        for part in ("args", "kwargs"):
            for key, config in slots_in_arguments(data.get(part, {}), (part,)):
                tensor = Tensor(*config["keras_history"])
                pointer = (*here, *key, "config", "keras_history")
                slots.append(Slot(pointer, tensor, key, spec=_recorded(config)))
        return Call(self.name, index, here, data, tuple(slots))

    def at(self, pointer: Pointer) -> Layer:
        """The same layer, standing elsewhere in the document."""
        if pointer == self.pointer:
            return self
        return Layer(self.entry, pointer, self.parents, self.in_sequential)

    @cached_property
    def inner(self) -> Graph | None:
        """The lens over a nested model; none for any other layer."""
        if not self.is_model:
            return None
        return Graph(self.config, (*self.pointer, "config"), (*self.parents, self.name))

    def leaves(self) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
        """The configs that hold a trainable flag of their own, and where they stand.

        A nested model's layers and a wrapper's inner layer are leaves, the container is not.
        """
        yield from _leaves(self.config, (*self.pointer, "config"))


@dataclass(frozen=True)
class Graph:
    """The layers of one model and how they are wired."""

    config: Mapping[str, Any]
    """The config of the model: what stands at `pointer` in the document."""
    pointer: Pointer = ("config",)
    parents: tuple[str, ...] = ()
    _seen: dict[int, Layer] = field(default_factory=dict, repr=False, compare=False)
    """Layers that an earlier snapshot looked at, by the identity of their entry."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Graph:
        """The lens over a whole `config.json` object."""
        return cls(document["config"])

    def after(self, touched: Iterable[str]) -> Graph:
        """The lens over the same document after the layers of these names were edited in place."""
        gone = set(touched)
        seen = {id(x.entry): x for name, x in self.layers.items() if name not in gone}
        return Graph(self.config, self.pointer, self.parents, seen)

    @cached_property
    def _listed(self) -> tuple[Layer, ...]:
        sequential = self.is_sequential
        found = []
        for i, entry in enumerate(self.config["layers"]):
            pointer = (*self.pointer, "layers", i)
            seen = self._seen.get(id(entry))
            if seen is not None and seen.entry is entry:
                found.append(seen.at(pointer))
            else:
                found.append(Layer(entry, pointer, self.parents, sequential))
        return tuple(found)

    @property
    def is_sequential(self) -> bool:
        """Whether the model is a Sequential: a list of layers, with no wiring of its own."""
        return "input_layers" not in self.config

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """Every entry by name, in the order of the document."""
        return {layer.name: layer for layer in self._listed}

    @cached_property
    def duplicates(self) -> tuple[str, ...]:
        """Names that more than one entry has."""
        names = [layer.name for layer in self._listed]
        return tuple(sorted({name for name in names if names.count(name) > 1}))

    def layer(self, name: str, *, at: Pointer = ()) -> Layer:
        """The layer of that name, also inside nested models (`encoder/ln_1`); or a refusal."""
        graph: Graph = self
        *outer, last = name.split("/")
        for step in outer:
            inner = graph.layer(step, at=at).inner
            if inner is None:
                refuse(
                    "PS301",
                    f"`{step}` is not a nested model, so `{name}` names nothing",
                    at=at,
                    hint="a `/` leads into a nested model; `patchspec inspect` prints the paths",
                )
            graph = inner
        if last not in graph.layers:
            known = graph.layers
            where = f" in `{'/'.join(graph.parents)}`" if graph.parents else ""
            refuse(
                "PS301",
                f"no layer{where} is called `{last}`",
                at=at,
                hint=did_you_mean(last, known) or f"the layers are {some(known)}",
            )
        return graph.layers[last]

    @cached_property
    def outputs(self) -> tuple[Slot, ...]:
        """The model's outputs, in Keras's flattened order."""
        return tuple(self._ends("output_layers"))

    @cached_property
    def inputs(self) -> tuple[Slot, ...]:
        """The model's inputs, in Keras's flattened order."""
        return tuple(self._ends("input_layers"))

    def _ends(self, key: str) -> Iterator[Slot]:
        for path, (name, call, output) in triples_in_structure(self.config.get(key, [])):
            layer = self.layers.get(name)
            offset = layer.offset if layer else 0
            tensor = Tensor(name, call - offset, output)
            yield Slot((*self.pointer, key, *path), tensor, path, offset)

    @cached_property
    def readers(self) -> Mapping[Tensor, tuple[Slot, ...]]:
        """For every tensor that is read, all the places that read it, model outputs included."""
        found: dict[Tensor, list[Slot]] = {}
        for layer in self._listed:
            for call in layer.calls:
                for slot in call.slots:
                    found.setdefault(slot.tensor, []).append(slot)
        for slot in self.outputs:
            found.setdefault(slot.tensor, []).append(slot)
        return {tensor: tuple(slots) for tensor, slots in found.items()}

    def reading(self, tensor: Tensor) -> tuple[Slot, ...]:
        """Every place that reads `tensor`."""
        return self.readers.get(tensor, ())

    @cached_property
    def read_outputs(self) -> Mapping[tuple[str, int], tuple[Tensor, ...]]:
        """For every call, those of its outputs that somebody reads."""
        found: dict[tuple[str, int], list[Tensor]] = {}
        for tensor in sorted(self.readers):
            found.setdefault((tensor.layer, tensor.call), []).append(tensor)
        return {call: tuple(tensors) for call, tensors in found.items()}

    @cached_property
    def recorded(self) -> Mapping[Tensor, Spec]:
        """What the config records of the tensors that calls read, and of the inputs."""
        found = {slot.tensor: slot.spec for slots in self.readers.values() for slot in slots}
        specs = {tensor: spec for tensor, spec in found.items() if spec is not None}
        for layer in self._listed:
            if layer.is_input:
                shape = layer.config.get("batch_shape") or ()
                specs[Tensor(layer.name)] = Spec(tuple(shape), str(layer.config["dtype"]))
        return specs

    def is_multi_output(self, layer: Layer) -> bool:
        """Whether a call of the layer is known to make more than one tensor."""
        config = layer.config
        if config.get("return_state") is True or config.get("return_sequence_and_state") is True:
            return True
        if any(call.data.get("kwargs", {}).get("return_attention_scores") for call in layer.calls):
            return True
        if layer.inner is not None and not layer.inner.is_sequential:
            return len(layer.inner.outputs) > 1
        read = (t for c in layer.calls for t in self.read_outputs.get((c.layer, c.index), ()))
        return any(tensor.output > 0 for tensor in read)

    @cached_property
    def call_reads(self) -> Mapping[tuple[str, int], tuple[tuple[str, int], ...]]:
        """For every call, the calls whose tensors it reads, in the order of its arguments."""
        return {
            (layer.name, call.index): tuple((s.tensor.layer, s.tensor.call) for s in call.slots)
            for layer in self._listed
            for call in layer.calls
        }

    @cached_property
    def order(self) -> Order:
        """Keras's order of layers and calls; raises `CycleError` for a loop."""
        if self.is_sequential:
            names = tuple(layer.name for layer in self._listed)
            return Order(names, tuple((name, 0) for name in names))
        return graph_order(
            self.call_reads,
            [(slot.tensor.layer, slot.tensor.call) for slot in self.inputs],
            [(slot.tensor.layer, slot.tensor.call) for slot in self.outputs],
        )

    @cached_property
    def in_order(self) -> tuple[Layer, ...]:
        """The layers that lead to an output, in Keras's order, operations included."""
        return tuple(self.layers[name] for name in self.order.layers)

    def walk(self) -> Iterator[Layer]:
        """Every layer in Keras's order, each nested model followed by its own layers.

        Layers that do not lead to an output come last.
        """
        for name in (*self.order.layers, *self.dead):
            layer = self.layers[name]
            yield layer
            if layer.inner is not None:
                yield from layer.inner.walk()

    @property
    def dead(self) -> tuple[str, ...]:
        """The layers that do not lead to an output, in the order of the document."""
        alive = set(self.order.layers)
        return tuple(layer.name for layer in self._listed if layer.name not in alive)

    @property
    def unused_inputs(self) -> tuple[str, ...]:
        """The inputs of the model that no output depends on."""
        running = set(self.order.calls)
        return tuple(
            slot.tensor.layer
            for slot in self.inputs
            if (slot.tensor.layer, slot.tensor.call) not in running
        )

    def loop(self) -> tuple[str, ...]:
        """The layers on a loop, the first named again at the end; empty for a sound graph."""
        try:
            _ = self.order
        except CycleError as error:
            return tuple(layer for layer, _ in error.calls)
        return ()


def _recorded(config: Mapping[str, Any]) -> Spec | None:
    shape, dtype = config.get("shape"), config.get("dtype")
    if not isinstance(shape, list) or any(isinstance(n, list) for n in shape) or dtype is None:
        return None
    return Spec(tuple(shape), str(dtype))


def _leaves(config: Mapping[str, Any], at: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    inner = list(inner_configs(config, at))
    if not inner:
        yield at, config
    for pointer, entry in inner:
        if not is_operation_entry(entry) and entry.get("class_name") != "InputLayer":
            yield from _leaves(entry["config"], (*pointer, "config"))


def inner_configs(
    config: Mapping[str, Any], at: Pointer
) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """The layer entries that stand inside a layer's config: of a nested model, of a wrapper."""
    for key, value in config.items():
        for i, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if _is_layer_entry(item):
                yield ((*at, key) if i is None else (*at, key, i)), item


def is_operation_entry(entry: Mapping[str, Any]) -> bool:
    """Whether the entry is a bare operation."""
    return str(entry.get("module") or "").startswith(OPERATION_MODULES)


def _is_layer_entry(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
        return False
    holds_flag = "trainable" in value["config"] or value.get("class_name") == "InputLayer"
    return "class_name" in value and (holds_flag or is_operation_entry(value))
