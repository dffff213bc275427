"""What is known of a kind of layer, as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, Protocol

from patchspec.graph.tensors import Spec
from patchspec.inferring.arguments import Check
from patchspec.inferring.initializers import Initializer, written
from patchspec.inferring.policies import NUMBERS, Policy

Config = Mapping[str, Any]
Shape = tuple[int | None, ...]
PAIR = 2


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
    initializer: Initializer | None
    """None where it is code of the layer."""
    trains: bool = True
    """Where its layer does."""
    dtype: str | None = None
    """Where it is not that of the layer's policy."""
    part: str = ""
    """The part of the layer that saves it, with a slash behind: `cell/`."""
    alone: bool = False
    """Whether its part trains even where the layer does not."""


@dataclass(frozen=True, slots=True)
class Read:
    """One call of a layer: its config with defaults, and what it reads."""

    config: Config
    policy: Policy
    args: Any
    kwargs: Mapping[str, Any]
    takes: Sequence[str]
    """The names of the arguments of a call."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call of a layer gives."""

    outputs: tuple[Spec, ...]
    weights: tuple[Weight, ...]
    read: tuple[Shape, ...]
    """The shapes of the tensors."""
    build_config: Mapping[str, Any] | None
    """What Keras writes of how the layer was built, where this is the first call."""

    def follows(self, first: Answer) -> bool:
        """Whether what the first call built surely serves for this one too.

        Keras checks of a later call less or more than this, by the class.
        """
        ranks = list(map(len, self.read)) == list(map(len, first.read))
        alike = [shape[1:] for shape in self.read] == [shape[1:] for shape in first.read]
        stateless = first.build_config is None
        return self.weights == first.weights and ranks and bool(first.weights or stateless or alike)


class KnownKind(Protocol):
    """A class of Keras's of which everything that matters here is known."""

    @property
    def arguments(self) -> Mapping[str, Check]:
        """What each argument may be; one that is not here must be at its default."""

    @property
    def sound(self) -> Callable[[Config], bool]:
        """Whether the arguments also fit each other."""

    @property
    def carries_masks(self) -> Callable[[Config], bool]:
        """Whether a mask on the input is passed on."""

    def answer(self, read: Read) -> Answer:
        """What a call gives; `DeclinedError` where Keras might not take it."""


def always(_config: Config) -> bool:
    """Of layers that carry masks, or are sound, whatever their arguments."""
    return True


def never(_config: Config) -> bool:
    """Of layers that carry no masks."""
    return False


def _no_weights(_config: Config, _shape: Shape) -> tuple[Weight, ...]:
    return ()


def _no_states(_config: Config, _shape: Shape) -> tuple[Shape, ...]:
    return ()


@dataclass(frozen=True)
class Kind:
    """A class that reads one tensor."""

    arguments: Mapping[str, Check]
    output: Callable[[Config, Shape], Shape]
    """The shape of the output; declines where Keras might refuse the input."""
    weights: Callable[[Config, Shape], tuple[Weight, ...]] = _no_weights
    carries_masks: Callable[[Config], bool] = never
    records_build: bool = True
    """Whether Keras writes the shape that the layer was built on."""
    keeps_dtype: bool = False
    """Whether the output has the dtype of the input as it was cast, not the one of computing."""
    sound: Callable[[Config], bool] = always
    takes: Callable[[str], bool] = field(default=lambda _: True)
    """Which dtypes of the input are looked at here."""
    states: Callable[[Config, Shape], tuple[Shape, ...]] = _no_states
    """The shapes of what it gives beside its output."""

    def answer(self, read: Read) -> Answer:
        """What a call gives."""
        spec = _alone(read)
        if not isinstance(spec, Spec) or not fits(spec) or not self.takes(spec.dtype):
            decline()
        shape = self.output(read.config, spec.shape)
        kept = read.policy.converted(spec.dtype)
        first = Spec(shape, kept if self.keeps_dtype else read.policy.compute)
        others = self.states(read.config, spec.shape)
        return Answer(
            (first, *(Spec(one, read.policy.compute) for one in others)),
            self.weights(read.config, spec.shape),
            (spec.shape,),
            {"input_shape": list(spec.shape)} if self.records_build else None,
        )


@dataclass(frozen=True)
class Merging:
    """A class that reads a list of tensors and makes one."""

    arguments: Mapping[str, Check]
    output: Callable[[Config, Sequence[Shape]], Shape]
    sound: Callable[[Config], bool] = always
    carries_masks: Callable[[Config], bool] = always

    def answer(self, read: Read) -> Answer:
        """What a call gives; of a single tensor not all of these classes think alike."""
        listed = _alone(read)
        specs = [s for s in listed if isinstance(s, Spec)] if isinstance(listed, list) else []
        if len(specs) < PAIR or len(specs) != len(listed) or not all(map(fits, specs)):
            decline()
        shapes = [spec.shape for spec in specs]
        return Answer(
            (Spec(self.output(read.config, shapes), read.policy.compute),),
            (),
            tuple(shapes),
            {"input_shape": [list(shape) for shape in shapes]},
        )


def _alone(read: Read) -> Any:
    """The one positional argument, where the others are plain."""
    if not isinstance(read.args, list) or len(read.args) != 1:
        decline()
    for key, value in read.kwargs.items():
        training = key == "training" and is_flag(value)
        states = key == "initial_state" and value is None and key in read.takes
        mask = key == "mask" and key in read.takes
        if not training and not states and not (mask and is_mask(value)):
            decline()
    return read.args[0]


def is_flag(value: Any) -> bool:
    """Whether this is what a call may say of training."""
    return value is None or isinstance(value, bool)


def is_mask(value: Any) -> bool:
    """Whether this is a mask, or none."""
    return value is None or (isinstance(value, Spec) and value.dtype == "bool")


def fits(spec: Spec) -> bool:
    """Whether a tensor is of numbers, and of sizes, that are looked at here."""
    return spec.dtype in NUMBERS and all(n is None or n > 0 for n in spec.shape)


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
