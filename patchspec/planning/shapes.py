"""Shapes and dtypes of the patched graph, asked of an inferrer where a change reaches.

Where nothing upstream changed, what the base recorded still holds. Elsewhere layer after layer is
inferred, until the tensors are again what they were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Call, Graph, Layer
from patchspec.graph.tensors import TENSOR, Slot, Spec, Tensor
from patchspec.problems import PatchError, Pointer, refuse


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """A variable of a layer that was inferred, not allocated."""

    inner: str
    """Keras's saving path inside the layer: `vars/0`, `cell/vars/0`."""
    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    initializer: Mapping[str, Any] | None
    """`{class_name, config}`; none where it is code of the layer's own."""


class InferredLayer(Protocol):
    """One layer, built symbolically."""

    @property
    def carries_masks(self) -> bool:
        """Whether a mask on its input is passed on to its output."""

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The specs of the outputs, flattened; tensors in the arguments are given as `Spec`."""

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables that Keras would save."""

    def entry(self) -> Mapping[str, Any]:
        """The layer as Keras serialises it, with what it derived in building."""


class Inferrer(Protocol):
    """What knows the layers: Keras, in practice."""

    def layer(self, entry: Mapping[str, Any]) -> InferredLayer:
        """The layer of this entry; PS412 where it cannot be made."""


@dataclass
class Shapes:
    """What was found out about the tensors and layers of the patched graph."""

    specs: dict[Tensor, Spec] = field(default_factory=dict)
    inferred: dict[str, InferredLayer] = field(default_factory=dict)
    """The layers that had to be made, by name."""
    reached: set[str] = field(default_factory=set)
    """The layers that are new or read something else than in the base."""


class LayerRefusedError(Exception):
    """A layer could not be made or called; says which one, beside what is wrong."""

    def __init__(self, layer: str, error: PatchError) -> None:
        self.layer = layer
        self.error = error
        super().__init__(layer)


def infer(
    graph: Graph,
    base: Graph,
    origins: Mapping[str, str | None],
    inferrer: Inferrer | None,
) -> Shapes:
    """The specs of every tensor, as far as they can be known; without an inferrer, where recorded.

    Raises `LayerRefusedError` where Keras refuses a layer or its inputs.
    """
    shapes = Shapes()
    wanted = {slot.tensor for slot in graph.outputs} if inferrer else set()
    for name, index in graph.order.calls:
        layer = graph.layers[name]
        call = layer.calls[index]
        if layer.is_input:
            shapes.specs[Tensor(name)] = graph.recorded[Tensor(name)]
            continue
        made = graph.read_outputs.get((name, index), ())
        as_it_was = _as_it_was(layer, call, base, origins.get(name), shapes.specs)
        if as_it_was is not None:
            for tensor in made:
                spec = base.recorded.get(Tensor(as_it_was, index, tensor.output))
                if spec is not None:
                    shapes.specs[tensor] = spec
            missing = [t for t in made if t not in shapes.specs]
            read = [t for t in missing if t in wanted or _is_read_by_a_call(graph, t)]
            if not read:
                continue
        else:
            shapes.reached.add(name)
        if inferrer is not None:
            _call(shapes, layer, call, inferrer)
    return shapes


def known_specs(graph: Graph, inferrer: Inferrer | None) -> Mapping[Tensor, Spec]:
    """The specs of a model's own tensors: as recorded, and as inferred where nothing is."""
    if inferrer is None:
        return graph.recorded
    origins = {name: name for name in graph.layers}
    try:
        found = infer(graph, graph, origins, inferrer).specs
    except LayerRefusedError:
        return graph.recorded
    return {**graph.recorded, **found}


def _is_read_by_a_call(graph: Graph, tensor: Tensor) -> bool:
    return any(not slot.is_output for slot in graph.reading(tensor))


def _as_it_was(
    layer: Layer,
    call: Call,
    base: Graph,
    origin: str | None,
    specs: Mapping[Tensor, Spec],
) -> str | None:
    """The base layer that this call of the layer is like in all that its results depend on."""
    if origin is None:
        return None
    before = base.layers[origin]
    if len(before.calls) != len(layer.calls) or not same_config(before, layer):
        return None
    was = before.calls[call.index]
    known = {slot.tensor: slot.spec for slot in was.slots}
    if _signature(was.data, known) != _signature(call.data, specs):
        return None
    return origin


def same_config(before: Layer, after: Layer) -> bool:
    """Whether two layers are made alike: of one class, with one config but for name and flags."""
    if before.entry is after.entry:
        return True
    return before.class_names == after.class_names and _comparable(before.config) == _comparable(
        after.config
    )


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        skipped = ("name", "trainable", "build_config", "shared_object_id")
        return {k: _comparable(v) for k, v in value.items() if k not in skipped}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _signature(value: Any, specs: Mapping[Tensor, Spec | None]) -> Any:
    """The arguments of a call with what is known of each tensor in its place."""
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            return specs.get(Tensor(*value["config"]["keras_history"]), value["config"])
        return {key: _signature(item, specs) for key, item in value.items()}
    return [_signature(item, specs) for item in value] if isinstance(value, list) else value


