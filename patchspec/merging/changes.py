"""What one version of a patch says otherwise than another, part by part and field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.language.source import Source
from patchspec.merging.parts import Part, parts_of
from patchspec.merging.values import ABSENT, same


@dataclass(frozen=True, slots=True)
class Change:
    """A part that came, went, moved, or of which fields changed."""

    kind: Literal["added", "removed", "changed", "moved"]
    part: str
    """The operation, or the key of the file."""
    fields: tuple[tuple[str, Any, Any], ...] = ()
    """Where, what it was and what it is; `ABSENT` for nothing."""


def changes_of(before: Source, after: Source) -> tuple[Change, ...]:
    """The changes from one version to another; comments and layout are none."""
    was, now = parts_of(before), parts_of(after)
    tops = (
        {k: p for k, p in parts.top.items() if k != "operations" or not parts.steps}
        for parts in (was, now)
    )
    old_top, new_top = ({p.name: p for p in top.values()} for top in tops)
    steps = ({part.name: part for part in parts.steps} for parts in (was, now))
    old_steps, new_steps = steps
    if old_steps or new_steps:
        old_top.pop("operations", None)
        new_top.pop("operations", None)
    found = [*_compared(old_top, new_top), *_compared(old_steps, new_steps)]
    stayed = [name for name in new_steps if name in old_steps]
    order = [name for name in old_steps if name in new_steps]
    moved = [name for name, other in zip(stayed, order, strict=True) if name != other]
    if moved:
        found.append(Change("moved", ", ".join(moved)))
    return tuple(found)


def _compared(old: Mapping[str, Part], new: Mapping[str, Part]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield Change("removed", name, ((("", old[name].data, ABSENT)),))
        elif name not in old:
            yield Change("added", name, ((("", ABSENT, new[name].data)),))
        elif not same(old[name].data, new[name].data):
            yield Change("changed", name, tuple(_fields(old[name].data, new[name].data)))


def _fields(old: Any, new: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            inner = f"{at}/{key}" if at else str(key)
            yield from _fields(old.get(key, ABSENT), new.get(key, ABSENT), inner)
    elif not same(old, new):
        yield (at, old, new)
