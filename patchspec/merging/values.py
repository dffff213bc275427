"""Three versions of a value: which one counts, or in which field they cannot both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ABSENT: Any = object()
"""Stands for no value at all."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two versions that say something else of one thing."""

    part: str
    """The operation or the key of the file."""
    field: str
    """Where in it; empty for all of it."""
    ours: Any
    theirs: Any


def merged_value(part: str, versions: tuple[Any, Any, Any], field: str = "") -> Any:
    """The value of base, ours and theirs together; raises `Clash` where there is none.

    Mappings are merged key by key, everything else is one whole.
    """
    base, ours, theirs = versions
    if same(ours, theirs) or same(base, theirs):
        return ours
    if same(base, ours):
        return theirs
    if all(isinstance(value, Mapping) for value in (ours, theirs)):
        before = base if isinstance(base, Mapping) else {}
        found: dict[str, Any] = {}
        clashes: list[Conflict] = []
        for key in dict.fromkeys((*ours, *theirs)):
            inner = tuple(value.get(key, ABSENT) for value in (before, ours, theirs))
            try:
                value = merged_value(part, inner, f"{field}/{key}" if field else str(key))
            except ClashError as clash:
                clashes += clash.conflicts
                continue
            if value is not ABSENT:
                found[key] = value
        if clashes:
            raise ClashError(clashes)
        return found
    raise ClashError([Conflict(part, field, ours, theirs)])


def same(one: Any, other: Any) -> bool:
    """Whether two values are one, a boolean and a number being two."""
    if one is ABSENT or other is ABSENT:
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


class ClashError(Exception):
    """A value has no merged form."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        super().__init__(conflicts)
