"""Layers that have another name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.naming import templates
from patchspec.authoring.selecting import selectors


def proposed(gaps: Gaps, renamed: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """One operation for all that follow one pattern, and one for each."""
    pairs = {
        old: new.rpartition("/")[2]
        for new, old in renamed.items()
        if old in gaps.now.by_path and old in gaps.extra and new in gaps.missing
    }
    if len(pairs) > 1:
        for said in selectors(list(pairs), gaps.now):
            for name in templates(pairs, said, gaps.now):
                yield {"op": "rename", "layers": said, "name": name}
    for old, name in pairs.items():
        yield {"op": "rename", "layers": old, "name": name}
