"""Running a model up to some of its tensors, and taking them on the way.

Keras itself runs the model, with its masks, dtypes and arguments; only the walk over the graph of
each model concerned gives way, for the length of the call, to one that leaves out what no wanted
tensor depends on. The model is not changed: no layer is called on symbolic tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from patchspec.probing.calls import Call, Tensor, calls_of, function_of, reads

Tap = Callable[[int, Any], Any]
"""Given the place of a wanted tensor and its value; what it returns is what goes on."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What is done about one call: what is taken, and whether it runs, in whole or in part."""

    call: Call
    runs: bool
    takes: Mapping[str, Mapping[int, int]]
    """By part and index, the place of the tensor among those wanted."""
    inner: tuple[Doing, ...] | None = None
    """Where tensors inside a nested model are wanted, what is done there."""


def schedule(function: Any, wanted: Sequence[Tensor]) -> tuple[Doing, ...]:
    """What has to be done in a model so that the wanted tensors are there, and no more."""
    places: dict[Call, dict[str, dict[int, int]]] = {}
    for place, tensor in enumerate(wanted):
        places.setdefault(tensor.call, {}).setdefault(tensor.part, {})[tensor.index] = place
    return _scheduled(calls_of(function), places, set())


def _scheduled(
    calls: Sequence[Call], places: Mapping[Call, Any], needed: set[int]
) -> tuple[Doing, ...]:
    """`needed` are the symbolic tensors that are wanted of this graph, by identity."""
    found = []
    for call in reversed(calls):
        takes = places.get(call, {})
        feeds = any(id(symbol) in needed for symbol in call.node.outputs)
        made = feeds or "out" in takes or "pre" in takes
        inner = None
        if call.inner is not None:
            ends = function_of(call.layer).outputs if made else ()
            held = any(one.steps[: len(call.steps)] == call.steps != one.steps for one in places)
            inner = _scheduled(call.inner, places, set(map(id, ends))) if held else None
        runs = (made or inner is not None) and not call.node.is_input
        if not (made or runs or takes):
            continue
        symbols = reads(call)
        needed |= {id(symbols[i]) for i in takes.get("in", ())}
        if runs:
            needed |= set(map(id, symbols))
        found.append(Doing(call, runs, takes, inner))
    return tuple(reversed(found))


def replay(model: Any, doings: Sequence[Doing], inputs: Any, tap: Tap, **arguments: Any) -> None:
    """Run a model, in inference mode, as far as is to be done."""
    function = function_of(model)
    with standing_in(function, "_run_through_graph", partial(_run, function, doings, tap)):
        model(inputs, training=False, **arguments)


def _run(  # noqa: PLR0917 (what is bound beforehand, then what Keras gives)
    function: Any,
    doings: Sequence[Doing],
    tap: Tap,
    inputs: Any,
    operation_fn: Callable[[Any], Any] = lambda operation: operation,
    call_fn: Any = None,  # noqa: ARG001 (Keras's own walk has it)
) -> Any:
    """The walk over one graph: as Keras's own, but for what is left out and what is taken."""
    known = {id(x): y for x, y in zip(function.inputs, keras.tree.flatten(inputs), strict=False)}
    for doing in doings:
        node, takes = doing.call.node, doing.takes
        symbols = node.input_tensors
        # What is handed to this call alone: others that read the same tensor get it as it was.
        read = {
            id(symbols[index]): tapped(tap, place, known[id(symbols[index])])
            for index, place in takes.get("in", {}).items()
        }
        if doing.runs:
            arguments, named = node.arguments.fill_in({**known, **read} if read else known)
            operation = operation_fn(function._get_operation_for_node(node))
            with _recorded(doing, tap):
                made = keras.tree.flatten(operation(*arguments, **named))
            known.update(zip(map(id, node.outputs), made, strict=False))
        for index, place in takes.get("out", {}).items():
            symbol = id(node.outputs[index])
            known[symbol] = tapped(tap, place, known[symbol])
    # Nobody reads an output that was not computed; Keras wants a tensor in its place.
    ends = [known[id(x)] if id(x) in known else keras.ops.zeros(()) for x in function.outputs]
    return keras.tree.pack_sequence_as(function._outputs_struct, ends)


@contextmanager
def _recorded(doing: Doing, tap: Tap) -> Iterator[None]:
    """Have the layer of a call tell what it hands to its activation, or run in part."""
    layer = doing.call.layer
    with ExitStack() as stack:
        if doing.inner is not None:
            function = function_of(layer)
            walk = partial(_run, function, doing.inner, tap)
            stack.enter_context(standing_in(function, "_run_through_graph", walk))
        for place in doing.takes.get("pre", {}).values():
            activation = layer.activation
            recorder = lambda x, *, p=place, a=activation: a(tapped(tap, p, x))  # noqa: E731
            stack.enter_context(standing_in(layer, "activation", recorder))
        yield


def tapped(tap: Tap, place: int, value: Any) -> Any:
    """What goes on of a tensor that is taken, with the mask that it came with."""
    after = tap(place, value)
    mask = getattr(value, "_keras_mask", None)
    if after is not value and mask is not None:
        after._keras_mask = mask
    return after


@contextmanager
def standing_in(holder: Any, name: str, value: Any) -> Iterator[None]:
    """Have an attribute of an object be another for the length of the block.

    Behind the back of Keras, which keeps account of what is set on a layer.
    """
    own = vars(holder)
    there, before = name in own, own.get(name)
    own[name] = value
    try:
        yield
    finally:
        if there:
            own[name] = before
        else:
            del own[name]
