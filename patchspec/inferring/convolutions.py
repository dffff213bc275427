"""Convolutions: plain, transposed, depthwise and separable, over one to three axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from patchspec.inferring.arguments import (
    Check,
    activation,
    boolean,
    constraint,
    count,
    one_of,
    optional,
    regularizer,
    sizes,
    spread,
)
from patchspec.inferring.initializers import initializer
from patchspec.inferring.kinds import Config, Kind, Shape, Weight, decline, given, known, ranked
from patchspec.inferring.windows import FORMATS, arranged, channels, slid, spatial


def _arguments(
    rank: int, kernels: Sequence[str], *own: str, causal: bool = False
) -> dict[str, Check]:
    """What a convolution over `rank` axes takes, with these kernels; `own` are further counts."""
    named = (*kernels, "bias")
    return {
        "kernel_size": sizes(rank),
        "strides": sizes(rank),
        "dilation_rate": sizes(rank),
        "padding": one_of("valid", "same", *(["causal"] if causal else [])),
        "data_format": one_of(*FORMATS),
        "activation": activation,
        "use_bias": boolean,
        **{f"{name}_initializer": initializer for name in named},
        **{f"{name}_regularizer": regularizer for name in named},
        **{f"{name}_constraint": constraint for name in named},
        **dict.fromkeys(own, count),
    }


def _rank(shape: Shape) -> int:
    return len(shape) - 2


def _slid(config: Config, shape: Shape) -> Shape:
    rank = _rank(shape)
    kernel = spread(config["kernel_size"], rank)
    strides = spread(config["strides"], rank)
    dilation = spread(config["dilation_rate"], rank)
    return tuple(
        slid(size, dilated * (window - 1) + 1, stride, config["padding"])
        for size, window, stride, dilated in zip(
            spatial(config, shape), kernel, strides, dilation, strict=True
        )
    )


def _not_both(config: Config, rank: int) -> bool:
    """Whether there are not both strides and a dilation."""
    strides, dilation = spread(config["strides"], rank), spread(config["dilation_rate"], rank)
    return max(strides) == 1 or max(dilation) == 1


def _bias(config: Config, size: int) -> tuple[Weight, ...]:
    if not config["use_bias"]:
        return ()
    return (Weight("bias", (size,), given(config, "bias_initializer")),)


def _plain_output(config: Config, shape: Shape) -> Shape:
    return arranged(config, shape[0], _slid(config, shape), config["filters"])


def _plain_weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
    filters, groups = config["filters"], config["groups"]
    read = known(channels(config, shape))
    if read % groups:
        decline()
    size = (*spread(config["kernel_size"], _rank(shape)), read // groups, filters)
    return (Weight("kernel", size, given(config, "kernel_initializer")), *_bias(config, filters))


def _grown(
    size: int | None, window: int, stride: int, padding: str, extra: int | None
) -> int | None:
    """The size of an axis after a transposed convolution; `extra` is the output padding."""
    if size is None:
        return None
    if padding == "valid":
        own = max(window, stride) - window if extra is None else extra
        return (size - 1) * stride + window + own
    made = size * stride if extra is None else (size - 1) * stride + window % 2 + extra
    return made if made > 0 else decline()


def _transposed_output(config: Config, shape: Shape) -> Shape:
    rank = _rank(shape)
    kernel, strides = spread(config["kernel_size"], rank), spread(config["strides"], rank)
    dilation = spread(config["dilation_rate"], rank)
    padding = config["output_padding"]
    extra = (None,) * rank if padding is None else spread(padding, rank)
    made = [
        _grown(size, (window - 1) * dilated + 1, stride, config["padding"], more)
        for size, window, stride, dilated, more in zip(
            spatial(config, shape), kernel, strides, dilation, extra, strict=True
        )
    ]
    return arranged(config, shape[0], made, config["filters"])


def _transposed_weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
    filters, kernel = config["filters"], spread(config["kernel_size"], _rank(shape))
    size = (*kernel, filters, known(channels(config, shape)))
    return (Weight("kernel", size, given(config, "kernel_initializer")), *_bias(config, filters))


def _depthwise_output(config: Config, shape: Shape) -> Shape:
    made = known(channels(config, shape)) * config["depth_multiplier"]
    return arranged(config, shape[0], _slid(config, shape), made)


def _depthwise_weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
    read, each = known(channels(config, shape)), config["depth_multiplier"]
    size = (*spread(config["kernel_size"], _rank(shape)), read, each)
    kernel = Weight("kernel", size, given(config, "depthwise_initializer"))
    return (kernel, *_bias(config, read * each))


def _separable_output(config: Config, shape: Shape) -> Shape:
    return arranged(config, shape[0], _slid(config, shape), config["filters"])


def _separable_weights(config: Config, shape: Shape) -> tuple[Weight, ...]:
    rank, filters = _rank(shape), config["filters"]
    read, each = known(channels(config, shape)), config["depth_multiplier"]
    depthwise = (*spread(config["kernel_size"], rank), read, each)
    pointwise = (*(1,) * rank, read * each, filters)
    return (
        Weight("depthwise_kernel", depthwise, given(config, "depthwise_initializer")),
        Weight("pointwise_kernel", pointwise, given(config, "pointwise_initializer")),
        *_bias(config, filters),
    )


def _plain(rank: int) -> Kind:
    arguments = _arguments(rank, ["kernel"], "filters", "groups", causal=rank == 1)
    return Kind(
        arguments,
        ranked(rank + 2, _plain_output),
        _plain_weights,
        sound=lambda config: _not_both(config, rank) and config["filters"] % config["groups"] == 0,
    )


def _transposed(rank: int) -> Kind:
    arguments = _arguments(rank, ["kernel"], "filters")
    arguments["output_padding"] = optional(sizes(rank, least=0))

    def sound(config: Config) -> bool:
        strides, padding = spread(config["strides"], rank), config["output_padding"]
        added = (0,) * rank if padding is None else spread(padding, rank)
        fits = all(more < stride for more, stride in zip(added, strides, strict=True))
        return fits and _not_both(config, rank)

    return Kind(arguments, ranked(rank + 2, _transposed_output), _transposed_weights, sound=sound)


def _depthwise(rank: int) -> Kind:
    arguments = _arguments(rank, ["depthwise"], "depth_multiplier")
    return Kind(arguments, ranked(rank + 2, _depthwise_output), _depthwise_weights)


def _separable(rank: int) -> Kind:
    arguments = _arguments(rank, ["depthwise", "pointwise"], "filters", "depth_multiplier")
    return Kind(arguments, ranked(rank + 2, _separable_output), _separable_weights)


KINDS: Mapping[str, Kind] = {
    **{f"Conv{n}D": _plain(n) for n in (1, 2, 3)},
    **{f"Conv{n}DTranspose": _transposed(n) for n in (1, 2, 3)},
    **{f"DepthwiseConv{n}D": _depthwise(n) for n in (1, 2)},
    **{f"SeparableConv{n}D": _separable(n) for n in (1, 2)},
}
