"""Names with placeholders, that stand for a name for each match of a selector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.selecting import matches
from patchspec.graph.graph import Graph


def templates(names: Mapping[str, str], said: Any, graph: Graph) -> Iterator[str]:
    """Names that come to these for the layers, by path, that the selector `said` matches."""
    found = [(match.layer, match.star) for match in matches(said, graph)]
    if {layer.path for layer, _ in found} != set(names):
        return
    stands_for: dict[str, list[str | None]] = {
        "$(target)": [layer.name for layer, _ in found],
        "$(*)": [star for _, star in found],
        "$(index)": [str(i) for i in range(len(found))],
    }
    wanted = [names[layer.path] for layer, _ in found]
    for placeholder, meanings in stands_for.items():
        frames = [_frames(name, meaning) for name, meaning in zip(wanted, meanings, strict=True)]
        found_frames = sorted(set.intersection(*frames))
        for before, after in found_frames:
            yield f"{before}{placeholder}{after}"
        if found_frames:
            # Whoever reads `$(target)` need not look at the selector; the others stand behind.
            return


def _frames(name: str, meaning: str | None) -> set[tuple[str, str]]:
    """What may stand before and after the meaning so that the name comes out."""
    if not meaning:
        return set()
    starts = [i for i in range(len(name)) if name.startswith(meaning, i)]
    return {(name[:i], name[i + len(meaning) :]) for i in starts}
