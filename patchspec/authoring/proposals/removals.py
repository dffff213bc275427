"""Layers that are bypassed: their readers read what they read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.authoring.gaps import Gaps, reference
from patchspec.authoring.selecting import in_graph_order, selectors
from patchspec.graph.graph import Graph
from patchspec.graph.tensors import Slot, Tensor


@dataclass(frozen=True, slots=True)
class _Way:
    """A way back through layers that go: which of them, and which input of each was followed."""

    end: Tensor
    passed: tuple[tuple[str, int], ...] = ()


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """All layers that read one tensor at once; those that read several by the input that stays."""
    going: dict[str, int] = {}
    for model in gaps.now.models():
        twin = gaps.wanted if not model.parents else _inner(gaps.wanted, model.path)
        if twin is not None:
            going |= _bypassed(gaps, model, twin)
    lone = [path for path in going if _inputs(gaps.now, path) == 1]
    if lone:
        for said in selectors(in_graph_order(lone, gaps.now), gaps.now):
            yield {"op": "remove", "layers": said}
    by_input: dict[int, list[str]] = {}
    for path, place in going.items():
        if path not in lone:
            by_input.setdefault(place, []).append(path)
    for place, paths in by_input.items():
        if len(paths) == 1:
            home = gaps.now.home(paths[0])
            kept = gaps.now.by_path[paths[0]].calls[0].distinct[place]
            yield {"op": "remove", "layers": paths[0], "keep": reference(home, kept)}
            continue
        for said in selectors(in_graph_order(paths, gaps.now), gaps.now):
            yield {"op": "remove", "layers": said, "keep": place}


def _inner(graph: Graph, path: str) -> Graph | None:
    layer = graph.by_path.get(path)
    return None if layer is None else layer.inner


def _inputs(graph: Graph, path: str) -> int:
    return max(len(call.distinct) for call in graph.by_path[path].calls)


def _bypassed(gaps: Gaps, now: Graph, wanted: Graph) -> dict[str, int]:
    """The layers on the way from what is read now to what is wanted, with the input followed."""
    found: dict[str, int] = {}
    for old, new in _readers(gaps, now, wanted):
        if old.tensor == new.tensor:
            continue
        ends = set(_ways_end(gaps, wanted, new.tensor))
        for way in _ways(gaps, now, old.tensor):
            if way.end in ends and way.passed:
                found |= dict(way.passed)
                break
    return found


def _readers(gaps: Gaps, now: Graph, wanted: Graph) -> Iterator[tuple[Slot, Slot]]:
    """The places that read something in both models."""
    for name, layer in wanted.layers.items():
        if not gaps.is_kept(layer.path):
            continue
        for was, call in zip(now.layers[name].calls, layer.calls, strict=False):
            before = {slot.key: slot for slot in was.slots}
            yield from ((before[s.key], s) for s in call.slots if s.key in before)
    if len(now.outputs) == len(wanted.outputs):
        yield from zip(now.outputs, wanted.outputs, strict=True)


def _ways(gaps: Gaps, graph: Graph, start: Tensor) -> Iterator[_Way]:
    """Back from a tensor through layers that go, shortest ways first."""
    waiting = [_Way(start)]
    seen = set()
    while waiting:
        way = waiting.pop(0)
        yield way
        layer = graph.layers[way.end.layer]
        if layer.path not in gaps.extra or layer.is_input or way.end in seen:
            continue
        seen.add(way.end)
        for place, tensor in enumerate(layer.calls[way.end.call].distinct):
            waiting.append(_Way(tensor, (*way.passed, (layer.path, place))))


def _ways_end(gaps: Gaps, graph: Graph, tensor: Tensor) -> Iterator[Tensor]:
    """The tensors that new layers were put behind, back from one."""
    waiting, seen = [tensor], set()
    while waiting:
        tensor = waiting.pop(0)
        yield tensor
        layer = graph.layers[tensor.layer]
        if layer.path in gaps.missing and tensor not in seen and not layer.is_input:
            seen.add(tensor)
            waiting += layer.calls[tensor.call].distinct
