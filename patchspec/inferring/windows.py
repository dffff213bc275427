"""How a window that slides over an axis changes its size."""

from __future__ import annotations

from collections.abc import Sequence

from patchspec.inferring.kinds import Config, Shape, decline

FORMATS = ("channels_last", "channels_first")


def channels(config: Config, shape: Shape) -> int | None:
    """The size of the axis of the channels."""
    return shape[1] if config["data_format"] == "channels_first" else shape[-1]


def spatial(config: Config, shape: Shape) -> Shape:
    """The sizes of the axes between batch and channels."""
    return shape[2:] if config["data_format"] == "channels_first" else shape[1:-1]


def arranged(
    config: Config, batch: int | None, sizes: Sequence[int | None], last: int | None
) -> Shape:
    """A shape of these sizes, with the channels where the layer has them."""
    first = config["data_format"] == "channels_first"
    return (batch, last, *sizes) if first else (batch, *sizes, last)


def slid(size: int | None, window: int, stride: int, padding: str) -> int | None:
    """The size of an axis over which a window slides; `window` is its whole reach."""
    if size is None:
        return None
    if padding != "valid":
        return (size - 1) // stride + 1
    made = (size - window) // stride + 1
    return made if made > 0 else decline()
