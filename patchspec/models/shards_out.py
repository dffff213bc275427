"""Writing weights as Keras 3 does beside an architecture: `.weights.h5`, and shards of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.files import check_room, check_target, placing
from patchspec.models.hdf5_out import lay_out, stored_groups, stored_size
from patchspec.models.shards import shards_of
from patchspec.models.streaming import Progress, fill
from patchspec.models.whole import room_for

SHARD_SIZE = 5 << 30
"""Bytes, if nothing else is said: Keras's own bound."""


def write_hdf5(
    path: Path, graph: Graph, variables: Iterable[Variable], progress: Progress | None = None
) -> None:
    """Write a `.weights.h5`, which `model.load_weights` takes."""
    listed = list(variables)
    check_room(path, room_for(listed, graph))
    slots = lay_out(path, graph, listed, {})
    fill(path, slots, 0, progress)


def write_shards(
    path: Path,
    graph: Graph,
    variables: Iterable[Variable],
    *,
    size: int = SHARD_SIZE,
    force: bool = False,
) -> None:
    """Write a `.weights.json` and the shards that it names, which `model.load_weights` takes.

    A shard has at most `size` bytes of values, but for one that holds a single group: what is
    stored under one path is never split. All files are written, or none (PS904, PS905).
    """
    stem = path.name.removesuffix(".json").removesuffix(".weights")
    found = list(_shards(graph, variables, size))
    names = [f"{stem}_{i:05}.weights.h5" for i in range(len(found))]
    own = shards_of(path) if force else set()
    for name in names:
        # Shards of another list may be what the values are read from.
        check_target(path.with_name(name), force=name in own)
    # Every shard has groups of its own.
    check_room(path, sum(room_for([v for _, v in shard], graph) for shard in found))
    said: dict[str, list[str]] = {}
    total = 0
    with placing(path.parent, [*names, path.name]) as temporary:
        for name, shard in zip(names, found, strict=True):
            for group, variable in shard:
                total += stored_size(variable)
                said.setdefault(f"/{group}", [name])
            slots = lay_out(temporary / name, graph, [v for _, v in shard], {}, sparse=True)
            fill(temporary / name, slots, 0)
        config = {"metadata": {"total_size": total}, "weight_map": said}
        (temporary / path.name).write_text(json.dumps(config, indent=4), encoding="utf-8")
    for name in own.difference(names):
        path.with_name(name).unlink(missing_ok=True)


_Shard = Sequence[tuple[str, Variable]]
"""Variables and their groups."""


def _shards(graph: Graph, variables: Iterable[Variable], size: int) -> Iterator[_Shard]:
    shard: list[tuple[str, Variable]] = []
    held = 0
    for group, members in stored_groups(graph, variables):
        more = sum(map(stored_size, members))
        if shard and held + more > size:
            yield shard
            shard, held = [], 0
        shard += [(group, one) for one in members]
        held += more
    yield shard
