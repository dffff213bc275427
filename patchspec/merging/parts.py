"""The parts of a patch file: where the text of each key and each operation begins and ends."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.language.source import Source
from patchspec.problems import Pointer

PLACES = ("layers", "after", "before", "outputs", "inputs", "from", "new")
"""The keys of an operation that say what it is about, in the order in which they are looked at."""


@dataclass(frozen=True)
class Part:
    """A piece of a patch: one key with its value, or one operation."""

    name: str
    """What makes it the same part in another version."""
    data: Any
    text: str
    """Its lines, comments above them included."""

    @property
    def said(self) -> str:
        """What it says, whatever it looks like."""
        return json.dumps(self.data, sort_keys=True)


@dataclass(frozen=True)
class Parts:
    """A patch file cut into pieces."""

    top: Mapping[str, Part]
    """The keys in order; `operations` has no text of its own but the line of its key."""
    steps: tuple[Part, ...]
    tail: str
    """What stands below everything else."""


def parts_of(source: Source) -> Parts:
    """The pieces of a patch; all of their texts in order are the file."""
    lines = source.text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    data = source.data if isinstance(source.data, Mapping) else {}
    starts: list[tuple[int, Pointer]] = [
        (span.line, at) for at, span in source.keys.items() if len(at) == 1 and at[0] in data
    ]
    steps = data.get("operations")
    listed = isinstance(steps, list) and not _is_flow(source, steps)
    if listed and isinstance(steps, list):
        starts += [(_first_line(source, i), ("operations", i)) for i in range(len(steps))]
    if not starts:
        return Parts({}, (), source.text)
    starts.sort()
    begins = [_with_comments(lines, line) for line, _ in starts]
    ends = [*begins[1:], len(lines)]
    texts = {
        at: "".join(lines[begin:end])
        for (_, at), begin, end in zip(starts, begins, ends, strict=True)
    }
    head = "".join(lines[: begins[0]]) if begins else ""
    tail = ""
    if texts:
        first, last = starts[0][1], starts[-1][1]
        texts[first] = head + texts[first]
        texts[last], tail = _without_tail(texts[last])
    top = {str(key): Part(str(key), value, texts.get((key,), "")) for key, value in data.items()}
    found = (
        tuple(
            Part(name, step, texts[("operations", i)])
            for i, (name, step) in enumerate(_named(steps if isinstance(steps, list) else []))
        )
        if listed
        else ()
    )
    return Parts(top, found, tail)


def _is_flow(source: Source, steps: list[Any]) -> bool:
    """Whether the operations stand in brackets, or not one to a line."""
    lines = [_first_line(source, i) for i in range(len(steps))]
    key = source.keys[("operations",)].line
    return not steps or len(set(lines)) < len(lines) or key in lines


def _first_line(source: Source, step: int) -> int:
    return source.values[("operations", step)].line


def _with_comments(lines: list[str], line: int) -> int:
    """The index of the first comment right above a line."""
    start = line - 1
    while start and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _without_tail(text: str) -> tuple[str, str]:
    """Comments and empty lines that stand below the last part."""
    lines = text.splitlines(keepends=True)
    end = len(lines)
    while end > 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    return "".join(lines[:end]), "".join(lines[end:])


def _named(steps: list[Any]) -> Iterator[tuple[str, Any]]:
    """Each operation with a name of its own: its id, or what it does to what, counted."""
    seen: dict[str, int] = {}
    for step in steps:
        name = step_name(step)
        count = seen[name] = seen.get(name, 0) + 1
        yield (name if count == 1 else f"{name} ({count})"), step


def step_name(step: Any) -> str:
    """What an operation is called in reports: `head`, or `freeze block1*`."""
    if not isinstance(step, Mapping):
        return json.dumps(step)
    if isinstance(step.get("id"), str):
        return str(step["id"])
    place = next((step[key] for key in PLACES if key in step), "")
    if isinstance(place, Mapping) and "name" in place:
        place = place["name"]
    said = place if isinstance(place, str) else json.dumps(place, sort_keys=True)
    return f"{step.get('op')} {said}".strip()
