"""rewire: make one layer or call read something else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from patchspec.graph.edits import Edit, add, plain, replace
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.references import find_tensor
from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.layers.table import layer_class
from patchspec.operations._new_layers import is_reference
from patchspec.operations._operation import Given, Inputs, Operation, Place, Target
from patchspec.operations._wiring import redirect, select_calls, wired_layer
from patchspec.problems import Pointer, did_you_mean, refuse, some, within
from patchspec.weights.lineage import Event

Find = Callable[[Any, Pointer], Tensor]
"""Looks a tensor up from the model that the layer lies in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewire(Operation):
    """Make one layer, or one call of it, read other tensors.

    A list says all inputs anew; `{1: b}` or `{initial_state: [h, c]}` these only.

    - op: rewire
      layers: block2_add
      inputs: {0: stem}
    """

    layers: Place
    inputs: Inputs

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        found = select_calls(self.layers, graph, at=("layers",))
        if len(found) != 1:
            refuse(
                "PS302",
                f"`rewire` wants one layer, the selector matches {len(found)}",
                at=("layers",),
                notes=[f"matched: {some(map(str, found))}"],
            )
        return found

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        home, layer = wired_layer(graph, target, at=("layers",))
        if layer.is_input:
            refuse("PS405", f"the input layer `{layer.name}` reads nothing", at=("layers",))
        if target.call is None and len(layer.calls) > 1:
            refuse(
                "PS304",
                f"`{layer.name}` is called {len(layer.calls)} times; say which call",
                at=("layers",),
                hint=f"`{layer.name}@0` is the first",
            )
        call = layer.calls[target.call or 0]

        def find(said: Any, at: Pointer) -> Tensor:
            return find_tensor(said, graph, home=home, at=at)

        with within("inputs"):
            if is_reference(self.inputs) or isinstance(self.inputs, list):
                yield from self._all(home, layer, call, find)
            else:
                for key, said in self.inputs.items():
                    yield from _one(home, call, str(key), said, find)

    def _all(self, home: Graph, layer: Layer, call: Call, find: Find) -> Iterator[Edit]:
        """The same number of tensors in the same places; `args` before keywords, no masks."""
        wanted = [self.inputs] if is_reference(self.inputs) else list(self.inputs)
        slots = [s for s in call.slots if s.in_args] or [
            s for s in call.slots if s.key[-1] != "mask"
        ]
        listed = len(slots) != len(wanted) and bool(slots) and len(slots[0].key) > 2  # noqa: PLR2004
        if listed and len({s.key[:2] for s in slots}) == 1:
            tensors = [
                keras_tensor(tensor, home.recorded.get(tensor))
                for i, said in enumerate(wanted)
                for tensor in [find(said, (i,))]
            ]
            yield replace((*call.pointer, *slots[0].key[:2]), tensors)
            return
        if len(wanted) != len(slots):
            refuse(
                "PS408",
                f"`{layer.name}` reads {len(slots)} tensors, `inputs` names {len(wanted)}",
                notes=[f"it reads {some(str(slot.tensor) for slot in slots)}"],
            )
        for i, (slot, said) in enumerate(zip(slots, wanted, strict=True)):
            at: Pointer = () if is_reference(self.inputs) else (i,)
            yield redirect(home, slot, find(said, at))


def _check_keyword(layer: Layer, key: str) -> None:
    """Refuse a keyword that no call of the class takes, where the class is known."""
    known = None if layer.is_operation else layer_class(layer.class_name)
    if known is not None and key not in known.call_arguments:
        refuse(
            "PS408",
            f"a call of `{layer.name}`, a {layer.class_name}, takes nothing by the keyword `{key}`",
            at=(key,),
            on="key",
            hint=did_you_mean(key, known.call_arguments)
            or f"it takes {some(known.call_arguments)}",
        )


def _one(home: Graph, call: Call, key: str, said: Any, find: Find) -> Iterator[Edit]:
    """One input, by position among the tensors in `args` or by keyword."""
    at: Pointer = (key,)
    if key.isdigit():
        slots = [slot for slot in call.slots if slot.in_args]
        if int(key) >= len(slots):
            refuse(
                "PS408",
                f"`{call.layer}` reads {len(slots)} tensors by position",
                at=at,
                on="key",
                hint="positions count from 0",
            )
        yield redirect(home, slots[int(key)], find(said, at))
        return
    _check_keyword(home.layers[call.layer], key)
    listed = isinstance(said, list)
    tensors = [
        find(item, (*at, i) if listed else at) for i, item in enumerate(said if listed else [said])
    ]
    written = [keras_tensor(tensor, home.recorded.get(tensor)) for tensor in tensors]
    pointer = (*call.pointer, "kwargs", key)
    value = plain(written if listed else written[0])
    yield (replace if key in call.data.get("kwargs", {}) else add)(pointer, value)
