"""Which variables a config says that a model has: their paths, and what is known of each.

Only Keras knows all shapes, and checks them when the variant is built. What the config alone says
is enough to tell, without Keras, that a file of weights is of another model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.models.parts import Part, parts_of

Shape = tuple[int | None, ...]
Config = Mapping[str, Any]
_COMPUTED = {"count"}
"""Variables whose dtype is not that of their layer."""
_ONLY_KERAS_KNOWS = {
    "MelSpectrogram",
    "ReversibleEmbedding",
    "STFTSpectrogram",
    "SpectralNormalization",
}
"""Layers of Keras that have variables and that `parts` does not describe."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A variable that the config says there is; None stands for what the config does not say."""

    path: str
    name: str
    shape: Shape | None
    dtype: str | None


@dataclass(frozen=True, slots=True)
class Expectations:
    """The variables of a model, as far as its config says them."""

    variables: Mapping[str, Expected]
    """By path, in Keras's order."""
    labels: Mapping[str, str]
    """Keras's own `variable.path`, and the path here; empty where any is ambiguous or not known."""
    open_layers: tuple[str, ...]
    """Paths of layers whose variables only Keras knows: custom, quantized, or rare."""

    def allows(self, path: str) -> bool:
        """Whether a variable of that path could be the model's."""
        return path in self.variables or path.startswith(tuple(f"{p}/" for p in self.open_layers))


def expectations(graph: Graph) -> Expectations:
    """What the config of a model says of its variables."""
    found: dict[str, Expected] = {}
    labels: list[tuple[str | None, str]] = []
    unknown: list[str] = []
    for layer in _layers(graph):
        parts = list(parts_of(layer.entry, layer.path, (layer.name,)))
        if _is_open(layer.entry) or any(part.leaves is None for part in parts):
            unknown.append(layer.path)
            continue
        for part in parts:
            for variable in _of_part(part, layer):
                found[variable.path] = variable
                labels.append((_label(part, layer, variable.name), variable.path))
    by_label = {label: path for label, path in labels if label is not None}
    exact = len(by_label) == len(labels) and not unknown
    return Expectations(found, by_label if exact else {}, tuple(unknown))


def _layers(graph: Graph) -> Iterator[Layer]:
    for layer in graph.in_order:
        if layer.inner is not None:
            yield from _layers(layer.inner)
        elif not (layer.is_operation or layer.is_input):
            yield layer


def _is_open(value: Any) -> bool:
    """Whether a layer, or one inside it, has variables that the config does not list."""
    if isinstance(value, Mapping):
        kind = value.get("class_name")
        if kind in _ONLY_KERAS_KNOWS or kind == "QuantizedDTypePolicy":
            return True
        return any(_is_open(item) for item in value.values())
    return isinstance(value, list) and any(_is_open(item) for item in value)


def _of_part(part: Part, layer: Layer) -> Iterator[Expected]:
    shapes = _SHAPES.get(part.kind, _no_shapes)
    try:
        known = shapes(part.config, _input_shape(layer))
    except (KeyError, TypeError, ValueError, IndexError):
        known = {}
    dtype = variable_dtype(part.config.get("dtype"))
    for i, leaf in enumerate(part.leaves or ()):
        own = None if leaf in _COMPUTED else dtype
        yield Expected(part.path(i), leaf, known.get(leaf), own)


def variable_dtype(policy: Any) -> str | None:
    """The dtype of a layer's variables under a dtype policy; none where it is Keras's global one.

    A mixed policy computes in half precision and keeps its variables in float32.
    """
    if isinstance(policy, Mapping):
        policy = policy.get("config", {}).get("name")
    if not isinstance(policy, str):
        return None
    return "float32" if policy.startswith("mixed_") else policy


def _label(part: Part, layer: Layer, leaf: str) -> str | None:
    """Keras's own `variable.path` for a variable, where it follows from the config."""
    inside = part.owner.removeprefix(layer.path).strip("/")
    name = str(layer.config.get("name", layer.name))
    if not inside:
        return f"{name}/{leaf}"
    if inside == "cell" and part.kind in _CELLS:
        return f"{name}/{_CELLS[part.kind]}/{leaf}"
    if layer.class_name in ("MultiHeadAttention", "GroupQueryAttention"):
        return f"{name}/{part.marks[-1]}/{leaf}"
    return None


