"""Bare operations of `keras.ops` between layers: arithmetic and activations of floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from itertools import zip_longest
from typing import Any

from patchspec.graph.tensors import Spec
from patchspec.inferring.arguments import Check, is_number
from patchspec.inferring.kinds import PAIR, Answer, Config, Read, Shape, always, decline, fits
from patchspec.inferring.policies import FLOATS

_NUMPY, _NN = "keras.src.ops.numpy", "keras.src.ops.nn"


def _size(one: int | None, other: int | None) -> int | None:
    """The size of an axis of both; one that is open is taken for the one that is known."""
    if one == 1 or one is None:
        return one if other == 1 else other
    return one if other in (1, None, one) else decline()


def broadcast(one: Shape, other: Shape) -> Shape:
    """The shape of an operation on two tensors."""
    sizes = zip_longest(reversed(one), reversed(other), fillvalue=1)
    return tuple(_size(a, b) for a, b in sizes)[::-1]


@dataclass(frozen=True)
class Operation:
    """An operation on tensors of one dtype, and on numbers between them."""

    operands: int
    dtype: str | None = None
    """That of the result, where it is not the one of what is read."""
    arguments: Mapping[str, Check] = field(default_factory=dict)
    sound: Callable[[Config], bool] = always
    carries_masks: Callable[[Config], bool] = always

    def answer(self, read: Read) -> Answer:
        """What a call gives."""
        args = read.args
        if not isinstance(args, list) or len(args) != self.operands or read.kwargs:
            decline()
        specs = [one for one in args if isinstance(one, Spec)]
        dtypes = {spec.dtype for spec in specs}
        plain = all(isinstance(one, Spec) or is_number(one) for one in args)
        if not plain or len(dtypes) != 1 or not all(map(fits, specs)):
            decline()
        [dtype] = dtypes
        if self.dtype is None and dtype not in FLOATS:
            # What becomes of integers depends on what they meet.
            decline()
        shapes = tuple(spec.shape for spec in specs)
        return Answer((Spec(reduce(broadcast, shapes), self.dtype or dtype),), (), shapes, None)


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    **{
        (_NUMPY, name): Operation(PAIR)
        for name in (
            "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum",
        )
    },
    (_NUMPY, "NotEqual"): Operation(PAIR, "bool"),
    **{
        (_NN, name): Operation(1)
        for name in ("Relu", "Relu6", "Sigmoid", "Silu", "HardSigmoid", "HardSilu", "Softplus")
    },
}  # fmt: skip


def operation_of(entry: Mapping[str, Any]) -> Operation | None:
    """The operation of an entry, if it has no arguments but its operands."""
    name, config = entry.get("class_name"), entry.get("config")
    plain = isinstance(config, Mapping) and set(config) == {"name"}
    if not plain or entry.get("registered_name", "") not in (None, name):
        return None
    return OPERATIONS.get((str(entry.get("module")), str(name)))
