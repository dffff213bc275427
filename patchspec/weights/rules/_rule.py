"""What a weight rule is: a step on the way from values that are there to those of a variable.

The sizes that a rule makes come from the shape that is wanted, never from the patch, so a rule says
twice what it does: to shapes, when a plan is made, and to values, when the variant is.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from patchspec.problems import refuse

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Shape = tuple[int, ...]
Wanted = tuple[int | None, ...] | None
"""A shape that is hoped for; None for a size, or for all of it, of which nothing is known."""
AXIS: Mapping[str, Any] = {
    "type": "integer",
    "description": "An axis of the variable; -1 is the last.",
}


@dataclass(frozen=True, slots=True)
class Making:
    """What a rule may know of the variable whose value it makes."""

    class_name: str
    config: Mapping[str, Any]
    """Those of the layer that holds it."""
    name: str
    initial: Callable[[Shape], Array]
    """Its initial value in a shape, from the patch's seed."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: a frozen dataclass in a file of its own that is called as YAML calls the rule.

    The first line of a docstring is the rule's description, the rest an example that tests run.
    """

    argument: ClassVar[Mapping[str, Any] | None] = None
    """The JSON Schema of what stands beside its name; none for a rule that is its name alone."""

    @property
    def draws(self) -> bool:
        """Whether it takes of the variable's initial value."""
        return False

    @classmethod
    def read(cls, said: Any) -> Self:
        """The rule, from what stands beside its name: by key, or the one thing that it takes."""
        given = dict(said) if isinstance(said, Mapping) else {fields(cls)[0].name: said}
        return cls(**given)

    @classmethod
    def name(cls) -> str:
        """What YAML calls it."""
        return cls.__name__.lower()

    @classmethod
    def summary(cls) -> str:
        """What the rule does, in one line."""
        return inspect.cleandoc(cls.__doc__ or "").splitlines()[0]


class Source(Rule):
    """A rule that says which variable the value comes from."""


class Fresh(Rule, ABC):
    """A rule that makes a value of nothing but the shape that is wanted."""

    @abstractmethod
    def make(self, shape: Shape, making: Making) -> Array:
        """A value of this shape."""

    def check(self, shape: Shape) -> None:
        """Refuse (PS509) a shape that it cannot make."""


class Change(Rule, ABC):
    """A rule that makes a value of another."""

    def before(self, wanted: Wanted) -> Wanted:
        """The shape that it should be given so that `wanted` comes out."""
        return wanted

    def after(self, given: Shape, wanted: Wanted) -> Shape:
        """The shape that comes out of a given one; PS509 where it does not apply."""
        return given

    @abstractmethod
    def apply(self, value: Array, shape: Shape, making: Making) -> Array:
        """The value that comes out, in the shape that `after` said."""


def misfit(rule: Rule, message: str, hint: str | None = None) -> NoReturn:
    """Refuse a rule that does not apply to a shape."""
    refuse("PS509", f"`{rule.name()}` {message}", hint=hint)


def axis_of(rule: Rule, axis: int, shape: Sequence[int | None]) -> int:
    """The axis counted from the front."""
    if not -len(shape) <= axis < len(shape):
        misfit(rule, f"finds no axis {axis} in the shape {shown(shape)}")
    return axis % len(shape)


def size_wanted(rule: Rule, given: Shape, wanted: Wanted, axis: int) -> int:
    """The size that an axis should come to, as far as the shape that is wanted says so."""
    if wanted is None or len(wanted) != len(given) or wanted[axis] is None:
        misfit(
            rule,
            f"does not know what size axis {axis} of {shown(given)} should have",
            "let it follow the rules that change the number of axes",
        )
    return int(wanted[axis] or 0)


def whole(rule: Rule, wanted: Wanted) -> Shape:
    """The shape that is wanted, where all of it is known."""
    if wanted is None or any(size is None for size in wanted):
        misfit(rule, "does not know what shape to make", "let it be the last of the rules")
    return tuple(size for size in wanted if size is not None)


def with_size(shape: Sequence[int], axis: int, size: int) -> Shape:
    """The shape with another size of one axis."""
    return (*shape[:axis], size, *shape[axis + 1 :])


def unsized(wanted: Wanted, axes: Sequence[int]) -> Wanted:
    """The shape that is wanted, with nothing said of these axes."""
    if wanted is None or any(not -len(wanted) <= axis < len(wanted) for axis in axes):
        return wanted
    free = {axis % len(wanted) for axis in axes}
    return tuple(None if axis in free else size for axis, size in enumerate(wanted))


def shown(shape: Sequence[int | None]) -> str:
    """A shape for reading."""
    sizes = ", ".join("?" if size is None else str(size) for size in shape)
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"
