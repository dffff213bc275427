"""Layers that normalise, by statistics of the batch, of the example or of the training data."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.inferring.arguments import (
    Check,
    axes,
    boolean,
    constraint,
    is_integer,
    is_number,
    regularizer,
)
from patchspec.inferring.initializers import ONES, ZEROS, initializer
from patchspec.inferring.kinds import (
    Config,
    Kind,
    Shape,
    Weight,
    always,
    axes_of,
    axis_of,
    decline,
    given,
    known,
)

_SCALING: Mapping[str, Check] = {
    "center": boolean,
    "scale": boolean,
    **{f"{name}_initializer": initializer for name in ("gamma", "beta")},
    **{f"{name}_regularizer": regularizer for name in ("gamma", "beta")},
    **{f"{name}_constraint": constraint for name in ("gamma", "beta")},
    "epsilon": is_number,
}


def _scaling(config: Config, size: tuple[int, ...]) -> tuple[Weight, ...]:
    gamma = Weight("gamma", size, given(config, "gamma_initializer"))
    beta = Weight("beta", size, given(config, "beta_initializer"))
    return (*((gamma,) if config["scale"] else ()), *((beta,) if config["center"] else ()))


def _one_axis(config: Config, shape: Shape) -> tuple[int, ...]:
    return (known(shape[axis_of(config["axis"], shape)]),)


def _within(config: Config, shape: Shape) -> Shape:
    axes_of(config["axis"], shape)
    return shape


def _batch(config: Config, shape: Shape) -> tuple[Weight, ...]:
    size = _one_axis(config, shape)
    mean = Weight("moving_mean", size, given(config, "moving_mean_initializer"), trains=False)
    variance = given(config, "moving_variance_initializer")
    return (
        *_scaling(config, size),
        mean,
        Weight("moving_variance", size, variance, trains=False),
    )


def _sorted_axes(config: Config, shape: Shape) -> tuple[int, ...]:
    """The sizes of the axes as Keras sorts them: as they are written, so negative ones first."""
    axis = config["axis"]
    axes_of(axis, shape)
    return tuple(known(shape[one]) for one in ([axis] if is_integer(axis) else sorted(axis)))


def _groups(config: Config, shape: Shape) -> Shape:
    [size] = _one_axis(config, shape)
    groups = size if config["groups"] == -1 else config["groups"]
    return shape if groups <= size and size % groups == 0 else decline()


def _adapted(config: Config, shape: Shape) -> tuple[Weight, ...]:
    axis = config["axis"]
    kept = sorted(axes_of([] if axis is None else axis, shape))
    size = tuple(known(shape[one]) for one in kept)
    return (
        Weight("mean", size, ZEROS, trains=False),
        Weight("variance", size, ONES, trains=False),
        Weight("count", (), ZEROS, trains=False, dtype="int"),
    )


KINDS: Mapping[str, Kind] = {
    "BatchNormalization": Kind(
        {
            **_SCALING,
            "axis": is_integer,
            "momentum": is_number,
            "moving_mean_initializer": initializer,
            "moving_variance_initializer": initializer,
        },
        _within,
        _batch,
        always,
    ),
    "LayerNormalization": Kind(
        {**_SCALING, "axis": axes},
        _within,
        lambda config, shape: _scaling(config, _sorted_axes(config, shape)),
        always,
    ),
    "GroupNormalization": Kind(
        {
            **_SCALING,
            "axis": is_integer,
            "groups": lambda value: is_integer(value) and (value > 0 or value == -1),
        },
        _groups,
        lambda config, shape: _scaling(config, _one_axis(config, shape)),
        always,
    ),
    "RMSNormalization": Kind(
        {"axis": axes, "epsilon": is_number},
        _within,
        lambda config, shape: (Weight("scale", _sorted_axes(config, shape), ONES),),
    ),
    "UnitNormalization": Kind({"axis": axes}, _within, carries_masks=always, records_build=False),
    "Normalization": Kind(
        {"axis": lambda value: value is None or axes(value), "invert": boolean},
        lambda _config, shape: shape,
        _adapted,
        always,
    ),
}
