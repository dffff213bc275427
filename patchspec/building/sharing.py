"""The other way to build: the layers that stay are the base's own objects, in a new graph.

The variant is an edit on top of the base: what one learns, both have learnt. So nothing of a layer
that stays may change, its wiring apart. Where a call reads what it read in the base, its tensors
are the base's too; elsewhere the layer is called once more.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras.src.ops.function import make_node_key
from keras.src.ops.node import Node

from patchspec.building.door import make, said_by
from patchspec.building.subclasses import functional_form
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.tensors import Tensor
from patchspec.planning.known import BASE
from patchspec.planning.plan import Place, Plan
from patchspec.problems import PatchError, Problem, refuse, some


def shared_model(plan: Plan, custom_objects: Mapping[str, Any]) -> Any:
    """The variant over the layers of the live base; new layers have what Keras gives them at first.

    PS513 where the base is not live, PS512 where a layer that stays would change.
    """
    if plan.base.live is None:
        refuse(
            "PS513",
            f"`{plan.base.origin}` is a file: there are no layers to share with it",
            hint="give the live model, or build without `share`",
        )
    check_shareable(plan)
    try:
        was = _was(plan.base.graph, plan.base.live)
        return _Sharing(plan, custom_objects).model(plan.graph, was)
    except Exception as error:  # noqa: BLE001 (whatever Keras raises is the answer)
        refuse("PS411", f"Keras cannot build the patched model: {said_by(error)}")


def check_shareable(plan: Plan) -> None:
    """Refuse (PS512) a plan that changes a layer which base and variant would share."""
    changed: dict[str, Place | None] = {}
    for layer in plan.graph.walk():
        origin = plan.origins.get(layer.path)
        before = None if origin is None else plan.base.graph.by_path[origin]
        if before is not None and _own(layer) != _own(before):
            changed[layer.path] = _cause(plan, {layer.path, before.path})
    for move in plan.moves:
        own = plan.graph.holding(move.path).path if move.action != "dropped" else ""
        if own and plan.origins.get(own) is not None and own not in changed:
            origin = f"{plan.origins[own]}{move.path.removeprefix(own)}"
            if move.action != "kept" or move.sources != ((BASE, origin),):
                changed[own] = move.place
    if not changed:
        return
    problem = Problem(
        code="PS512",
        message=f"{some(changed)} would change in the base too, with which the variant shares its "
        "layers",
        hint="build without `share` for a variant of its own, or leave the operation out",
    )
    place = next((place for place in changed.values() if place is not None), None)
    if place is not None:
        step = place.of(plan.patches)
        [problem] = plan.patches[place.patch].source.place([_at(problem, step.at)])
    raise PatchError([problem])


def _at(problem: Problem, at: Any) -> Problem:
    return Problem(code=problem.code, message=problem.message, at=at, hint=problem.hint)


def _own(layer: Layer) -> Any:
    """What must not change; of a nested model, which is made anew, no more than name and flag."""
    if layer.inner is not None:
        return layer.config.get("name"), layer.config.get("trainable", True)
    return layer.class_names, json.loads(json.dumps(_lasting(layer.config)))


def _lasting(value: Any) -> Any:
    if isinstance(value, Mapping):
        skipped = ("build_config", "shared_object_id")
        return {k: _lasting(v) for k, v in value.items() if k not in skipped}
    return [_lasting(item) for item in value] if isinstance(value, (list, tuple)) else value


def _cause(plan: Plan, paths: set[str]) -> Place | None:
    """The last step that acted on one of the layers."""
    found = [c.place for c in plan.changes if c.place and c.target.partition("@")[0] in paths]
    return found[-1] if found else None


@dataclass(frozen=True)
class _Was:
    """One model of the base: its config, its layers and bare operations, and their calls."""

    graph: Graph
    operations: Mapping[str, Any]
    calls: Mapping[str, list[Node]]


def _was(graph: Graph, live: Any) -> _Was:
    live = functional_form(live) or live
    return _Was(graph, _operations(live), _calls(graph, live))


@dataclass
class _Sharing:
    """One building: what is made along the way."""

    plan: Plan
    custom_objects: Mapping[str, Any]
    made: dict[str, Any] = field(default_factory=dict)
    """The new layers, and the models with other wiring, by path."""

    def model(self, graph: Graph, was: _Was | None) -> Any:
        """A model of the variant; `was` is that of the base, where there is one."""
        name = str(graph.source["name"])
        if graph.is_sequential:
            layers = [self._operation(layer, was) for layer in graph.layers.values()]
            return keras.Sequential(layers, name=name)
        tensors: dict[Tensor, Any] = {}
        for layer, call in (
            (graph.layers[n], graph.layers[n].calls[i]) for n, i in graph.order.calls
        ):
            operation = self._operation(layer, was)
            if layer.is_input:
                made = keras.tree.flatten(operation.output)
            else:
                args, kwargs = _arguments(call, tensors)
                node = self._same_call(operation, layer, call, tensors, was)
                made = (
                    keras.tree.flatten(operation(*args, **kwargs)) if node is None else node.outputs
                )
            tensors |= {Tensor(layer.name, call.index, n): one for n, one in enumerate(made)}
        ends = (graph.source[key] for key in ("input_layers", "output_layers"))
        return keras.Model(*(_ends(end, graph, tensors) for end in ends), name=name)

    def _operation(self, layer: Layer, was: _Was | None) -> Any:
        """The object of a layer: the base's own, or a new one."""
        origin = self.plan.origins.get(layer.path)
        before = None if origin is None else self.plan.base.graph.by_path[origin]
        own = None if was is None or before is None else was.operations.get(before.name)
        as_it_was = before is not None and _lasting(before.config) == _lasting(layer.config)
        if own is not None and (layer.inner is None or as_it_was):
            return own
        if layer.path not in self.made:
            self.made[layer.path] = self._made(layer, before, own)
        return self.made[layer.path]

    def _made(self, layer: Layer, before: Layer | None, own: Any) -> Any:
        if layer.inner is None:
            entry = {k: v for k, v in layer.entry.items() if k != "inbound_nodes"}
            return make(entry, self.custom_objects)
        inside = None if before is None else before.inner
        was = None if inside is None or own is None else _was(inside, own)
        return self.model(layer.inner, was)

    def _same_call(
        self,
        operation: Any,
        layer: Layer,
        call: Call,
        tensors: Mapping[Tensor, Any],
        was: _Was | None,
    ) -> Node | None:
        """The call of the base that reads the same tensors in the same way, if there is one."""
        origin = self.plan.origins.get(layer.path)
        if was is None or origin is None:
            return None
        name = self.plan.base.graph.by_path[origin].name
        read = [tensors[slot.tensor] for slot in call.slots]
        for node, one in zip(was.calls.get(name, ()), was.graph.layers[name].calls, strict=False):
            alike = node.operation is operation and _plain(one.data) == _plain(call.data)
            if alike and _same([*node.arguments.keras_tensors], read):
                return node
        return None


