"""Reading an architecture that is text: JSON or YAML of any Keras.

Keras wrote YAML with `yaml.dump`, so tuples and old Python strings carry tags. Those two mean a
list and a text here; any other tag would construct an object and is refused. Nothing is made:
the events of the parser become lists, dicts and scalars, with a limit on depth and size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from patchspec.models.document import MAX_DEPTH
from patchspec.problems import refuse

MAX_VALUES = 1_000_000
_PYTHON = "tag:yaml.org,2002:python/"
_AS_DATA = {f"{_PYTHON}tuple", f"{_PYTHON}unicode", f"{_PYTHON}str", f"{_PYTHON}list"}
_INTEGER = re.compile(r"[-+]?\d{1,18}$")
_FLOAT = re.compile(r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?$")
_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}


def read_yaml(content: bytes, name: str) -> Any:
    """The value of a YAML document; PS903 where it is none, PS702 where it would do more."""
    try:
        text = content.decode("utf-8")
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        return _Reader(events, name).document()
    except (yaml.YAMLError, UnicodeDecodeError, StopIteration, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        refuse("PS903", f"`{name}` is neither JSON nor YAML of a model: {reason}")


class _Reader:
    """Builds plain values from events; anchors are shared by what was read before."""

    def __init__(self, events: Iterator[yaml.Event], name: str) -> None:
        self._events = events
        self._name = name
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def document(self) -> Any:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                value, _ = self._value(next(self._events), 0)
                return value
        return None

    def _value(self, event: Any, depth: int) -> tuple[Any, int]:
        """A value and how many values it is made of, those that aliases repeat included."""
        if depth > MAX_DEPTH:
            refuse("PS702", f"`{self._name}` is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self._anchors:
                refuse("PS702", f"`{self._name}` refers to itself: `*{event.anchor}`")
            value, size = self._anchors[event.anchor]
            return value, self._counted(size)
        self._check_tag(event)
        if isinstance(event, yaml.ScalarEvent):
            value, size = _scalar(event), self._counted(1)
        elif isinstance(event, yaml.SequenceStartEvent):
            value, size = self._list(depth)
        else:
            value, size = self._dict(depth)
        if getattr(event, "anchor", None):
            self._anchors[str(event.anchor)] = (value, size)
        return value, size

    def _counted(self, size: int) -> int:
        self._count += size
        if self._count > MAX_VALUES:
            refuse("PS702", f"`{self._name}` expands to more than {MAX_VALUES} values")
        return size

    def _check_tag(self, event: Any) -> None:
        tag = getattr(event, "tag", None)
        if tag and tag not in _AS_DATA:
            shown = str(tag).removeprefix("tag:yaml.org,2002:")
            refuse(
                "PS702",
                f"`{self._name}` has the YAML tag `{shown}`, which would construct an object",
                hint="do not use this file",
            )

    def _list(self, depth: int) -> tuple[list[Any], int]:
        found, size = [], self._counted(1)
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            value, more = self._value(event, depth + 1)
            found.append(value)
            size += more
        return found, size

    def _dict(self, depth: int) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        size = self._counted(1)
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, _ = self._value(event, depth + 1)
            if not isinstance(key, str) or key in found:
                refuse("PS702", f"`{self._name}` has the key `{key}` twice, or as no text")
            found[key], more = self._value(next(self._events), depth + 1)
            size += more
        return found, size


def _scalar(event: yaml.ScalarEvent) -> Any:
    """A scalar as YAML 1.1 means it, as far as Keras wrote any."""
    text: str = event.value
    if event.style in ("'", '"') or getattr(event, "tag", None):
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _FLOAT.match(text) else text
