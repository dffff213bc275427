"""Recurrent layers that make their own cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from patchspec.inferring.arguments import (
    Check,
    activation,
    boolean,
    constraint,
    count,
    rate,
    regularizer,
    seed,
)
from patchspec.inferring.initializers import Initializer, initializer
from patchspec.inferring.kinds import Config, Kind, Shape, Weight, always, given, known, ranked
from patchspec.weights.cells import FORGET_GATE_BIAS

_CELL = "cell/"
_NAMES = ("kernel", "recurrent", "bias")
_FORGETS: Initializer = {"class_name": FORGET_GATE_BIAS, "config": {}}
_ARGUMENTS: Mapping[str, Check] = {
    "units": count,
    "activation": activation,
    "use_bias": boolean,
    **{f"{name}_initializer": initializer for name in _NAMES},
    **{f"{name}_regularizer": regularizer for name in _NAMES},
    **{f"{name}_constraint": constraint for name in _NAMES},
    "dropout": rate,
    "recurrent_dropout": rate,
    "return_sequences": boolean,
    "return_state": boolean,
    "go_backwards": boolean,
    "unroll": boolean,
    "zero_output_for_mask": boolean,
}
_GATED: Mapping[str, Check] = {**_ARGUMENTS, "recurrent_activation": activation, "seed": seed}


def _output(config: Config, shape: Shape) -> Shape:
    units = config["units"]
    return (*shape[:2], units) if config["return_sequences"] else (shape[0], units)


def _states(count: int) -> Callable[[Config, Shape], tuple[Shape, ...]]:
    def states(config: Config, shape: Shape) -> tuple[Shape, ...]:
        return ((shape[0], config["units"]),) * count if config["return_state"] else ()

    return states


def _weights(
    gates: int, bias: Callable[[Config], tuple[tuple[int, ...], Initializer | None]]
) -> Callable[[Config, Shape], tuple[Weight, ...]]:
    def weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
        units = config["units"]
        made = (
            Weight(
                "kernel",
                (known(shape[-1]), units * gates),
                given(config, "kernel_initializer"),
                part=_CELL,
            ),
            Weight(
                "recurrent_kernel",
                (units, units * gates),
                given(config, "recurrent_initializer"),
                part=_CELL,
            ),
        )
        return (*made, Weight("bias", *bias(config), part=_CELL)) if config["use_bias"] else made

    return weights


def _plain_bias(config: Config) -> tuple[tuple[int, ...], Initializer | None]:
    return (config["units"],), given(config, "bias_initializer")


def _gru_bias(config: Config) -> tuple[tuple[int, ...], Initializer | None]:
    size = config["units"] * 3
    return (2, size) if config["reset_after"] else (size,), given(config, "bias_initializer")


def _lstm_bias(config: Config) -> tuple[tuple[int, ...], Initializer | None]:
    own = given(config, "bias_initializer")
    forgets = _FORGETS if own["class_name"] == "Zeros" else None
    return (config["units"] * 4,), forgets if config["unit_forget_bias"] else own


KINDS: Mapping[str, Kind] = {
    "SimpleRNN": Kind(
        _ARGUMENTS,
        ranked(3, _output),
        _weights(1, _plain_bias),
        always,
        states=_states(1),
    ),
    "GRU": Kind(
        {**_GATED, "reset_after": boolean},
        ranked(3, _output),
        _weights(3, _gru_bias),
        always,
        states=_states(1),
    ),
    "LSTM": Kind(
        {**_GATED, "unit_forget_bias": boolean},
        ranked(3, _output),
        _weights(4, _lstm_bias),
        always,
        states=_states(2),
    ),
}
