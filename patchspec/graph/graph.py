"""The lens itself: the layers, calls and tensors of one model, as its config says them.

A graph is a snapshot of the document it was made from. `Graph.after` makes the next one and looks
again only at the layers that were touched, so a fold over many targets stays linear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from patchspec.graph.entries import entry_name
from patchspec.graph.layer import Layer
from patchspec.graph.order import CycleError, Order, graph_order
from patchspec.graph.sequential import is_sequential_config, wired
from patchspec.graph.tensors import (
    Slot,
    Spec,
    Tensor,
    triples_in_structure,
)
from patchspec.problems import Pointer, did_you_mean, refuse, some

SpecSource = Callable[["Graph"], Mapping[str, Mapping[Tensor, Spec]]]


@dataclass(frozen=True)
class Graph:
    """The layers of one model and how they are wired."""

    source: Mapping[str, Any]
    """The config of the model, functional or Sequential: what stands at `pointer`."""
    pointer: Pointer = ("config",)
    parents: tuple[str, ...] = ()
    _seen: dict[int, Layer] = field(default_factory=dict, repr=False, compare=False)
    """Layers that an earlier snapshot looked at, by the identity of their entry."""
    infer: SpecSource | None = field(default=None, repr=False, compare=False)
    """What finds out the specs that the config does not record, where somebody can."""
    _alike: Graph | None = field(default=None, repr=False, compare=False)
    """An earlier snapshot whose layers stood where they stand and read what they read."""
    _kept: Mapping[str, Layer] | None = field(default=None, repr=False, compare=False)
    """The layers, where they follow from those of that snapshot."""

    @classmethod
    def of(cls, document: Mapping[str, Any], infer: SpecSource | None = None) -> Graph:
        """The lens over a whole `config.json` object."""
        return cls(document["config"], infer=infer)

    def after(self, touched: Iterable[str], *, rewired: bool = True) -> Graph:
        """The lens over the same document after the layers of these names were edited in place.

        Where nothing was `rewired`, but configs edited alone, what is known of who reads what
        holds on.
        """
        if not rewired:
            anew = {name: self.layers[name].anew() for name in touched}
            return replace(self, _alike=self._alike or self, _kept={**self.layers, **anew})
        gone = set(touched)
        seen = {id(x.entry): x for name, x in self.layers.items() if name not in gone}
        return Graph(self.source, self.pointer, self.parents, seen, self.infer)

    @cached_property
    def known_specs(self) -> Mapping[str, Mapping[Tensor, Spec]]:
        """What is known of every tensor, by the path of the model that it is in.

        As recorded; where that is not all, and somebody can find out, as found out.
        """
        if self.infer is not None:
            return self.infer(self)
        return {model.path: model.recorded for model in self.models()}

    @property
    def is_sequential(self) -> bool:
        """Whether the model is a Sequential: a list of layers, with no wiring of its own."""
        return is_sequential_config(self.source)

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The config with its wiring, which that of a Sequential leaves unsaid."""
        return wired(self.source) if self.is_sequential else self.source

    @property
    def path(self) -> str:
        """The path of the model; empty for the whole."""
        return "/".join(self.parents)

    @cached_property
    def _listed(self) -> tuple[Layer, ...]:
        if self._kept is not None:
            return tuple(self._kept.values())
        found = []
        for i, entry in enumerate(self.config["layers"]):
            seen = self._seen.get(id(entry))
            if seen is None or seen.entry is not entry:
                found.append(Layer(entry, (*self.pointer, "layers", i), self.parents))
            elif seen.pointer[-1] == i:
                found.append(seen)
            else:
                found.append(seen.at((*self.pointer, "layers", i)))
        return tuple(found)

    @cached_property
    def layers(self) -> Mapping[str, Layer]:
        """Every entry by name, in the order of the document."""
        if self._kept is not None:
            return self._kept
        return {layer.name: layer for layer in self._listed}

    @cached_property
    def duplicates(self) -> tuple[str, ...]:
        """Names that more than one entry has."""
        counts = Counter(layer.name for layer in self._listed)
        return tuple(sorted(name for name, count in counts.items() if count > 1))

    def layer(self, path: str, *, at: Pointer = ()) -> Layer:
        """The layer at a path that starts in this model (`encoder/ln_1`, `bi/lstm`).

        PS301 where a step leads nowhere.
        """
        found, known, steps = None, self.layers, path.split("/")
        for i, step in enumerate(steps):
            if found is not None and not known:
                refuse(
                    "PS301",
                    f"`{found.name}` is not a nested model, so `{path}` names nothing",
                    at=at,
                    hint="a `/` leads into a nested model or a wrapper; `patchspec inspect` prints "
                    "the paths",
                )
            if step not in known:
                where = f" in `{'/'.join((*self.parents, *steps[:i]))}`" if i or self.path else ""
                refuse(
                    "PS301",
                    f"no layer{where} is called `{step}`",
                    at=at,
                    hint=did_you_mean(step, known) or f"the layers are {some(known)}",
                )
            found = known[step]
            known = found.children
        assert found is not None
        return found

    def home(self, path: str) -> Graph:
        """The model that the layer at a full path lies in; a wrapper is part of the model it is in.

        The layer is known to be there.
        """
        graph = self
        for step in path.split("/")[:-1]:
            inner = graph.layers[step].inner
            if inner is None:
                break
            graph = inner
        return graph

    def holding(self, path: str) -> Layer:
        """The layer that the path of a variable leads into; KeyError where there is none."""
        parts = path.split("/")
        for end in range(len(parts) - 1, 0, -1):
            layer = self.by_path.get("/".join(parts[:end]))
            if layer is not None:
                return layer
        raise KeyError(path)

    def within(self, path: str) -> str:
        """The rest of a full path that starts with that of this model."""
        return path.removeprefix(f"{self.path}/") if self.parents else path

    def models(self) -> Iterator[Graph]:
        """This model and all that are nested in it, outer ones first."""
        yield self
        for layer in self._listed:
            if layer.inner is not None:
                yield from layer.inner.models()

    @cached_property
    def by_path(self) -> Mapping[str, Layer]:
        """Every layer of this model and of nested ones by path, in the order of `walk`."""
        return {layer.path: layer for layer in self.walk()}

    def reader(self, slot: Slot) -> Layer:
        """The layer in one of whose calls the slot stands."""
        entry = self.config["layers"][slot.pointer[len(self.pointer) + 1]]
        return self.layers[entry_name(entry)]

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
        if self._alike is not None:
            return self._alike.readers
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
        if self._alike is not None:
            return self._alike.read_outputs
        found: dict[tuple[str, int], list[Tensor]] = {}
        for tensor in self.readers:
            found.setdefault((tensor.layer, tensor.call), []).append(tensor)
        return {call: tuple(sorted(tensors)) for call, tensors in found.items()}

    def made_by(self, layer: Layer) -> Iterator[Tensor]:
        """The tensors that the calls of a layer make and somebody reads."""
        for call in layer.calls:
            yield from self.read_outputs.get((layer.name, call.index), ())

    @cached_property
    def recorded(self) -> Mapping[Tensor, Spec]:
        """What the config records of the tensors that calls read, and of the inputs."""
        found = ((tensor, slots[-1].spec) for tensor, slots in self.readers.items())
        specs = {tensor: spec for tensor, spec in found if spec is not None}
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
        return any(tensor.output > 0 for tensor in self.made_by(layer))

    @cached_property
    def call_reads(self) -> Mapping[tuple[str, int], tuple[tuple[str, int], ...]]:
        """For every call, the calls whose tensors it reads, in the order of its arguments."""
        return {
            (layer.name, index): calls
            for layer in self._listed
            for index, calls in enumerate(layer.reads)
        }

    @cached_property
    def order(self) -> Order:
        """Keras's order of layers and calls; raises `CycleError` for a loop."""
        if self._alike is not None:
            return self._alike.order
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

    @cached_property
    def dead(self) -> tuple[str, ...]:
        """The layers that do not lead to an output, in the order of the document."""
        alive = set(self.order.layers)
        return tuple(layer.name for layer in self._listed if layer.name not in alive)

    @cached_property
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
