"""Layers that read other tensors than before: what is left when nothing else explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps, reference
from patchspec.authoring.proposals.ends import is_there
from patchspec.graph.layer import Call, Layer


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """Each call that reads something else, place by place or all anew."""
    for path in gaps.rewired:
        now, wanted = gaps.now.by_path[path], gaps.wanted.by_path[path]
        if len(now.calls) == len(wanted.calls):
            for old, new in zip(now.calls, wanted.calls, strict=True):
                yield from _call(gaps, now, old, new)


def _call(gaps: Gaps, layer: Layer, old: Call, new: Call) -> Iterator[Mapping[str, Any]]:
    home = gaps.now.home(layer.path)
    before = {slot.key: slot.tensor for slot in old.slots}
    changed = [slot for slot in new.slots if before.get(slot.key) != slot.tensor]
    if not changed or not all(is_there(home, slot.tensor) for slot in new.slots):
        return
    said = {
        "op": "rewire",
        "layers": layer.path if len(layer.calls) == 1 else f"{layer.path}@{old.index}",
    }
    placed = [slot.key for slot in old.slots if slot.in_args]
    keys = {}
    for slot in changed:
        place = str(placed.index(slot.key)) if slot.key in placed else str(slot.key[1])
        keys[place] = reference(home, slot.tensor)
    yield {**said, "inputs": keys}
    reads = [reference(home, slot.tensor) for slot in new.slots if slot.in_args]
    if len(reads) == len([s for s in new.slots if s.key[-1] != "mask"]):
        yield {**said, "inputs": reads if len(reads) > 1 else reads[0]}
