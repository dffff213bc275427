"""Layers that arrange values anew, repeat them, or add and cut borders."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from patchspec.inferring.arguments import (
    Check,
    count,
    is_integer,
    list_of,
    one_of,
    sizes,
    spread,
)
from patchspec.inferring.kinds import Config, Kind, Shape, decline, ranked
from patchspec.inferring.windows import FORMATS, arranged, channels, spatial

_FORMAT: Mapping[str, Check] = {"data_format": one_of(*FORMATS)}
_LAST = {"data_format": "channels_last"}
"""What a layer without the argument does."""


def _flattened(_config: Config, shape: Shape) -> Shape:
    if not shape:
        decline()
    inner = [n for n in shape[1:] if n is not None]
    return (shape[0], math.prod(inner) if len(inner) == len(shape) - 1 else None)


def _reshaped(config: Config, shape: Shape) -> Shape:
    if not shape:
        decline()
    target = config["target_shape"]
    inner = [n for n in shape[1:] if n is not None]
    if len(inner) < len(shape) - 1:
        return (shape[0], *(None if n == -1 else n for n in target))
    size, said = math.prod(inner), math.prod(n for n in target if n != -1)
    if size % said or (-1 not in target and size != said):
        decline()
    return (shape[0], *(size // said if n == -1 else n for n in target))


def _target(value: Any) -> bool:
    listed = isinstance(value, list) and all(n == -1 or count(n) for n in value)
    return listed and value.count(-1) <= 1 and all(map(is_integer, value))


def _permutation(value: Any) -> bool:
    return list_of(is_integer)(value) and sorted(value) == list(range(1, len(value) + 1))


def _permuted(config: Config, shape: Shape) -> Shape:
    fits = len(shape) == len(config["dims"]) + 1
    return (shape[0], *(shape[one] for one in config["dims"])) if fits else decline()


def _enlarged(config: Config, shape: Shape) -> Shape:
    config = {**_LAST, **config}
    factors = spread(config["size"], len(shape) - 2)
    made = [
        None if size is None else size * factor
        for size, factor in zip(spatial(config, shape), factors, strict=True)
    ]
    return arranged(config, shape[0], made, channels(config, shape))


def _border(rank: int) -> Check:
    """One integer for all borders, or for each axis one or two; of a single axis just those."""
    pair = sizes(2, least=0)
    each = list_of(pair, rank)
    return pair if rank == 1 else lambda value: pair(value) if is_integer(value) else each(value)


def _borders(value: Any, rank: int) -> list[tuple[int, ...]]:
    if rank == 1:
        return [spread(value, 2)]
    return [spread(one, 2) for one in ((value,) * rank if is_integer(value) else value)]


def _padded(config: Config, shape: Shape) -> Shape:
    made = [
        None if size is None else size + sum(border)
        for size, border in zip(
            spatial(config, shape), _borders(config["padding"], len(shape) - 2), strict=True
        )
    ]
    return arranged(config, shape[0], made, channels(config, shape))


def _cut(size: int | None, border: tuple[int, ...]) -> int | None:
    if size is None:
        return None
    return size - sum(border) if size > sum(border) else decline()


def _cropped(config: Config, shape: Shape) -> Shape:
    config = {**_LAST, **config}
    borders = _borders(config["cropping"], len(shape) - 2)
    made = [_cut(n, border) for n, border in zip(spatial(config, shape), borders, strict=True)]
    return arranged(config, shape[0], made, channels(config, shape))


KINDS: Mapping[str, Kind] = {
    "Flatten": Kind(_FORMAT, _flattened, keeps_dtype=True),
    "Reshape": Kind({"target_shape": _target}, _reshaped, records_build=False, keeps_dtype=True),
    "Permute": Kind({"dims": _permutation}, _permuted, keeps_dtype=True),
    "RepeatVector": Kind(
        {"n": count}, ranked(2, lambda config, shape: (shape[0], config["n"], shape[1]))
    ),
    "UpSampling1D": Kind({"size": count}, ranked(3, _enlarged)),
    "UpSampling2D": Kind(
        {**_FORMAT, "size": sizes(2), "interpolation": one_of("nearest", "bilinear")},
        ranked(4, _enlarged),
    ),
    "UpSampling3D": Kind({**_FORMAT, "size": sizes(3)}, ranked(5, _enlarged)),
    **{
        f"ZeroPadding{n}D": Kind({**_FORMAT, "padding": _border(n)}, ranked(n + 2, _padded))
        for n in (1, 2, 3)
    },
    "Cropping1D": Kind({"cropping": _border(1)}, ranked(3, _cropped)),
    **{
        f"Cropping{n}D": Kind({**_FORMAT, "cropping": _border(n)}, ranked(n + 2, _cropped))
        for n in (2, 3)
    },
}
