"""One entry of a model's config: a layer, a nested model or a bare operation, and its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from patchspec.graph.entries import (
    Entry,
    call_offset,
    entry_name,
    inner_configs,
    is_operation_entry,
    leaf_configs,
)
from patchspec.graph.tensors import Slot, Spec, Tensor, slots_in_arguments
from patchspec.problems import Pointer

if TYPE_CHECKING:
    from patchspec.graph.graph import Graph


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

    def of(self, layer: Pointer) -> Call:
        """The same call of the same layer, which stands elsewhere in the document."""
        here = (*layer, "inbound_nodes", self.index)
        slots = (_slot(here, slot.key, slot.tensor, slot.spec) for slot in self.slots)
        return Call(self.layer, self.index, here, self.data, tuple(slots))


@dataclass(frozen=True)
class Layer:
    """One entry of the config: a layer, a nested model, or a bare operation."""

    entry: Entry
    pointer: Pointer
    parents: tuple[str, ...] = ()
    _before: Layer | None = field(default=None, repr=False, compare=False)
    """The same layer where it stood before, whose calls are read once for all its places."""

    @cached_property
    def name(self) -> str:
        """The name by which the config refers to the layer."""
        return entry_name(self.entry)

    @cached_property
    def path(self) -> str:
        """The name with those of the nested models it lies in: `encoder/ln_1`."""
        return "/".join((*self.parents, self.name))

    @property
    def home(self) -> str:
        """The path of the model or wrapper that it lies in; empty for the whole model."""
        return "/".join(self.parents)

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
        return is_operation_entry(self.entry)

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
        return call_offset(self.entry)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """The calls, in order; an input layer has one that reads nothing."""
        if self._before is not None:
            return tuple(call.of(self.pointer) for call in self._before.calls)
        return tuple(
            self._call(i, data) for i, data in enumerate(self.entry.get("inbound_nodes") or [{}])
        )

    def _call(self, index: int, data: Mapping[str, Any]) -> Call:
        here = (*self.pointer, "inbound_nodes", index)
        slots = []
        for part in ("args", "kwargs"):
            for key, config in slots_in_arguments(data.get(part, {}), (part,)):
                tensor = Tensor(*config["keras_history"])
                slots.append(_slot(here, key, tensor, _recorded(config)))
        return Call(self.name, index, here, data, tuple(slots))

    @cached_property
    def reads(self) -> tuple[tuple[tuple[str, int], ...], ...]:
        """For each call, the calls whose tensors it reads, in the order of its arguments."""
        if self._before is not None:
            return self._before.reads
        return tuple(
            tuple((slot.tensor.layer, slot.tensor.call) for slot in call.slots)
            for call in self.calls
        )

    def at(self, pointer: Pointer) -> Layer:
        """The same layer, standing elsewhere in the document."""
        if pointer == self.pointer:
            return self
        return Layer(self.entry, pointer, self.parents, self._before or self)

    def anew(self) -> Layer:
        """The same layer, looked at again after its config was edited."""
        return Layer(self.entry, self.pointer, self.parents)

    @cached_property
    def inner(self) -> Graph | None:
        """The lens over a nested model; none for any other layer."""
        from patchspec.graph.graph import Graph  # noqa: PLC0415 (a layer may hold a graph)

        if not self.is_model:
            return None
        return Graph(self.config, (*self.pointer, "config"), (*self.parents, self.name))

    @cached_property
    def wrapped(self) -> Mapping[str, Layer]:
        """The layers inside a wrapper or a cell, by name; none in any other layer."""
        if self.is_model:
            return {}
        found = inner_configs(self.config, (*self.pointer, "config"))
        inside = (*self.parents, self.name)
        return {entry_name(entry): Layer(entry, pointer, inside) for pointer, entry in found}

    @property
    def children(self) -> Mapping[str, Layer]:
        """The layers that a step of a path can lead to: of a nested model, or of a wrapper."""
        return self.inner.layers if self.inner is not None else self.wrapped

    def leaves(self) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
        """The configs that hold a trainable flag of their own, and where they stand.

        A nested model's layers and a wrapper's inner layer are leaves, the container is not.
        """
        yield from leaf_configs(self.config, (*self.pointer, "config"))


def _slot(call: Pointer, key: Pointer, tensor: Tensor, spec: Spec | None) -> Slot:
    """The place of a tensor among the arguments of the call that stands at `call`."""
    return Slot((*call, *key, "config", "keras_history"), tensor, key, spec=spec)


def _recorded(config: Mapping[str, Any]) -> Spec | None:
    shape, dtype = config.get("shape"), config.get("dtype")
    # A patcher or an upgrader writes `[]` for a shape that it does not know, and Keras reads it so.
    if not isinstance(shape, list) or not shape or dtype is None:
        return None
    if any(isinstance(n, list) for n in shape):
        return None
    return Spec(tuple(shape), str(dtype))
