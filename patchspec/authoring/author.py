"""The search: operations are tried one by one, and the most useful is taken each time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.proposals import Step, proposed
from patchspec.differences.matching import Match, match
from patchspec.graph.graph import Graph
from patchspec.inferring.light import plain_inferrer
from patchspec.language.patch import parse_source
from patchspec.language.source import read_text
from patchspec.models.base import Base
from patchspec.planning.fold import Folded, fold
from patchspec.planning.shapes import known_specs
from patchspec.problems import PatchError
from patchspec.weights.seeds import derived_seed

MOST_SEEDS = 10_000
"""People choose small seeds; a larger one is written out at each layer."""
WAYS = 5
"""So many ways are followed where the straight one leads nowhere."""
MOST_SEARCHED = 40
"""With more new layers than that it would take too long."""
MOST_TRIED = 1500
"""So many operations are tried: models that have nothing in common are not worth more."""
MOST_STEPS = 200
"""A patch of more operations is none that a person would write."""


@dataclass(frozen=True)
class Authored:
    """The operations that were found, and what they leave undone."""

    steps: tuple[Step, ...]
    seed: int
    gaps: Gaps
    """What is left; nothing where the patch makes the model that is wanted."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left."""
        return not self.gaps.size


def author(before: Base, after: Base, found: Match | None = None) -> Authored:
    """The operations that turn `before` into `after`.

    `found` says which layers belong together, where somebody knows; else it is worked out. The most
    useful operation is taken each time; where that leads nowhere, several ways are followed.
    """
    found = found or match(before, after)
    renamed = {new: old for old, new in found.lineage.layers.renamed}
    here = replace(before, variables=None, live=None)
    gaps = Gaps(here.graph, after.graph)
    start = _Way((), here, replace(gaps, seed=seed_of(gaps)))
    straight = _searched(start, renamed, 1)
    if not straight.gaps.size or len(gaps.missing) > MOST_SEARCHED:
        return straight.authored()
    wider = _searched(start, renamed, WAYS)
    return min(wider, straight, key=lambda way: way.gaps.size).authored()


@dataclass(frozen=True)
class _Way:
    """Some operations, and the model after them."""

    steps: tuple[Step, ...]
    here: Base
    gaps: Gaps

    @property
    def rank(self) -> tuple[int, int]:
        """What is left to do, and how much was said."""
        return self.gaps.size, len(json.dumps(self.steps))

    def authored(self) -> Authored:
        """The way as a result."""
        return Authored(self.steps, self.gaps.seed, self.gaps)


def _searched(start: _Way, renamed: Mapping[str, str], width: int) -> _Way:
    """The way that leaves the least to do, of so many followed at once."""
    best, ways, left = start, [start], MOST_TRIED
    for _ in range(MOST_STEPS):
        if not best.gaps.size or left <= 0:
            break
        following: dict[tuple[int, int], _Way] = {}
        for one in ways:
            tried = list(_tried(one, renamed, left))
            left -= len(tried)
            following |= {way.rank: way for way in tried if way is not None}
        ways = [following[rank] for rank in sorted(following)[:width]]
        if not ways:
            break
        best = min(best, ways[0], key=lambda way: way.gaps.size)
    return best


def _tried(way: _Way, renamed: Mapping[str, str], most: int) -> Iterator[_Way | None]:
    """The way with each operation that leaves less to do; none for one that was tried in vain."""
    seen: set[str] = set()
    for step in proposed(way.gaps, renamed):
        key = json.dumps(step)
        if key in seen:
            continue
        if len(seen) >= most:
            return
        seen.add(key)
        after = applied(way.here, [step], way.gaps.seed)
        gaps = None if after is None else replace(way.gaps, now=after.graph)
        if after is None or gaps is None or gaps.size >= way.gaps.size:
            yield None
        else:
            yield _Way((*way.steps, step), after, gaps)


def seed_of(gaps: Gaps) -> int:
    """The patch's seed of which the initializers of new layers have theirs; 0 if nothing tells."""
    drawn = [
        (path, key, value["config"]["seed"])
        for path in gaps.missing
        for key, value in gaps.wanted.by_path[path].config.items()
        if isinstance(value, Mapping)
        and isinstance(value.get("config"), Mapping)
        and isinstance(value["config"].get("seed"), int)
    ]
    for path, key, seed in drawn[:1]:
        for candidate in range(MOST_SEEDS):
            if derived_seed(candidate, path, key) == seed:
                return candidate
    return 0


def applied(base: Base, steps: Sequence[Step], seed: int = 0) -> Base | None:
    """The model after some operations, of which only the structure counts; none if refused."""
    state = folded(base, steps, seed)
    return None if state is None else replace(base, document=state.document, lens=state.graph)


def folded(base: Base, steps: Sequence[Step], seed: int = 0) -> Folded | None:
    """What some operations come to, layers that lead nowhere included; none if refused."""
    text = json.dumps({"patchspec": 1, "seed": seed, "operations": list(steps)})
    try:
        patch = parse_source(read_text(text, "init"))
        return fold(base, (patch,), _specs, unfinished=True)
    except PatchError:
        return None


def _specs(graph: Graph) -> Mapping[str, Mapping[Any, Any]]:
    return known_specs(graph, plain_inferrer())
