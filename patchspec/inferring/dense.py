"""Layers that multiply by a matrix, and the one that looks rows up in it."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.inferring.arguments import activation, boolean, constraint, count, regularizer
from patchspec.inferring.initializers import initializer
from patchspec.inferring.kinds import Config, Kind, Shape, Weight, always, decline, given, known


def _dense_output(config: Config, shape: Shape) -> Shape:
    return (*shape[:-1], config["units"]) if len(shape) > 1 else decline()


def _dense_weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
    units = config["units"]
    kernel = Weight("kernel", (known(shape[-1]), units), given(config, "kernel_initializer"))
    bias = Weight("bias", (units,), given(config, "bias_initializer"))
    return (kernel, bias) if config["use_bias"] else (kernel,)


def _embedding_weights(config: Config, _shape: Shape) -> tuple[Weight, ...]:
    size = (config["input_dim"], config["output_dim"])
    return (Weight("embeddings", size, given(config, "embeddings_initializer")),)


KINDS: Mapping[str, Kind] = {
    "Dense": Kind(
        {
            "units": count,
            "activation": activation,
            "use_bias": boolean,
            "kernel_initializer": initializer,
            "bias_initializer": initializer,
            "kernel_regularizer": regularizer,
            "bias_regularizer": regularizer,
            "kernel_constraint": constraint,
            "bias_constraint": constraint,
        },
        _dense_output,
        _dense_weights,
        always,
    ),
    "Embedding": Kind(
        {
            "input_dim": count,
            "output_dim": count,
            "embeddings_initializer": initializer,
            "embeddings_regularizer": regularizer,
            "embeddings_constraint": constraint,
            "mask_zero": boolean,
        },
        lambda config, shape: (*shape, config["output_dim"]),
        _embedding_weights,
        lambda config: bool(config["mask_zero"]),
        takes=lambda dtype: dtype != "bool",
    ),
}
