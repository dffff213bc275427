"""Entries and inputs of every native class, right and wrong ones, for the property tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from patchspec.graph.tensors import Spec
from patchspec.inferring.kinds import Kind
from patchspec.inferring.registry import KINDS
from patchspec.layers.table import layer_class, objects
from patchspec.layers.write import common_config, full_config, layer_entry_head

POLICIES = ("float32", "mixed_float16", "mixed_bfloat16", "bfloat16", "float16", "float64")
DTYPES = (*POLICIES[:1], "float16", "bfloat16", "float64", "int32", "uint8", "int64", "bool")
FORMATS = ("channels_last", "channels_first")
REQUIRED: Mapping[str, Any] = {
    "units": 3, "filters": 4, "kernel_size": 2, "pool_size": 2, "rate": 0.5, "n": 3,
    "target_shape": [-1], "dims": [1], "input_dim": 5, "output_dim": 3, "stddev": 0.5,
    "activation": "relu", "scale": 2.0, "num_heads": 2, "key_dim": 3, "equation": "...x,xy->...y",
    "output_shape": [3],
}  # fmt: skip


def policy(name: str) -> dict[str, Any]:
    head = {"module": "keras", "class_name": "DTypePolicy", "registered_name": None}
    return {**head, "config": {"name": name}}


def written(kind: str, name: str, **config: Any) -> dict[str, Any]:
    """An initializer, regularizer or constraint as Keras writes it."""
    known = objects(kind)
    full = {**known.defaults[name], **config}
    return {"module": known.module, "class_name": name, "config": full, "registered_name": None}


def entry(
    class_name: str,
    config: Mapping[str, Any],
    *,
    dtype: Any = None,
    trainable: bool = True,
    data_format: str = "channels_last",
) -> dict[str, Any]:
    """The entry of a layer with these arguments, and what it needs beside them."""
    table = layer_class(class_name)
    assert table is not None
    needed = {key: REQUIRED[key] for key in table.required}
    module, own, registered = layer_entry_head(class_name)
    full = full_config(class_name, {**needed, **config}, seed_of=None, data_format=data_format)
    common = common_config(class_name, trainable, policy("float32") if dtype is None else dtype)
    return {
        "module": module,
        "class_name": own,
        "config": {"name": "it", **common, **full},
        "registered_name": registered,
        "name": "it",
    }


def rank_of(class_name: str) -> int | None:
    """How many axes the inputs of a class have, where its name says that."""
    dimensions = [int(n) for n in class_name if n.isdigit()]
    own = {"Permute": 3, "RepeatVector": 2, **dict.fromkeys(("LSTM", "GRU", "SimpleRNN"), 3)}
    return dimensions[0] + 2 if dimensions else own.get(class_name)


def ordinary(class_name: str) -> list[Any]:
    """The arguments of a call that anyone would make."""
    rank = rank_of(class_name) or 3
    spec = Spec((None, *(8,) * (rank - 1)), "float32")
    if class_name == "MultiHeadAttention":
        return [spec, spec]
    return [spec] if isinstance(KINDS[class_name], Kind) else [[spec, spec]]


def _objects(kind: str) -> st.SearchStrategy[Any]:
    names = st.sampled_from(sorted(objects(kind).defaults))
    if kind == "initializer":
        seeded = st.sampled_from([None, 3]).map(
            lambda seed: written("initializer", "HeNormal", seed=seed)
        )
        plain = names.filter(lambda n: n != "STFT").map(lambda n: written(kind, n))
        scaled = st.sampled_from(["normal", "uniform", "truncated_normal"]).map(
            lambda d: written(kind, "VarianceScaling", distribution=d, scale=2)
        )
        return st.one_of(plain, seeded, scaled)
    return st.one_of(st.none(), names.map(lambda n: written(kind, n)))


def _few(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def _listed(values: st.SearchStrategy[Any], longest: int = 3) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=longest))


_SIZE = _few(1, 2, 2, 3, 4)
_ODD = _few(0, -1, None, True, 2.0, "3", [], "relu")
"""What is wrong, or only right by accident."""
_RATE = _few(0, 0.0, 0.25, 0.5, 1, 1.5, -0.1)
_AXIS = _few(-1, -1, 1, 2, -2, 0, 5)
_PAIRS = _listed(st.one_of(_few(0, 1, 2), st.lists(_few(0, 1, 2), min_size=2, max_size=2)))
_ARGUMENTS: Mapping[str, st.SearchStrategy[Any]] = {
    "units": _SIZE, "filters": _few(2, 4, 6), "groups": _few(1, 1, 2, 4, -1), "n": _SIZE,
    "kernel_size": _listed(_SIZE), "strides": _listed(_SIZE),
    "dilation_rate": _listed(_few(1, 1, 2)),
    "pool_size": _listed(_SIZE), "size": _listed(_SIZE), "depth_multiplier": _SIZE,
    "padding": st.one_of(_few("valid", "same", "causal", "SAME"), _PAIRS), "cropping": _PAIRS,
    "output_padding": st.one_of(st.none(), _listed(_few(0, 1))),
    "activation": _few("linear", "relu", "softmax", "swish", "nothing", None),
    "use_bias": st.booleans(), "center": st.booleans(),
    "scale": st.one_of(st.booleans(), _few(2.0)),
    "keepdims": st.booleans(), "mask_zero": st.booleans(), "invert": st.booleans(),
    "renorm": st.booleans(), "interpolation": _few("nearest", "bilinear", "bicubic"),
    "axis": st.one_of(_AXIS, st.lists(_AXIS, min_size=1, max_size=2)),
    "momentum": _RATE, "epsilon": _few(0.001, 1), "rate": _RATE, "stddev": _RATE,
    "seed": _few(None, 3, -1), "noise_shape": st.one_of(
        st.none(), st.lists(_few(None, 1, 2), min_size=1, max_size=4)
    ),
    "negative_slope": _RATE, "threshold": _RATE, "max_value": _few(None, 6, 6.0, -1.0),
    "alpha": _RATE, "shared_axes": st.lists(_few(1, 2, 3), min_size=1, max_size=2),
    "l1": _RATE, "l2": _RATE, "mask_value": _few(0.0, 1, -1.0), "offset": _few(0.0, 1),
    "target_shape": st.lists(_few(-1, 1, 2, 3, 4, 8, 64), min_size=1, max_size=3),
    "dims": st.permutations([1, 2]) | st.permutations([1, 2, 3]) | st.just([1, 3]),
    "input_dim": _SIZE, "output_dim": _SIZE, "num_heads": _SIZE, "key_dim": _SIZE,
    "value_dim": _few(None, 2, 5), "dropout": _RATE, "recurrent_dropout": _RATE,
    "recurrent_activation": _few("sigmoid", "linear"), "unit_forget_bias": st.booleans(),
    "return_sequences": st.booleans(), "return_state": st.booleans(),
    "go_backwards": st.booleans(), "unroll": st.booleans(), "stateful": _few(False, False, True),
    "reset_after": st.booleans(), "zero_output_for_mask": st.booleans(),
    "use_gate": _few(False, False, True), "attention_axes": _few(None, None, [1], [1, 2], [2]),
    "sliding_window": _few(None, None, 3), "bias_axes": _few(None, "y", "d", "cd", "cx"),
    "equation": _few(
        "...x,xy->...y", "abc,cd->abd", "ab,bc->ac", "abc,cde->abde", "abcd,cde->abe",
        "ab...,bc->ac...", "abc,cd->abx", "aab,bc->ac", "abc,bcd->abd", "abc,c->abc",
        "...ab,bcd->...acd",
    ),
    "output_shape": st.one_of(
        _SIZE, st.none(), st.lists(_few(None, None, 2, 3, 4, 8), min_size=1, max_size=4)
    ),
}  # fmt: skip


_ATTENDING = (
    {"use_causal_mask": True},
    {"return_attention_scores": True},
    {"attention_mask": Spec((None, 2, 2), "bool")},
)


@st.composite
def entries(draw: st.DrawFn, class_name: str) -> dict[str, Any]:
    """An entry of a class, most often one that Keras takes."""
    table = layer_class(class_name)
    assert table is not None
    config: dict[str, Any] = {}
    for name, parameter in table.parameters.items():
        if name == "data_format" or not draw(_few(*[True] * 2, False)):
            continue
        if parameter.kind in ("initializer", "regularizer", "constraint"):
            config[name] = draw(_objects(parameter.kind))
        elif name in _ARGUMENTS:
            odd = draw(st.integers(0, 30)) == 0
            config[name] = draw(_ODD if odd else _ARGUMENTS[name])
    named = draw(st.sampled_from(POLICIES))
    return entry(
        class_name,
        config,
        dtype=named if draw(st.booleans()) else policy(named),
        trainable=draw(st.booleans()),
        data_format=draw(st.sampled_from(FORMATS)),
    )


@st.composite
def shapes(draw: st.DrawFn, class_name: str) -> tuple[int | None, ...]:
    """A shape that most often fits the class."""
    fits = rank_of(class_name) or draw(st.integers(2, 4))
    rank = draw(_few(*[fits] * 9, draw(st.integers(0, 5))))
    size = _few(None, 1, 2, 3, 4, 5, 8, 8, 12, 12)
    return tuple(draw(st.lists(size, min_size=rank, max_size=rank)))


@st.composite
def calls(draw: st.DrawFn, class_name: str) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, most often ones that the class takes."""
    kind, table = KINDS[class_name], layer_class(class_name)
    assert table is not None
    dtype = draw(_few(*["float32"] * 4, *DTYPES))
    shape = draw(shapes(class_name))
    kwargs: dict[str, Any] = {}
    if draw(st.integers(0, 5)) == 0:
        kwargs["training"] = draw(_few(None, True, False))
    if "mask" in table.call_arguments and draw(st.booleans()):
        kwargs["mask"] = draw(_few(None, Spec(shape[:2], "bool")))
    if class_name == "MultiHeadAttention":
        others = [draw(st.one_of(st.just(shape), _near(shape))) for _ in range(draw(_few(1, 1, 2)))]
        specs = [Spec(one, dtype) for one in (shape, *others)]
        placed = draw(st.integers(0, len(specs)))
        named = dict(zip(("query", "value", "key")[placed:], specs[placed:], strict=False))
        return specs[:placed], {**kwargs, **named, **draw(_few({}, *_ATTENDING))}
    if isinstance(kind, Kind):
        return [Spec(shape, dtype)], kwargs
    others = draw(st.lists(st.one_of(st.just(shape), _near(shape), shapes(class_name)), max_size=2))
    return [[Spec(one, dtype) for one in (shape, *others)]], kwargs


@st.composite
def _near(draw: st.DrawFn, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    if not shape:
        return shape
    at = draw(st.integers(0, len(shape) - 1))
    return (*shape[:at], draw(_few(None, 1, 2, 8)), *shape[at + 1 :])
