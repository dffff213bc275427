"""Shapes and dtypes of the patched graph, asked of an inferrer where a change reaches.

Where nothing upstream changed, what the base recorded still holds. Elsewhere layer after layer is
inferred, until the tensors are again what they were.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Call, Layer
from patchspec.graph.tensors import TENSOR, Spec, Tensor
from patchspec.problems import PatchError, refuse


@dataclass(frozen=True, slots=True)
class VariableSpec:
    """A variable of a layer that was inferred, not allocated."""

    inner: str
    """Keras's saving path inside the layer: `vars/0`, `cell/vars/0`."""
    name: str
    shape: tuple[int, ...]
    dtype: str
    trainable: bool
    initializer: Mapping[str, Any] | None = field(compare=False)
    """`{class_name, config}`; none where it is code of the layer's own."""

    @property
    def label(self) -> str:
        """The name, with the way to it where the layer is composite: `query_dense/kernel`."""
        inside = self.inner.rpartition("vars/")[0]
        return f"{inside}{self.name}" if self.name else self.inner


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

    def check_compile(self, config: Mapping[str, Any]) -> None:
        """Refuse (PS429) a compile configuration of which something cannot be made."""


@dataclass
class Shapes:
    """What was found out about the tensors and layers of the patched graph.

    Tensors go by the path of the model that they are in, layers by their own path.
    """

    specs: dict[str, dict[Tensor, Spec]] = field(default_factory=dict)
    """Of the whole model and of the nested ones that were looked into."""
    base_specs: dict[str, dict[Tensor, Spec]] = field(default_factory=dict)
    """Of the base: what it records, and what was found out about calls that are as they were."""
    inferred: dict[str, InferredLayer] = field(default_factory=dict)
    """The layers that had to be made."""
    reached: set[str] = field(default_factory=set)
    """The layers that are new or read something else than in the base."""


class LayerRefusedError(Exception):
    """A layer could not be made or called; says which one, beside what is wrong."""

    def __init__(self, layer: str, error: PatchError) -> None:
        self.layer = layer
        self.error = error
        super().__init__(layer)


@dataclass(frozen=True)
class _Inference:
    """What stays the same while the models are walked through."""

    shapes: Shapes
    base: Graph
    origins: Mapping[str, str | None]
    inferrer: Inferrer | None


def infer(
    graph: Graph,
    base: Graph,
    origins: Mapping[str, str | None],
    inferrer: Inferrer | None,
) -> Shapes:
    """The specs of every tensor, as far as they can be known; without an inferrer, where recorded.

    A nested model is looked into where its config changed: what it takes is fixed by its own input
    layers. Raises `LayerRefusedError` where Keras refuses a layer or its inputs.
    """
    recorded = {model.path: dict(model.recorded) for model in base.models()}
    shapes = Shapes(base_specs=recorded)
    _model(graph, _Inference(shapes, base, origins, inferrer))
    return shapes


def _model(graph: Graph, known: _Inference) -> None:
    shapes = known.shapes
    specs = shapes.specs.setdefault(graph.path, {})
    wanted = {slot.tensor for slot in graph.outputs} if known.inferrer else set()
    for name, index in graph.order.calls:
        layer = graph.layers[name]
        call = layer.calls[index]
        if layer.is_input:
            specs[Tensor(name)] = graph.recorded[Tensor(name)]
            continue
        before = _origin(layer, known)
        alike = before is not None and same_config(before, layer)
        if layer.inner is not None and not alike and layer.inner.path not in shapes.specs:
            _model(layer.inner, known)
        made = graph.read_outputs.get((name, index), ())
        was = before if alike and before and _reads_the_same(call, before, graph, known) else None
        if was is None:
            shapes.reached.add(layer.path)
        else:
            recorded = shapes.base_specs[was.home]
            for tensor in made:
                spec = recorded.get(replace(tensor, layer=was.name))
                if spec is not None:
                    specs[tensor] = spec
            missing = [tensor for tensor in made if tensor not in specs]
            if not any(t in wanted or _is_read_by_a_call(graph, t) for t in missing):
                continue
        if known.inferrer is not None:
            try:
                found = _call(shapes, layer, call, known.inferrer)
            except LayerRefusedError as refused:
                read = any(_is_read_by_a_call(graph, tensor) for tensor in made)
                if was is None or read or refused.error.problems[0].code != "PS906":
                    raise
                # Nobody gave the class, and nothing but a report would use what it makes.
                continue
            specs.update(found)
            if was is not None:
                recorded = shapes.base_specs[was.home]
                recorded |= {replace(t, layer=was.name): spec for t, spec in found.items()}


