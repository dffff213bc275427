"""What a layer saves, from its config alone: which parts hold variables, and in which order.

The order is Keras 3's own (`layer.save_own_variables`: trainable before non-trainable, as the layer
made them), so the number of a variable is its place here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.order import CycleError
from patchspec.layers.table import layer_class
from patchspec.models.layout import layer_groups, snake_case
from patchspec.problems import refuse

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that holds variables: a layer, or a cell or layer inside it."""

    owner: str
    """The path of its variables without `vars/<n>`."""
    kind: str
    """Its class."""
    leaves: tuple[str, ...] | None
    """The names of its variables, in Keras 3's order; none for a class that is not Keras's."""
    marks: tuple[str, ...]
    """Names that a weight's own name holds where it belongs here, from the outside in."""
    said: str
    """`owner` by the names of layers alone, also of a model inside a wrapper, whose layers Keras
    saves by class and place."""
    config: Config
    """That of the layer or cell; of a projection inside an attention, the attention's."""

    def path(self, number: int) -> str:
        """The path of one of its variables."""
        return f"{self.owner}/vars/{number}"


def _kernel(config: Config) -> list[str]:
    return ["kernel", *_bias(config)]


def _bias(config: Config) -> list[str]:
    return ["bias"] if config.get("use_bias", True) else []


def _einsum(config: Config) -> list[str]:
    return ["kernel", *(["bias"] if config.get("bias_axes") is not None else [])]


def _separable(config: Config) -> list[str]:
    return ["depthwise_kernel", "pointwise_kernel", *_bias(config)]


def _scaled(config: Config) -> list[str]:
    return [
        *(["gamma"] if config.get("scale", True) else []),
        *(["beta"] if config.get("center", True) else []),
    ]


def _with_statistics(config: Config) -> list[str]:
    renorm = ["moving_stddev", "renorm_mean", "renorm_stddev"] if config.get("renorm") else []
    return [*_scaled(config), "moving_mean", "moving_variance", *renorm]


def _cell(config: Config) -> list[str]:
    return ["kernel", "recurrent_kernel", *_bias(config)]


def _attention(config: Config) -> list[str]:
    return [
        *(["scale"] if config.get("use_scale") else []),
        *(["concat_score_weight"] if config.get("score_mode") == "concat" else []),
    ]


def _normalization(config: Config) -> list[str]:
    return [] if config.get("mean") is not None else ["mean", "variance", "count"]


_LEAVES: Mapping[str, Callable[[Config], list[str]]] = {
    "Dense": _kernel,
    "EinsumDense": _einsum,
    **{f"Conv{n}D": _kernel for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": _kernel for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _kernel for n in (1, 2)},
    **{f"SeparableConv{n}D": _separable for n in (1, 2)},
    "Embedding": lambda _: ["embeddings"],
    "BatchNormalization": _with_statistics,
    "LayerNormalization": _scaled,
    "GroupNormalization": _scaled,
    "RMSNormalization": lambda _: ["scale"],
    "PReLU": lambda _: ["alpha"],
    "SimpleRNNCell": _cell,
    "LSTMCell": _cell,
    "GRUCell": _cell,
    "Attention": _attention,
    "AdditiveAttention": _attention,
    "Normalization": _normalization,
}
_WITH_CELL = {"SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}
_PROJECTIONS = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "attention_output",
}


def parts_of_model(graph: Graph) -> Iterator[Part]:
    """Every part of every layer, with nested models walked through; in Keras's graph order."""
    for layer in graph.in_order:
        if layer.is_operation or layer.is_input:
            continue
        if layer.inner is not None:
            yield from parts_of_model(layer.inner)
        else:
            yield from parts_of(layer.entry, layer.path, (layer.name,))


def parts_of(
    entry: Mapping[str, Any], owner: str, marks: tuple[str, ...], said: str | None = None
) -> Iterator[Part]:
    """The parts of one layer that hold variables."""
    kind, config = str(entry["class_name"]), entry["config"]
    said = said or owner
    if kind in _WITH_CELL:
        leaves = tuple(_cell(config))
        yield Part(f"{owner}/cell", kind, leaves, marks, f"{said}/cell", config)
    elif kind in _WRAPPING:
        for place, inner, mark in _WRAPPING[kind](config):
            own = (*marks, mark) if mark else marks
            yield from _inside(inner, f"{owner}/{place}", own, f"{said}/{place}")
    elif kind in ("MultiHeadAttention", "GroupQueryAttention"):
        # Of the second Keras has no public attributes, and saves by the private ones.
        private = "_" if kind == "GroupQueryAttention" else ""
        leaves = tuple(_kernel(config))
        for name, mark in _PROJECTIONS.items():
            place, marked = f"{private}{name}", (*marks, mark)
            yield Part(f"{owner}/{place}", "EinsumDense", leaves, marked, f"{said}/{place}", config)
    elif kind in _LEAVES:
        leaves = tuple(_LEAVES[kind](config))
        if leaves:
            yield Part(owner, kind, leaves, marks, said, config)
    elif layer_class(kind) is None or entry.get("registered_name"):
        yield Part(owner, kind, None, marks, said, config)


def _inside(
    entry: Mapping[str, Any], owner: str, marks: tuple[str, ...], said: str
) -> Iterator[Part]:
    """The parts of what a wrapper wraps; the layers of a model lie there by class and place."""
    config = entry["config"]
    if not isinstance(config.get("layers"), list):
        yield from parts_of(entry, owner, marks, said)
        return
    try:
        groups = list(layer_groups(Graph(config)))
    except (CycleError, KeyError):
        refuse("PS425", f"the graph of the model inside `{owner}` is not whole")
    for layer, group in groups:
        if layer.inner is None and not layer.is_input:
            own = (*marks, layer.name)
            yield from parts_of(layer.entry, f"{owner}/{group}", own, f"{said}/{layer.path}")


Wrapped = tuple[str, Mapping[str, Any], str | None]
"""Where a wrapper saves what is inside it, that entry, and what its weights' names say."""


def _both(config: Config) -> Iterator[Wrapped]:
    yield "forward_layer", config["layer"], "forward"
    yield "backward_layer", config["backward_layer"], "backward"


def _cells(config: Config) -> Iterator[Wrapped]:
    for place, cell in cell_places(config["cells"]):
        yield f"cells/{place}", cell, str(cell["config"].get("name"))


def cell_places(cells: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Cells that are stacked, and the names under which Keras saves them: class and count."""
    used: dict[str, int] = {}
    for cell in cells:
        snake = snake_case(str(cell["class_name"]))
        count = used.get(snake, 0)
        used[snake] = count + 1
        yield f"{snake}_{count}" if count else snake, cell


_WRAPPING: Mapping[str, Callable[[Config], Iterable[Wrapped]]] = {
    "Bidirectional": _both,
    "RNN": lambda config: [("cell", config["cell"], None)],
    "StackedRNNCells": _cells,
    "TimeDistributed": lambda config: [("layer", config["layer"], None)],
}