_CELLS = {"SimpleRNN": "simple_rnn_cell", "LSTM": "lstm_cell", "GRU": "gru_cell"}


def _input_shape(layer: Layer) -> Shape:
    """The recorded shape of a layer's one input; empty where none is recorded."""
    shape = (layer.entry.get("build_config") or {}).get("input_shape")
    if not isinstance(shape, (list, tuple)):
        return ()
    return tuple(shape) if all(n is None or isinstance(n, int) for n in shape) else ()


def _at(shape: Shape, axis: int) -> int | None:
    return shape[axis] if -len(shape) <= axis < len(shape) else None


def _no_shapes(_config: Config, _shape: Shape) -> Mapping[str, Shape]:
    return {}


def _dense(config: Config, shape: Shape) -> Mapping[str, Shape]:
    units = config["units"]
    return {"kernel": (_at(shape, -1), units), "bias": (units,)}


def _embedding(config: Config, _shape: Shape) -> Mapping[str, Shape]:
    return {"embeddings": (config["input_dim"], config["output_dim"])}


def _channels(config: Config, shape: Shape) -> int | None:
    return _at(shape, 1 if config.get("data_format") == "channels_first" else -1)


def _space(config: Config, rank: int) -> Shape:
    size = config["kernel_size"]
    return tuple(size) if isinstance(size, (list, tuple)) else (size,) * rank


def _convolution(rank: int) -> Callable[[Config, Shape], Mapping[str, Shape]]:
    def shapes(config: Config, shape: Shape) -> Mapping[str, Shape]:
        filters, channels = config["filters"], _channels(config, shape)
        per_group = None if channels is None else channels // (config.get("groups") or 1)
        return {"kernel": (*_space(config, rank), per_group, filters), "bias": (filters,)}

    return shapes


def _transposed(rank: int) -> Callable[[Config, Shape], Mapping[str, Shape]]:
    def shapes(config: Config, shape: Shape) -> Mapping[str, Shape]:
        filters = config["filters"]
        kernel = (*_space(config, rank), filters, _channels(config, shape))
        return {"kernel": kernel, "bias": (filters,)}

    return shapes


def _depthwise(rank: int) -> Callable[[Config, Shape], Mapping[str, Shape]]:
    def shapes(config: Config, shape: Shape) -> Mapping[str, Shape]:
        channels, times = _channels(config, shape), config["depth_multiplier"]
        out = None if channels is None else channels * times
        return {"kernel": (*_space(config, rank), channels, times), "bias": (out,)}

    return shapes


def _separable(rank: int) -> Callable[[Config, Shape], Mapping[str, Shape]]:
    def shapes(config: Config, shape: Shape) -> Mapping[str, Shape]:
        channels, times, filters = (
            _channels(config, shape),
            config["depth_multiplier"],
            config["filters"],
        )
        between = None if channels is None else channels * times
        return {
            "depthwise_kernel": (*_space(config, rank), channels, times),
            "pointwise_kernel": (*(1,) * rank, between, filters),
            "bias": (filters,),
        }

    return shapes


def _batch_normalization(config: Config, shape: Shape) -> Mapping[str, Shape]:
    axis = config["axis"]
    size = _at(shape, axis[0] if isinstance(axis, Sequence) else axis)
    return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), (size,))


def _recurrent(gates: int) -> Callable[[Config, Shape], Mapping[str, Shape]]:
    def shapes(config: Config, shape: Shape) -> Mapping[str, Shape]:
        units = config["units"]
        bias: Shape = (gates * units,)
        if config.get("reset_after"):
            bias = (2, *bias)
        return {
            "kernel": (_at(shape, -1), gates * units),
            "recurrent_kernel": (units, gates * units),
            "bias": bias,
        }

    return shapes


_SHAPES: Mapping[str, Callable[[Config, Shape], Mapping[str, Shape]]] = {
    "Dense": _dense,
    "Embedding": _embedding,
    **{f"Conv{n}D": _convolution(n) for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": _transposed(n) for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _depthwise(n) for n in (1, 2)},
    **{f"SeparableConv{n}D": _separable(n) for n in (1, 2)},
    "BatchNormalization": _batch_normalization,
    "SimpleRNN": _recurrent(1),
    "LSTM": _recurrent(4),
    "GRU": _recurrent(3),
}
