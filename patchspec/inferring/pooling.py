"""Pooling, in windows and over all positions."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.inferring.arguments import boolean, one_of, optional, sizes, spread
from patchspec.inferring.kinds import Config, Kind, Shape, ranked
from patchspec.inferring.windows import FORMATS, arranged, channels, slid, spatial


def _windows(config: Config, shape: Shape) -> Shape:
    rank = len(shape) - 2
    pool = spread(config["pool_size"], rank)
    strides = pool if config["strides"] is None else spread(config["strides"], rank)
    made = [
        slid(size, window, stride, config["padding"])
        for size, window, stride in zip(spatial(config, shape), pool, strides, strict=True)
    ]
    return arranged(config, shape[0], made, channels(config, shape))


def _all(config: Config, shape: Shape) -> Shape:
    kept = (1,) * (len(shape) - 2) if config["keepdims"] else ()
    return arranged(config, shape[0], kept, channels(config, shape))


def _in_windows(rank: int) -> Kind:
    arguments = {
        "pool_size": sizes(rank),
        "strides": optional(sizes(rank)),
        "padding": one_of("valid", "same"),
        "data_format": one_of(*FORMATS),
    }
    return Kind(arguments, ranked(rank + 2, _windows), records_build=False)


def _over_all(rank: int, *, masks: bool) -> Kind:
    arguments = {"data_format": one_of(*FORMATS), "keepdims": boolean}
    return Kind(
        arguments, ranked(rank + 2, _all), carries_masks=lambda _: masks, records_build=False
    )


KINDS: Mapping[str, Kind] = {
    **{f"MaxPooling{n}D": _in_windows(n) for n in (1, 2, 3)},
    **{f"AveragePooling{n}D": _in_windows(n) for n in (1, 2, 3)},
    **{f"GlobalMaxPooling{n}D": _over_all(n, masks=False) for n in (1, 2, 3)},
    **{f"GlobalAveragePooling{n}D": _over_all(n, masks=n == 1) for n in (1, 2, 3)},
}
