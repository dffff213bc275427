"""The calls of a live functional model, and the references that name the tensors of each.

A layer that is called several times makes other tensors each time, and so does each layer of a
nested model at each of its calls. So what is named here is a call at one call of every model that
it lies in, in the order in which Keras runs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote

import keras
from keras.src.models.functional import Functional

Part = Literal["in", "pre", "out"]
"""What a call reads, what it hands to its activation, what it makes."""

GRADIENT, WEIGHTS = "gradient", "weights"
"""What keys of gradients and of variables begin with."""
_SIGNS = frozenset('@:/*%"\\')


@dataclass(frozen=True, slots=True)
class Step:
    """A layer by name, and which of its calls in the model that it lies in."""

    name: str
    call: int = 0
    calls: int = field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one layer or operation."""

    steps: tuple[Step, ...]
    node: Any = field(compare=False)
    """What Keras keeps of the call."""
    inner: tuple[Call, ...] | None = field(default=None, compare=False)
    """Where a nested model is called, the calls of its layers."""

    @property
    def layer(self) -> Any:
        """The layer or operation that is called."""
        return self.node.operation

    @property
    def path(self) -> str:
        """The path of the layer, whichever call of it: `encoder/dense`."""
        return "/".join(step.name for step in self.steps)

    @property
    def is_operation(self) -> bool:
        """Whether a bare operation is called, which `model.layers` does not list."""
        return not isinstance(self.layer, keras.Layer)

    def __str__(self) -> str:
        return "/".join(_said(step, i == 0) for i, step in enumerate(self.steps))


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of a call: one that it reads, the one before its activation, or one it makes."""

    call: Call
    part: Part = "out"
    index: int = 0

    @property
    def key(self) -> str:
        """The shortest reference that means this tensor and no other.

        That of a nested model always ends in its number: the bare path is where its layers are.
        """
        if self.part == "pre":
            return f"{self.call}:pre"
        if self.part == "in":
            return f"{self.call}:in{self.index if len(reads(self.call)) > 1 else ''}"
        numbered = len(self.call.node.outputs) > 1 or self.call.inner is not None
        return f"{self.call}:{self.index}" if numbered else str(self.call)

    @property
    def symbol(self) -> Any | None:
        """The symbolic tensor, which knows shape and dtype; none of one before an activation."""
        if self.part == "pre":
            return None
        return (reads(self.call) if self.part == "in" else self.call.node.outputs)[self.index]


def reads(call: Call) -> list[Any]:
    """The symbolic tensors that a call reads, in the order of its arguments."""
    return list(call.node.input_tensors)


def function_of(layer: Any) -> Any:
    """The graph that a model runs; none where only the code of its class knows what it does."""
    if isinstance(layer, keras.Sequential):
        return layer._functional
    runs_graph = isinstance(layer, Functional) and type(layer).call is Functional.call
    return layer if runs_graph else None


def calls_of(function: Any, around: tuple[Step, ...] = ()) -> tuple[Call, ...]:
    """The calls in a graph, in the order in which Keras runs them."""
    nodes = [
        node
        for depth in sorted(function._nodes_by_depth, reverse=True)
        for node in function._nodes_by_depth[depth]
    ]
    own = {id(node) for node in nodes}
    found = []
    for node in nodes:
        calls = [one for one in node.operation._inbound_nodes if id(one) in own]
        number = next(i for i, one in enumerate(calls) if one is node)
        steps = (*around, Step(node.operation.name, number, len(calls)))
        inside = None if node.is_input else function_of(node.operation)
        inner = None if inside is None else calls_of(inside, steps)
        found.append(Call(steps, node, inner))
    return tuple(found)


def call_count(function: Any, known: dict[int, int] | None = None) -> int:
    """How many calls `calls_of` would find, without finding them."""
    known = {} if known is None else known
    if id(function) not in known:
        nodes = [node for level in function._nodes_by_depth.values() for node in level]
        insides = [function_of(node.operation) for node in nodes if not node.is_input]
        inner = sum(call_count(one, known) for one in insides if one is not None)
        known[id(function)] = len(nodes) + inner
    return known[id(function)]


def walk(calls: Iterable[Call]) -> Iterator[Call]:
    """Every call, those inside a nested model before its own, which ends after them."""
    for call in calls:
        if call.inner is not None:
            yield from walk(call.inner)
        yield call


def written(name: str, *, first: bool = False) -> str:
    """A name as part of a reference, with `%` escapes for signs that mean something there.

    `first` is a name at the beginning, which is neither that of gradients nor that of variables.
    """
    text = "".join(
        quote(sign, safe="", errors="surrogatepass")
        if sign in _SIGNS or not sign.isprintable()
        else sign
        for sign in name
    )
    odd = text.startswith(("$", "{", "[", "__")) or not text.strip(".")
    if text and (odd or (first and text in (GRADIENT, WEIGHTS))):
        return f"%{ord(text[0]):02X}{text[1:]}"
    return text


def variable_key(path: str) -> str:
    """The key of a variable, by its path."""
    return "/".join((WEIGHTS, *map(written, path.split("/"))))


def _said(step: Step, first: bool) -> str:
    call = f"@{step.call}" if step.calls > 1 else ""
    return written(step.name, first=first and not call) + call