def known_specs(graph: Graph, inferrer: Inferrer | None) -> Mapping[str, Mapping[Tensor, Spec]]:
    """The specs of a model's tensors, as recorded and as inferred where nothing is.

    By the path of the model that they are in. Where Keras refuses a layer, the rest is what the
    config records.
    """
    found: dict[str, Mapping[Tensor, Spec]] = {}
    origins: dict[str, str | None] = {path: path for path in graph.by_path}
    shapes = Shapes(base_specs={model.path: dict(model.recorded) for model in graph.models()})
    for model in graph.models():
        with contextlib.suppress(LayerRefusedError):
            _model(model, _Inference(shapes, graph, origins, inferrer))
        found[model.path] = {**model.recorded, **shapes.specs[model.path]}
    return found


def _is_read_by_a_call(graph: Graph, tensor: Tensor) -> bool:
    return any(not slot.is_output for slot in graph.reading(tensor))


def _origin(layer: Layer, known: _Inference) -> Layer | None:
    """The layer of the base that this one is."""
    origin = known.origins.get(layer.path)
    return None if origin is None else known.base.by_path[origin]


def _reads_the_same(call: Call, before: Layer, graph: Graph, known: _Inference) -> bool:
    """Whether the call reads, argument by argument, what it read in the base.

    Where the spec of a tensor is not known on either side, it is the same if it comes from the same
    layer, and that layer was not reached.
    """
    layer = graph.layers[call.layer]
    if len(before.calls) != len(layer.calls):
        return False
    shapes = known.shapes
    base_specs, specs = shapes.base_specs[before.home], shapes.specs[graph.path]

    def was(tensor: Tensor) -> Any:
        source = "/".join((*before.parents, tensor.layer))
        return base_specs.get(tensor) or (source, tensor.call, tensor.output)

    def now(tensor: Tensor) -> Any:
        source = graph.layers[tensor.layer].path
        origin = None if source in shapes.reached else known.origins.get(source)
        return specs.get(tensor) or (origin, tensor.call, tensor.output)

    data = before.calls[call.index].data
    return bool(_signature(data, was) == _signature(call.data, now))


def same_config(before: Layer, after: Layer) -> bool:
    """Whether two layers are made alike: of one class, with one config but for name and flags."""
    if before.class_names != after.class_names:
        return False
    was, now = before.config, after.config
    return was == now or _comparable(was) == _comparable(now)


def _comparable(value: Any) -> Any:
    if isinstance(value, Mapping):
        skipped = ("name", "trainable", "build_config", "shared_object_id")
        return {k: _comparable(v) for k, v in value.items() if k not in skipped}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def _signature(value: Any, said: Callable[[Tensor], Any]) -> Any:
    """The arguments of a call with what is said of each tensor in its place."""
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            return said(Tensor(*value["config"]["keras_history"]))
        return {key: _signature(item, said) for key, item in value.items()}
    return [_signature(item, said) for item in value] if isinstance(value, list) else value


def with_specs(value: Any, specs: Mapping[Tensor, Spec]) -> Any:
    """The arguments of a call with specs for tensors."""
    if isinstance(value, Mapping):
        if value.get("class_name") == TENSOR:
            return specs[Tensor(*value["config"]["keras_history"])]
        return {key: with_specs(item, specs) for key, item in value.items()}
    return [with_specs(item, specs) for item in value] if isinstance(value, list) else value


def _call(shapes: Shapes, layer: Layer, call: Call, inferrer: Inferrer) -> dict[Tensor, Spec]:
    specs = shapes.specs[layer.home]
    try:
        made = shapes.inferred.get(layer.path)
        if made is None:
            made = shapes.inferred[layer.path] = inferrer.layer(layer.entry)
        _check_read(layer, call, specs)
        _check_masks(layer, call, specs)
        _check_batch(layer, call, specs)
        found = made.call(
            with_specs(call.data.get("args", []), specs),
            with_specs(call.data.get("kwargs", {}), specs),
        )
    except PatchError as error:
        raise LayerRefusedError(layer.path, error) from error.__cause__
    return {Tensor(layer.name, call.index, output): spec for output, spec in enumerate(found)}


def _check_read(layer: Layer, call: Call, specs: Mapping[Tensor, Spec]) -> None:
    """Refuse an output that the layer before does not make, which only its call could tell."""
    for slot in call.slots:
        if slot.tensor not in specs:
            same = replace(slot.tensor, output=0)
            made = sum(replace(tensor, output=0) == same for tensor in specs)
            outputs = "one output" if made == 1 else f"{made} outputs"
            refuse(
                "PS305",
                f"`{layer.name}` reads `{slot.tensor}`, but `{slot.tensor.layer}` has {outputs}",
                hint="outputs count from 0",
            )


def _check_batch(layer: Layer, call: Call, specs: Mapping[Tensor, Spec]) -> None:
    """Refuse a stateful layer on a batch of any size: Keras could not make its states."""
    data = next((specs[slot.tensor] for slot in call.slots if slot.in_args), None)
    if layer.config.get("stateful") is True and data is not None and data.shape[:1] == (None,):
        refuse(
            "PS411",
            f"`{layer.name}` is stateful, which needs a fixed batch size; its input is {data}",
            hint="give the model's input a batch size, or leave the layer stateless",
        )


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
