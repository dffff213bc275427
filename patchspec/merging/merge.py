"""The merge itself: parts of three versions, put together in the order of ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from patchspec.authoring.text import patch_text
from patchspec.language.patch import parse_source
from patchspec.language.source import Source, read_text
from patchspec.merging.parts import Part, Parts, parts_of
from patchspec.merging.values import ABSENT, ClashError, Conflict, merged_value
from patchspec.problems import PatchError, Problem

MAKING = ("insert", "replace", "expose-output", "rename")
"""Operations of which two with one target depend on their order."""
Versions = tuple[Part | None, Part | None, Part | None]


@dataclass(frozen=True)
class Merged:
    """Two versions of a patch in one."""

    text: str
    """With the usual marks around what is in conflict."""
    conflicts: tuple[Conflict, ...] = ()
    notes: tuple[str, ...] = ()
    """What was decided where the versions leave it open."""
    problems: tuple[Problem, ...] = ()
    """What is wrong with the whole, though every piece fits."""


@dataclass(frozen=True)
class Labels:
    """What the marks of a conflict call the two sides."""

    ours: str = "ours"
    theirs: str = "theirs"


def merge(base: Source, ours: Source, theirs: Source, labels: Labels | None = None) -> Merged:
    """The patch that has the changes of both versions, in the text of ours where it can be.

    A version that did not change anything leaves the other as it is, byte for byte.
    """
    if theirs.text in {ours.text, base.text}:
        return Merged(ours.text)
    if base.text == ours.text:
        return Merged(theirs.text)
    work = _Merging(parts_of(base), parts_of(ours), parts_of(theirs), labels or Labels())
    text = work.text()
    problems = () if work.conflicts else _problems(text, ours)
    return Merged(text, tuple(work.conflicts), tuple(work.notes), problems)


def _problems(text: str, ours: Source) -> tuple[Problem, ...]:
    """What is wrong with a merge of which every piece fits: two operations of one id, say."""
    try:
        parse_source(read_text(text, ours.file or "merged"), alone=True)
    except PatchError as error:
        return error.problems
    return ()


class _Merging:
    """Three versions on the way to one text."""

    def __init__(self, base: Parts, ours: Parts, theirs: Parts, labels: Labels) -> None:
        self.base, self.ours, self.theirs = base, ours, theirs
        self.labels = labels
        self.conflicts: list[Conflict] = []
        self.notes: list[str] = []

    def text(self) -> str:
        """The merged file."""
        pieces: list[str] = []
        for key in self._keys():
            if key == "operations":
                pieces += self._operations()
            else:
                pieces.append(self._part(self._versions(key)))
        return "".join(pieces) + self.ours.tail

    def _keys(self) -> list[str]:
        """The keys of both, in the order of ours; a new one of theirs goes before `operations`."""
        new = [key for key in self.theirs.top if key not in self.ours.top]
        keys = list(self.ours.top)
        place = keys.index("operations") if "operations" in keys else len(keys)
        return [*keys[:place], *new, *keys[place:]]

    def _versions(self, key: str) -> Versions:
        return (self.base.top.get(key), self.ours.top.get(key), self.theirs.top.get(key))

    def _part(self, versions: Versions) -> str:
        """The text of a part that some of the versions have."""
        base, ours, theirs = versions
        name = next(part.name for part in (ours, theirs, base) if part is not None)
        data = tuple(ABSENT if part is None else part.data for part in versions)
        try:
            value = merged_value(name, data)
        except ClashError as clash:
            self.conflicts += clash.conflicts
            return self._marked(ours, theirs)
        if value is ABSENT:
            return ""
        for part, other in ((ours, theirs), (theirs, ours)):
            if part is not None and part.said == json.dumps(value, sort_keys=True):
                # Of two texts that say the same, the one that somebody touched.
                same = other is not None and other.said == part.said
                untouched = base is not None and base.text == part.text
                return other.text if same and untouched and other is not None else part.text
        return _written(ours or theirs, value)

    def _marked(self, ours: Part | None, theirs: Part | None) -> str:
        mine = ours.text if ours is not None else ""
        other = theirs.text if theirs is not None else ""
        return f"<<<<<<< {self.labels.ours}\n{mine}=======\n{other}>>>>>>> {self.labels.theirs}\n"

    def _operations(self) -> list[str]:
        head = self._head()
        if not self._are_listed():
            whole: Any = tuple(map(_whole, (self.base, self.ours, self.theirs)))
            return [self._part(whole)]
        order = _ordered(self.base.steps, self.ours.steps, self.theirs.steps)
        by_name = [
            {part.name: part for part in parts.steps}
            for parts in (self.base, self.ours, self.theirs)
        ]
        pieces = []
        for name in order:
            versions: Any = tuple(found.get(name) for found in by_name)
            pieces.append(self._part(versions))
        self.conflicts += self._crossings(by_name)
        if not any(pieces):
            return ["operations: []\n"]
        return [head, *pieces]

    def _head(self) -> str:
        for parts in (self.ours, self.theirs):
            if parts.steps:
                return parts.top["operations"].text
        return "operations:\n"

    def _are_listed(self) -> bool:
        """Whether every version has its operations line by line, or none at all."""
        return all(
            parts.steps or not (parts.top.get("operations") and parts.top["operations"].data)
            for parts in (self.base, self.ours, self.theirs)
        )

    def _crossings(self, by_name: Sequence[Mapping[str, Part]]) -> Iterator[Conflict]:
        """Changes of the one side to a layer that the other side does something else to."""
        base, ours, theirs = by_name
        mine = [part for name, part in ours.items() if _is_new(part, base.get(name))]
        others = [part for name, part in theirs.items() if _is_new(part, base.get(name))]
        for one in mine:
            for other in others:
                if one.said == other.said or one.name == other.name:
                    continue
                yield from _crossing(one, other, self.notes)


def _whole(parts: Parts) -> Part | None:
    """The operations of a version as one part, in whatever form they stand."""
    key = parts.top.get("operations")
    if key is None:
        return None
    return replace(key, text=key.text + "".join(step.text for step in parts.steps))


def _is_new(part: Part, before: Part | None) -> bool:
    return before is None or before.said != part.said


def _crossing(one: Part, other: Part, notes: list[str]) -> Iterator[Conflict]:
    """A conflict where two operations that met for the first time cannot both be meant."""
    shared = sorted(_layers(one.data) & _layers(other.data))
    if not shared:
        return
    op, other_op = str(one.data.get("op")), str(other.data.get("op"))
    where = f"layer `{shared[0]}`"
    gone = {"remove", "replace"} & {op, other_op}
    if op == other_op == "set":
        mine, theirs = one.data.get("config", {}), other.data.get("config", {})
        for key in mine.keys() & theirs.keys():
            if mine[key] != theirs[key]:
                yield Conflict(where, f"config/{key}", mine[key], theirs[key])
    elif gone or (op == other_op and op in MAKING):
        yield Conflict(where, "", one.name, other.name)
    elif {op, other_op} == {"freeze", "unfreeze"}:
        yield Conflict(where, "trainable", op, other_op)
    else:
        notes.append(f"both act on {where}: `{one.name}` of ours, then `{other.name}` of theirs")


def _layers(step: Any) -> set[str]:
    """The layers that an operation names whole."""
    found: set[str] = set()
    for key in ("layers", "after", "before"):
        said = step.get(key) if isinstance(step, Mapping) else None
        listed = said if isinstance(said, list) else [said]
        found |= {one.partition("@")[0] for one in listed if isinstance(one, str)}
    return found


def _ordered(base: Sequence[Part], ours: Sequence[Part], theirs: Sequence[Part]) -> list[str]:
    """The names of all operations: ours in their order, new ones of theirs behind their own."""
    order = [part.name for part in ours]
    previous = ""
    for part in theirs:
        if part.name not in order:
            place = order.index(previous) + 1 if previous in order else 0
            while place < len(order) and previous and _is_added(order[place], base, ours):
                place += 1
            order.insert(place, part.name)
        previous = part.name
    return order


def _is_added(name: str, base: Sequence[Part], ours: Sequence[Part]) -> bool:
    """Whether an operation is ours alone."""
    return name in {part.name for part in ours} and name not in {part.name for part in base}


def _written(part: Part | None, value: Any) -> str:
    """The text of a part that both sides changed, below the comments that it had."""
    assert part is not None
    comments = []
    for line in part.text.splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            break
        comments.append(line)
    is_step = isinstance(value, Mapping) and "op" in value
    said = {"operations": [value]} if is_step else {part.name: value}
    lines = patch_text(said).splitlines(keepends=True)
    return "".join([*comments, *(lines[1:] if is_step else lines)])
