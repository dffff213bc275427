"""A patch as YAML that a person would have written: short things on one line, long ones below."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 96
_PLAIN = re.compile(r"(?:\.{0,2}/)?[A-Za-z_$][\w$./()-]*(?:[@:]\w+)*\Z")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


def patch_text(said: Mapping[str, Any], comments: Sequence[str] = ()) -> str:
    """The text of a patch; the comments stand on top."""
    lines = [f"# {comment}".rstrip() for comment in comments]
    for key, value in said.items():
        if key == "operations":
            lines += ["operations:", *_steps(value)] if value else ["operations: []"]
        else:
            lines += _entry(key, value, 0)
    return "\n".join(lines) + "\n"


def _steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for step in steps:
        short = flow(step)
        if len(short) + 4 <= WIDTH and not _is_long(step):
            yield f"  - {short}"
            continue
        for i, (key, value) in enumerate(step.items()):
            lines = _entry(key, value, 4)
            if i == 0:
                lines[0] = f"  - {lines[0].lstrip()}"
            yield from lines


def _is_long(step: Mapping[str, Any]) -> bool:
    """Whether an operation says more than one glance takes in."""
    return any(
        isinstance(value, list) and len(value) > 1 and isinstance(value[0], Mapping)
        for value in step.values()
    )


def _entry(key: str, value: Any, indent: int) -> list[str]:
    pad = " " * indent
    short = f"{pad}{scalar(key)}: {flow(value)}"
    several = isinstance(value, list) and len(value) > 1 and isinstance(value[0], Mapping)
    if (len(short) <= WIDTH and not several) or not isinstance(value, (list, dict)) or not value:
        return [short]
    lines = [f"{pad}{scalar(key)}:"]
    if isinstance(value, list):
        for item in value:
            lines += _item(item, indent + 2)
    else:
        for inner, one in value.items():
            lines += _entry(inner, one, indent + 2)
    return lines


def _item(value: Any, indent: int) -> list[str]:
    pad = " " * indent
    short = f"{pad}- {flow(value)}"
    if len(short) <= WIDTH or not isinstance(value, Mapping):
        return [short]
    lines = [line for key, one in value.items() for line in _entry(key, one, indent + 2)]
    return [f"{pad}- {lines[0].lstrip()}", *lines[1:]]


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """A scalar; text in quotes unless it can only be read as what it is."""
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.match(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
