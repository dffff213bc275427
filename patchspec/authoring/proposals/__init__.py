"""Operations that may close gaps: one module for each kind, none of which has to be right."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import Gaps
from patchspec.authoring.proposals import (
    additions,
    configs,
    ends,
    flags,
    folding,
    removals,
    renames,
    rewirings,
)

Step = Mapping[str, Any]
"""An operation as a patch says it."""

KINDS: tuple[Callable[[Gaps, Mapping[str, str]], Iterator[Step]], ...] = (
    renames.proposed,
    ends.proposed,
    removals.proposed,
    folding.proposed,
    additions.proposed,
    configs.proposed,
    flags.proposed,
    rewirings.proposed,
)


def proposed(gaps: Gaps, renamed: Mapping[str, str]) -> Iterator[Step]:
    """Operations worth a try; `renamed` says what layers were called that have other names now."""
    for kind in KINDS:
        yield from kind(gaps, renamed)
