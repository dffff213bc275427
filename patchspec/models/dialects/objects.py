"""Initializers, regularizers, constraints, activations and dtypes as Keras 3 writes them.

None of the first three has a part in what a trained model computes, so keys of theirs that Keras 3
does not have are left out without a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from patchspec.layers.table import activations, objects

_RENAMED_KEYS = {"MaxNorm": {"m": "max_value"}, "UnitNorm": {}, "NonNeg": {}}
_RENAMED = {
    "zero": "Zeros",
    "one": "Ones",
    "uniform": "RandomUniform",
    "normal": "RandomNormal",
    "maxnorm": "MaxNorm",
    "nonneg": "NonNeg",
    "unitnorm": "UnitNorm",
    "WeightRegularizer": "L1L2",
    "ActivityRegularizer": "L1L2",
}
_ACTIVATIONS = {"softmax_v2": "softmax", "relu_v2": "relu", "tanh_v2": "tanh"}


def policy(name: str) -> dict[str, Any]:
    """A dtype policy in Keras's serialised form."""
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": name},
        "registered_name": None,
    }


def dtype_name(dtype: Any) -> str:
    """The name of an old layer's dtype, which may be a policy, missing, or Python's `float`."""
    if isinstance(dtype, Mapping):
        config = dtype.get("config")
        dtype = config.get("name") if isinstance(config, Mapping) else None
    if dtype in (None, "float", "infer", "_infer"):
        return "float32"
    return {"int": "int32", "double": "float64"}.get(str(dtype), str(dtype))


def upgraded_object(kind: str, value: Any) -> Any:
    """An old initializer, regularizer or constraint; those of the user's own stay as they are."""
    if value is None:
        return None
    given: dict[str, Any] = {}
    if isinstance(value, str):
        name = value
    elif isinstance(value, Mapping):
        if value.get("registered_name"):
            return value
        name = str(value.get("class_name", value.get("name")))
        config = value.get("config")
        given = dict(config) if isinstance(config, Mapping) else _flat(value)
    else:
        return value
    known = objects(kind)
    own = known.aliases.get(_RENAMED.get(name, name)) or known.aliases.get(
        re.sub(r"(_?[vV][12])$", "", name)
    )
    if own is None:
        module = value.get("module") if isinstance(value, Mapping) else None
        return {"module": module, "class_name": name, "config": given, "registered_name": name}
    if own == "VarianceScaling" and given.get("distribution") == "normal":
        given["distribution"] = "truncated_normal"
    renamed = {_RENAMED_KEYS.get(own, {}).get(key, key): item for key, item in given.items()}
    taken = {k: v for k, v in renamed.items() if k in known.parameters[own]}
    return {
        "module": known.module,
        "class_name": own,
        "config": {**known.defaults[own], **taken},
        "registered_name": None,
    }


def _flat(value: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in value.items() if k not in ("name", "class_name", "config")}


def upgraded_activation(value: Any) -> Any:
    """An activation by its name in Keras 3; a function or layer of the user's own stays itself."""
    if isinstance(value, Mapping) and value.get("class_name") == "function":
        value = value.get("config")
    if isinstance(value, Mapping):
        return value
    if value is None:
        return "linear"
    name = _ACTIVATIONS.get(value, value)
    if name in activations():
        return name
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }
