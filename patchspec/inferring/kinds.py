"""What is known of a kind of layer, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

from patchspec.inferring.arguments import Check
from patchspec.inferring.initializers import Initializer, written

Config = Mapping[str, Any]
Shape = tuple[int | None, ...]


class DeclinedError(Exception):
    """Nothing is answered here: Keras is asked, which may well take it, or say why it does not."""


def decline() -> NoReturn:
    """Leave the answer to Keras."""
    raise DeclinedError


def known(size: int | None) -> int:
    """The size of an axis that must be known."""
    if size is None:
        decline()
    return size


@dataclass(frozen=True, slots=True)
class Weight:
    """A variable of a layer, in Keras's order of saving."""

    name: str
    shape: tuple[int, ...]
    initializer: Initializer
    trains: bool = True
    dtype: str | None = None
    """Where it is not that of the layer's policy."""


def _none(_config: Config, _shape: Shape) -> tuple[Weight, ...]:
    return ()


@dataclass(frozen=True)
class Kind:
    """A class of Keras's that reads one tensor and makes one."""

    arguments: Mapping[str, Check]
    """What each argument may be; one that is not here must be at its default."""
    output: Callable[[Config, Shape], Shape]
    """The shape of the output; declines where Keras might refuse the input."""
    weights: Callable[[Config, Shape], tuple[Weight, ...]] = _none
    carries_masks: Callable[[Config], bool] = field(default=lambda _: False)
    records_build: bool = True
    """Whether Keras writes the shape that the layer was built on."""
    keeps_dtype: bool = False
    """Whether the output has the dtype of the input as it was cast, not the one of computing."""
    sound: Callable[[Config], bool] = field(default=lambda _: True)
    """Whether the arguments also fit each other."""
    takes: Callable[[str], bool] = field(default=lambda _: True)
    """Which dtypes of the input are looked at here."""


@dataclass(frozen=True)
class Merging:
    """A class of Keras's that reads a list of tensors and makes one."""

    arguments: Mapping[str, Check]
    output: Callable[[Config, Sequence[Shape]], Shape]


def always(_config: Config) -> bool:
    """Of layers that carry masks whatever their arguments."""
    return True


def same(_config: Config, shape: Shape) -> Shape:
    """Of layers whose output has the shape of the input."""
    return shape


def ranked(rank: int, output: Callable[[Config, Shape], Shape]) -> Callable[[Config, Shape], Shape]:
    """The same for inputs of a number of axes alone."""

    def checked(config: Config, shape: Shape) -> Shape:
        return output(config, shape) if len(shape) == rank else decline()

    return checked


def axis_of(axis: int, shape: Shape) -> int:
    """An axis counted from the front."""
    return axis % len(shape) if -len(shape) <= axis < len(shape) else decline()


def axes_of(value: int | Sequence[int], shape: Shape) -> tuple[int, ...]:
    """One or several axes, counted from the front."""
    several = (value,) if isinstance(value, int) else value
    found = tuple(axis_of(axis, shape) for axis in several)
    return found if len(set(found)) == len(found) else decline()


def given(config: Config, name: str) -> Initializer:
    """The initializer that an argument names."""
    return written(config[name])
