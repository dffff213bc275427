"""The order that Keras gives the layers of a functional model, from the graph alone.

Keras sorts by depth (the longest way to an output) and, among equals, by when a depth-first walk
from the outputs first meets a layer. `model.layers`, the keys of a weights file and the layers of
a saved config all follow it, so a writer that gets it wrong swaps weights without a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Call = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Order:
    """The layers in Keras's order, and the calls in an order in which they can run."""

    layers: tuple[str, ...]
    calls: tuple[Call, ...]


class CycleError(Exception):
    """The graph has a loop; `calls` are those on it, in order."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = tuple(calls)
        super().__init__(" -> ".join(layer for layer, _ in calls))


def graph_order(
    reads: Mapping[Call, Sequence[Call]], inputs: Sequence[Call], outputs: Sequence[Call]
) -> Order:
    """Keras's order of the layers that lead to `outputs`, and of unused inputs behind them.

    `reads` has, for every call, the calls whose tensors it reads, in the order of its arguments.
    Works without recursion and in time linear in the edges. Raises `CycleError` for a loop.
    """
    entrances = set(inputs)
    finished: set[Call] = set()
    on_walk: set[Call] = set()
    met: dict[str, None] = {}
    sorted_calls: list[Call] = []
    for output in outputs:
        if output in finished:
            continue
        stack = [(output, iter(reads[output] if output not in entrances else ()))]
        met.setdefault(output[0])
        on_walk.add(output)
        while stack:
            call, rest = stack[-1]
            for source in rest:
                if source in finished:
                    continue
                if source in on_walk:
                    walking = [walked for walked, _ in stack]
                    raise CycleError([*walking[walking.index(source) :], source])
                met.setdefault(source[0])
                on_walk.add(source)
                stack.append((source, iter(reads[source] if source not in entrances else ())))
                break
            else:
                stack.pop()
                on_walk.discard(call)
                finished.add(call)
                sorted_calls.append(call)

    call_depth: dict[Call, int] = {}
    layer_depth: dict[str, int] = {}
    for call in reversed(sorted_calls):
        depth = max(call_depth.get(call, 0), layer_depth.get(call[0], 0))
        call_depth[call] = layer_depth[call[0]] = depth
        for source in reads[call]:
            if source in finished:
                call_depth[source] = max(depth + 1, call_depth.get(source, 0))
    unused = dict.fromkeys(layer for layer, _ in inputs if layer not in layer_depth)
    layer_depth.update(dict.fromkeys(unused, 0))
    layers = sorted([*unused, *met], key=layer_depth.__getitem__, reverse=True)
    return Order(tuple(layers), tuple(sorted_calls))