def with_specs(value: Any, specs: Mapping[Tensor, Spec]) -> Any:
    """The arguments of a call with specs for tensors."""
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            return specs[Tensor(*value["config"]["keras_history"])]
        return {key: with_specs(item, specs) for key, item in value.items()}
    return [with_specs(item, specs) for item in value] if isinstance(value, list) else value


def _call(shapes: Shapes, layer: Layer, call: Call, inferrer: Inferrer) -> None:
    try:
        made = shapes.inferred.get(layer.name)
        if made is None:
            made = shapes.inferred[layer.name] = inferrer.layer(layer.entry)
        _check_masks(layer, call, shapes.specs)
        found = made.call(
            with_specs(call.data.get("args", []), shapes.specs),
            with_specs(call.data.get("kwargs", {}), shapes.specs),
        )
    except PatchError as error:
        raise LayerRefusedError(layer.name, error) from error.__cause__
    for output, spec in enumerate(found):
        shapes.specs[Tensor(layer.name, call.index, output)] = spec


def _check_masks(layer: Layer, call: Call, specs: Mapping[Tensor, Spec]) -> None:
    """Refuse a recorded mask whose shape is not that of what it masks."""
    masks = [slot for slot in call.slots if slot.key == ("kwargs", "mask")]
    data = next((slot for slot in call.slots if slot.in_args), None)
    for slot in masks if data is not None else []:
        mask, masked = specs[slot.tensor].shape, specs[data.tensor].shape if data else ()
        fits = len(mask) <= len(masked) and all(
            m is None or n is None or m == n for m, n in zip(mask, masked, strict=False)
        )
        if not fits:
            refuse(
                "PS413",
                f"the mask that `{layer.name}` reads, `{slot.tensor}` {_shape(mask)}, does not "
                f"fit its input, `{data.tensor if data else ''}` {_shape(masked)}",
                hint="a layer between the two changed the number of steps; rewire the mask, or "
                "insert elsewhere",
            )


def _shape(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]"


def refreshed(graph: Graph, shapes: Shapes, *, known: bool) -> Iterator[Edit]:
    """The edits that make true what the config records of shapes and of how layers were built.

    Where shapes are not `known`, what may be stale is taken back: recorded shapes to `[]`, which
    Keras reads as none, and `build_config` away.
    """
    for layer in graph.layers.values():
        for call in layer.calls:
            for slot in call.slots:
                yield from _recorded_anew(slot, shapes.specs.get(slot.tensor))
        if layer.name in shapes.inferred:
            yield from _derived(layer.entry, shapes.inferred[layer.name].entry(), layer.pointer)
        elif layer.name in shapes.reached and not known:
            yield from _not_derived(layer.entry, layer.pointer)


def _recorded_anew(slot: Slot, spec: Spec | None) -> Iterator[Edit]:
    if slot.spec == spec:
        return
    config = slot.pointer[:-1]
    if spec is None:
        if slot.spec is not None and slot.spec.shape != ():
            yield edits.replace((*config, "shape"), [])
        return
    if slot.spec is None or slot.spec.shape != spec.shape:
        yield edits.replace((*config, "shape"), list(spec.shape))
    if slot.spec is None or slot.spec.dtype != spec.dtype:
        yield edits.replace((*config, "dtype"), spec.dtype)


def _derived(entry: Any, truth: Any, at: Pointer) -> Iterator[Edit]:
    """`build_config` at every depth as Keras derived it."""
    if isinstance(entry, Mapping) and isinstance(truth, Mapping):
        mine, theirs = entry.get("build_config"), truth.get("build_config")
        if theirs is not None and mine != theirs:
            edit = edits.replace if "build_config" in entry else edits.add
            yield edit((*at, "build_config"), theirs)
        elif theirs is None and mine is not None and "class_name" in entry:
            yield edits.remove((*at, "build_config"))
        for key, value in entry.items():
            if key not in ("build_config", "inbound_nodes", "compile_config") and key in truth:
                yield from _derived(value, truth[key], (*at, key))
    elif isinstance(entry, list) and isinstance(truth, list) and len(entry) == len(truth):
        for i, (mine, theirs) in enumerate(zip(entry, truth, strict=True)):
            yield from _derived(mine, theirs, (*at, i))


def _not_derived(entry: Any, at: Pointer) -> Iterator[Edit]:
    """Take `build_config` away at every depth, but where it only marks a functional model."""
    if isinstance(entry, Mapping):
        if entry.get("build_config", {"input_shape": None}) != {"input_shape": None}:
            yield edits.remove((*at, "build_config"))
        for key, value in entry.items():
            if key not in ("build_config", "inbound_nodes"):
                yield from _not_derived(value, (*at, key))
    elif isinstance(entry, list):
        for i, item in enumerate(entry):
            yield from _not_derived(item, (*at, i))