def _arguments(call: Call, tensors: Mapping[Tensor, Any]) -> tuple[Any, Any]:
    """The arguments of a call, as Keras reads them, with the tensors in their places."""
    read = {slot.key: tensors[slot.tensor] for slot in call.slots}
    said = {part: call.data[part] for part in ("args", "kwargs")}
    filled = _filled(said, make(said, {}), (), read)
    return filled["args"], filled["kwargs"]


def _same(mine: list[Any], theirs: list[Any]) -> bool:
    return len(mine) == len(theirs) and all(a is b for a, b in zip(mine, theirs, strict=True))


def _operations(live: Any) -> dict[str, Any]:
    """The layers and bare operations of a live model by name."""
    functional = getattr(live, "_functional", None) or live
    listed = [*functional.operations, *live.layers]
    return {operation.name: operation for operation in listed}


def _calls(before: Graph, live: Any) -> dict[str, list[Node]]:
    """The calls of each layer in a live model, in the order in which its config counts them."""
    functional = getattr(live, "_functional", None) or live
    found: dict[str, list[Node]] = {}
    for operation in functional.operations:
        nodes = [
            node
            for number, node in enumerate(operation._inbound_nodes)
            if make_node_key(operation, number) in functional._nodes
        ]
        layer = before.layers.get(operation.name)
        if layer is not None and len(layer.calls) == len(nodes):
            found[operation.name] = nodes
    return found


def _filled(said: Any, value: Any, key: tuple[Any, ...], read: Mapping[Any, Any]) -> Any:
    """The arguments of a call, as Keras reads them, with the tensors in their places."""
    if key in read:
        return read[key]
    if isinstance(said, Mapping) and not ("class_name" in said and "config" in said):
        return {name: _filled(said[name], value[name], (*key, name), read) for name in said}
    if isinstance(said, list):
        return [
            _filled(s, v, (*key, n), read) for n, (s, v) in enumerate(zip(said, value, strict=True))
        ]
    return value


def _plain(value: Any) -> Any:
    """The arguments of a call without the tensors."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return None
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _ends(value: Any, graph: Graph, tensors: Mapping[Tensor, Any]) -> Any:
    """The inputs or outputs of a model, nested as its config says."""
    if isinstance(value, Mapping):
        return {key: _ends(item, graph, tensors) for key, item in value.items()}
    if value and isinstance(value[0], str):
        name, call, output = value
        return tensors[Tensor(name, call - graph.layers[name].offset, output)]
    return [_ends(item, graph, tensors) for item in value]
