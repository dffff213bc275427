"""Layers that keep the shape: activations, noise, and what only looks like a computation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from patchspec.inferring.arguments import (
    Check,
    activation,
    axes,
    constraint,
    count,
    is_number,
    list_of,
    not_negative,
    one_of,
    optional,
    rate,
    regularizer,
    seed,
)
from patchspec.inferring.initializers import initializer
from patchspec.inferring.kinds import (
    Config,
    Kind,
    Shape,
    Weight,
    always,
    decline,
    given,
    known,
    ranked,
    same,
)
from patchspec.inferring.windows import FORMATS


def _keeping(arguments: Mapping[str, Check]) -> Kind:
    return Kind(arguments, same, carries_masks=always, records_build=False)


def _spatial(rank: int) -> Kind:
    arguments: dict[str, Check] = {"rate": rate, "seed": seed}
    if rank > 1:
        arguments["data_format"] = one_of(*FORMATS)
    return Kind(arguments, ranked(rank + 2, same), carries_masks=always, records_build=False)


def _alpha(config: Config, shape: Shape) -> tuple[Weight, ...]:
    size = list(shape[1:])
    for axis in config["shared_axes"] or []:
        if not 0 < axis < len(shape):
            decline()
        size[axis - 1] = 1
    whole = tuple(known(n) for n in size)
    return (Weight("alpha", whole, given(config, "alpha_initializer")),)


def _masked(_config: Config, shape: Shape) -> Shape:
    return shape if len(shape) > 1 else decline()


def _noise_shape(value: Any) -> bool:
    return value is None or list_of(optional(count))(value)


_NOISE: Mapping[str, Check] = {"rate": rate, "seed": seed}

KINDS: Mapping[str, Kind] = {
    "Activation": _keeping({"activation": activation}),
    "ReLU": _keeping(
        {
            "max_value": optional(not_negative),
            "negative_slope": not_negative,
            "threshold": not_negative,
        }
    ),
    "LeakyReLU": _keeping({"negative_slope": not_negative}),
    "ELU": _keeping({"alpha": is_number}),
    "Softmax": _keeping({"axis": axes}),
    "PReLU": Kind(
        {
            "alpha_initializer": initializer,
            "alpha_regularizer": regularizer,
            "alpha_constraint": constraint,
            "shared_axes": optional(list_of(count)),
        },
        same,
        _alpha,
        always,
    ),
    "Dropout": _keeping({**_NOISE, "noise_shape": _noise_shape}),
    "AlphaDropout": _keeping({**_NOISE, "noise_shape": _noise_shape}),
    "GaussianDropout": _keeping(_NOISE),
    "GaussianNoise": _keeping({"stddev": rate, "seed": seed}),
    **{f"SpatialDropout{n}D": _spatial(n) for n in (1, 2, 3)},
    "ActivityRegularization": _keeping({"l1": not_negative, "l2": not_negative}),
    "Identity": Kind({}, same, carries_masks=always, records_build=False, keeps_dtype=True),
    "Masking": Kind(
        {"mask_value": is_number},
        _masked,
        carries_masks=always,
        records_build=False,
        takes=lambda dtype: dtype != "bool",
    ),
    "Rescaling": Kind({"scale": is_number, "offset": is_number}, same, carries_masks=always),
}
