"""TensorFlow functions in a Keras 2 graph, as the operations of `keras.ops` that equal them.

TensorFlow's own call arguments become an operation's arguments or its config. What is not in the
tables is refused with the function's name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from patchspec.models.dialects.masks import operation
from patchspec.models.dialects.nodes import Names, arguments_of
from patchspec.models.dialects.notes import Notes

Entry = dict[str, Any]
CLASSES = {"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"}

_BINARY = {
    "math.add": "Add",
    "__operators__.add": "Add",
    "math.subtract": "Subtract",
    "__operators__.subtract": "Subtract",
    "math.multiply": "Multiply",
    "__operators__.multiply": "Multiply",
    "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.pow": "Power",
}
_UNARY = {
    "nn.relu": ("Relu", "nn"),
    "nn.relu6": ("Relu6", "nn"),
    "nn.selu": ("Selu", "nn"),
    "nn.silu": ("Silu", "nn"),
    "nn.swish": ("Silu", "nn"),
    "math.sigmoid": ("Sigmoid", "nn"),
    "nn.sigmoid": ("Sigmoid", "nn"),
    "math.softplus": ("Softplus", "nn"),
    "nn.softplus": ("Softplus", "nn"),
    "math.tanh": ("Tanh", "numpy"),
    "nn.tanh": ("Tanh", "numpy"),
    "math.sqrt": ("Sqrt", "numpy"),
    "math.square": ("Square", "numpy"),
    "math.exp": ("Exp", "numpy"),
    "math.log": ("Log", "numpy"),
    "math.abs": ("Absolute", "numpy"),
    "math.negative": ("Negative", "numpy"),
    "math.floor": ("Floor", "numpy"),
    "math.rsqrt": ("Rsqrt", "math"),
}
_REDUCED = {
    "math.reduce_mean": "Mean",
    "math.reduce_sum": "Sum",
    "math.reduce_max": "Max",
    "math.reduce_min": "Min",
}
_RAW = {
    "Add": "math.add",
    "AddV2": "math.add",
    "Sub": "math.subtract",
    "Mul": "math.multiply",
    "RealDiv": "math.truediv",
    "Maximum": "math.maximum",
    "Minimum": "math.minimum",
    "Pow": "math.pow",
    "Relu": "nn.relu",
    "Relu6": "nn.relu6",
    "Selu": "nn.selu",
    "Sigmoid": "math.sigmoid",
    "Softplus": "math.softplus",
    "Tanh": "math.tanh",
    "Sqrt": "math.sqrt",
    "Square": "math.square",
    "Exp": "math.exp",
    "Log": "math.log",
    "Abs": "math.abs",
    "Neg": "math.negative",
    "Floor": "math.floor",
    "Rsqrt": "math.rsqrt",
    "ConcatV2": "concat",
    "Softmax": "nn.softmax",
    "Transpose": "transpose",
    "Reshape": "reshape",
    "ExpandDims": "expand_dims",
    "Mean": "math.reduce_mean",
    "Sum": "math.reduce_sum",
    "Max": "math.reduce_max",
    "Min": "math.reduce_min",
}
"""TensorFlow's names of operations, in a TensorFlowOpLayer, and the functions that make them."""

Made = tuple[str, str, dict[str, Any], list[Any]]
"""An operation's class, its room in `keras.ops`, its config and its arguments."""


def upgraded_operation(entry: Mapping[str, Any], path: str, names: Names, notes: Notes) -> Entry:
    """The operation that equals a TensorFlow function in the graph; it keeps the layer's name."""
    function = _function(entry)
    calls = [_call(entry, node, names) for node in entry["inbound_nodes"]]
    made = [_made(function, tensors, keys) for tensors, keys in calls]
    first = made[0] if made else None
    if first is None or any(one is None or one[:3] != first[:3] for one in made):
        shown = f"`{function}`" if function else "an operation"
        notes.no_successor(
            str(entry["class_name"]),
            path,
            f"of TensorFlow's {shown}, called in a way that `keras.ops` does not have",
        )
        return {**operation("Identity", str(entry["name"]), {}, []), "inbound_nodes": []}
    kind, room, config, _ = first
    name = str(entry["name"])
    notes.step(path, f"TensorFlow's `{function}` became the operation `{kind}`")
    found = operation(kind, name, config, [], room)
    found["inbound_nodes"] = [{"args": one[3], "kwargs": {}} for one in made if one is not None]
    return found


def _function(entry: Mapping[str, Any]) -> str:
    config = entry["config"]
    if entry["class_name"] != "TensorFlowOpLayer":
        return str(config.get("function", "")).removeprefix("tf.")
    definition = config.get("node_def")
    raw = definition.get("op") if isinstance(definition, Mapping) else None
    return _RAW.get(str(raw), str(raw))


def _call(entry: Mapping[str, Any], node: Any, names: Names) -> tuple[list[Any], dict[str, Any]]:
    """The tensors of a call; those that TensorFlow baked in are put back where they were."""
    tensors, _, keywords = arguments_of(node, names)
    if entry["class_name"] == "TensorFlowOpLayer":
        baked = entry["config"].get("constants") or {}
        for place in sorted(baked, key=int):
            tensors.insert(int(place), baked[place])
        definition = entry["config"]["node_def"].get("attr", {})
        keep = definition.get("keep_dims", {})
        if isinstance(keep, Mapping) and keep.get("b"):
            keywords["keepdims"] = True
        if entry["config"]["node_def"].get("op") == "ConcatV2":
            keywords["axis"] = tensors.pop()
    return tensors, keywords


def _made(function: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    """The operation for one call; none where there is none that equals it."""
    keys = {k: v for k, v in keys.items() if k != "name" and v is not None}
    if function in _BINARY:
        given = [*tensors, *(keys.pop(k) for k in ("x", "y") if k in keys)]
        return None if keys or len(given) != 2 else (_BINARY[function], "numpy", {}, given)  # noqa: PLR2004 (two operands)
    if function in _UNARY:
        kind, room = _UNARY[function]
        return None if keys or len(tensors) != 1 else (kind, room, {}, tensors)
    maker = _MAKERS.get(function)
    return maker(function, tensors, keys) if maker else None


def _reduce(function: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", None) if len(tensors) == 1 else tensors[1]
    config: dict[str, Any] = {"axis": axis, "keepdims": bool(keys.pop("keepdims", False))}
    kind = _REDUCED[function]
    if kind in ("Max", "Min"):
        config["initial"] = None
    return None if keys else (kind, "numpy", config, tensors[:1])


def _concat(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", None)
    if keys or not isinstance(axis, int):
        return None
    return "Concatenate", "numpy", {"axis": axis}, [tensors]


def _stack(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", 0)
    return None if keys else ("Stack", "numpy", {"axis": axis}, [tensors])


def _reshape(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    shape = keys.pop("shape", None) if len(tensors) == 1 else tensors[1]
    if keys or not isinstance(shape, list) or any(not isinstance(n, int) for n in shape):
        return None
    return "Reshape", "numpy", {"newshape": shape}, tensors[:1]


def _transpose(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axes = keys.pop("perm", None) if len(tensors) == 1 else tensors[1]
    keys.pop("conjugate", None)
    return None if keys else ("Transpose", "numpy", {"axes": axes}, tensors[:1])


def _split(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    parts, axis = keys.pop("num_or_size_splits", None), keys.pop("axis", 0)
    keys.pop("num", None)
    if keys or not isinstance(parts, int):
        return None
    return "Split", "numpy", {"indices_or_sections": parts, "axis": axis}, tensors


def _expand(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", None) if len(tensors) == 1 else tensors[1]
    return None if keys else ("ExpandDims", "numpy", {"axis": axis}, tensors[:1])


def _squeeze(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", None)
    return None if keys else ("Squeeze", "numpy", {"axis": axis}, tensors)


def _cast(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    dtype = keys.pop("dtype", None)
    if keys or not isinstance(dtype, str):
        return None
    return "Cast", "core", {"dtype": dtype}, tensors


def _clip(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    low, high = keys.pop("clip_value_min", None), keys.pop("clip_value_max", None)
    if keys or not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        return None
    return "Clip", "numpy", {"x_min": low, "x_max": high}, tensors


def _matmul(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    given = [*tensors, *(keys.pop(k) for k in ("b",) if k in keys)]
    if any(keys.values()) or len(given) != 2:  # noqa: PLR2004 (two factors)
        return None
    return "Matmul", "numpy", {}, given


def _softmax(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    axis = keys.pop("axis", -1)
    return None if keys else ("Softmax", "nn", {"axis": axis}, tensors)


def _leaky(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    slope = keys.pop("alpha", 0.2)
    return None if keys else ("LeakyRelu", "nn", {"negative_slope": slope}, tensors)


def _elu(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    return None if keys else ("Elu", "nn", {"alpha": 1.0}, tensors)


def _gelu(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    rough = bool(keys.pop("approximate", False))
    return None if keys else ("Gelu", "nn", {"approximate": rough}, tensors)


def _item(_: str, tensors: list[Any], keys: dict[str, Any]) -> Made | None:
    spec = keys.pop("slice_spec", None)
    if keys or spec is None:
        return None
    parts = spec if isinstance(spec, list) else [spec]
    found: list[Any] = []
    for part in parts:
        if isinstance(part, Mapping) and "start" in part:
            if any(isinstance(part.get(k), (Mapping, list)) for k in ("start", "stop", "step")):
                return None
            bounds = {key: part.get(key) for key in ("start", "stop", "step")}
            found.append({"class_name": "__slice__", "config": bounds})
        elif isinstance(part, int) and not isinstance(part, bool):
            found.append(part)
        elif part == "...":
            found.append({"class_name": "__ellipsis__", "config": {}})
        elif part is None:
            found.append(None)
        else:
            return None
    return "GetItem", "numpy", {}, [*tensors, found]


_MAKERS: Mapping[str, Callable[[str, list[Any], dict[str, Any]], Made | None]] = {
    **dict.fromkeys(_REDUCED, _reduce),
    "concat": _concat,
    "stack": _stack,
    "reshape": _reshape,
    "split": _split,
    "transpose": _transpose,
    "compat.v1.transpose": _transpose,
    "expand_dims": _expand,
    "squeeze": _squeeze,
    "cast": _cast,
    "clip_by_value": _clip,
    "linalg.matmul": _matmul,
    "nn.softmax": _softmax,
    "nn.leaky_relu": _leaky,
    "nn.elu": _elu,
    "nn.gelu": _gelu,
    "__operators__.getitem": _item,
}
