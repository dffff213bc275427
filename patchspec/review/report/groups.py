"""Layers whose names begin alike, as boxes that open: `conv2_*`, in it `conv2_block1_*`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LEAST = 3
"""Fewer layers are no group."""
_WORDS = re.compile(r"[_.\-]")


@dataclass(frozen=True, slots=True)
class Group:
    """Layers of one model that have the beginning of their names in common."""

    key: str
    parent: str
    """The group or the nested model that it lies in; empty for the whole model."""
    label: str


def grouped(names: Sequence[str], home: str) -> tuple[list[Group], dict[str, str]]:
    """The groups of layers that lie in one model, and for each name the innermost it is in.

    `home` is the key of the model. Nothing is grouped that would hold all of it.
    """
    root = _Branch("", list(names))
    groups: list[Group] = []
    owner = dict.fromkeys(names, home)
    for group, members in _split(root, home, home, len(names)):
        groups.append(group)
        owner |= dict.fromkeys(members, group.key)
    return groups, owner


@dataclass(frozen=True, slots=True)
class _Branch:
    prefix: str
    members: list[str]


def _split(
    branch: _Branch, parent: str, home: str, whole: int
) -> Iterator[tuple[Group, list[str]]]:
    """The groups in a branch, outer ones first."""
    for inner in _branches(branch):
        if len(inner.members) == whole:
            # All begin alike: what comes behind tells them apart.
            yield from _split(inner, parent, home, whole)
            continue
        narrowed = _narrowed(inner)
        key = f"{home}\u0001{narrowed.prefix}"
        yield Group(key, parent, f"{narrowed.prefix}*"), narrowed.members
        yield from _split(narrowed, key, home, whole)


def _branches(branch: _Branch) -> Iterator[_Branch]:
    """The members by their next word, where enough of them share it."""
    found: dict[str, list[str]] = {}
    for name in branch.members:
        rest = name[len(branch.prefix) :]
        match = _WORDS.search(rest)
        if match is not None:
            found.setdefault(branch.prefix + rest[: match.end()], []).append(name)
    for prefix, members in found.items():
        if len(members) >= LEAST:
            yield _Branch(prefix, members)


def _narrowed(branch: _Branch) -> _Branch:
    """The branch with the longest beginning that all its members share, in whole words."""
    while True:
        inner = [one for one in _branches(branch) if len(one.members) == len(branch.members)]
        if not inner:
            return branch
        branch = inner[0]
