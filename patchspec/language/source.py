"""Reading YAML so that nothing is built, nothing is expanded and every value keeps its place.

The reader consumes PyYAML's event stream and constructs plain data by the YAML 1.2 core schema. It
refuses what makes a file mean more than it shows (anchors, aliases, merge keys, tags, duplicate
keys, invisible characters) and what is there to exhaust a reader (size, depth, number of nodes).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import yaml

from patchspec.problems import PatchError, Pointer, Problem, Span

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 100_000
MAX_SCALAR = 1 << 16
MAX_DIGITS = 20

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")
_CONSTANTS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECEIVING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)


@dataclass(frozen=True)
class Source:
    """A text as read: its data, and where each key and value stands."""

    text: str
    file: str | None
    data: Any
    values: Mapping[Pointer, Span] = field(default_factory=dict, repr=False)
    keys: Mapping[Pointer, Span] = field(default_factory=dict, repr=False)
    chain: tuple[str, ...] = ()
    """The files that led to this one, each extending the next."""

    def span(self, at: Pointer, on: str = "value") -> Span | None:
        """Where the value at `at` stands, or its key; else the nearest thing around it."""
        if on == "key" and at in self.keys:
            return self.keys[at]
        while at not in self.values and at:
            at = at[:-1]
        return self.values.get(at)

    def lines(self, at: Pointer) -> range:
        """The lines that the value at `at` takes up, from the first, which counts from 1.

        A mapping ends for YAML where the next thing begins; here it ends with its last value.
        """
        text = self.text.splitlines()
        own = self.values[at]
        inside = [span for other, span in self.values.items() if other[: len(at)] == at]
        last = own.line
        for span in inside:
            whole = span.end_line - (span.end_column == 1 and span.end_line > span.line)
            begins = text[span.line - 1][span.column - 1 :] if span.line <= len(text) else ""
            is_block = span in self._blocks and not begins.startswith(("{", "["))
            last = max(last, span.line if is_block else whole)
        return range(own.line, last + 1)

    @cached_property
    def _blocks(self) -> frozenset[Span]:
        """Where mappings and lists stand, written in lines or in brackets."""
        holders = {at[:-1] for at in self.values if at}
        return frozenset(span for at, span in self.values.items() if at in holders)

    def place(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        """The problems with their places in this text."""
        lines = self.text.splitlines()
        for problem in problems:
            span = problem.span or self.span(problem.at, problem.on)
            if span is None or problem.file is not None:
                yield problem
                continue
            excerpt = tuple((n, lines[n - 1]) for n in (span.line,) if n <= len(lines))
            yield replace(problem, file=self.file, span=span, excerpt=excerpt)


def read_file(path: str | Path) -> Source:
    """Read a YAML file; PS902 where there is none, else as `read_text`."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        problem = Problem(
            code="PS902",
            message=f"`{name}` cannot be read: {reason}",
            hint="give the path of a patch file",
        )
        raise PatchError([problem]) from error
    return read_text(content, name)


def read_text(content: str | bytes, file: str | None = None) -> Source:
    """Read YAML; every problem of the text that does not stop the reading is reported at once."""
    encoded = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if len(encoded) > MAX_BYTES:
        _stop("PS101", f"the file is larger than {MAX_BYTES} bytes", file)
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        line = encoded[: error.start].count(b"\n") + 1
        column = error.start - (encoded.rfind(b"\n", 0, error.start) + 1) + 1
        _stop(
            "PS102",
            f"byte {error.start} (0x{encoded[error.start]:02x}) is not UTF-8",
            file,
            Span(line, column, line, column + 1),
            hint="save the file as UTF-8",
        )
    reader = _Reader()
    reader.problems += _deceiving(text)
    if not reader.problems:
        reader.read(text)
    source = Source(text, file, reader.data, reader.values, reader.keys)
    if reader.problems:
        raise PatchError(source.place(reader.problems))
    return source


def _stop(
    code: str, message: str, file: str | None, span: Span | None = None, hint: str | None = None
) -> NoReturn:
    raise PatchError([Problem(code=code, message=message, file=file, span=span, hint=hint)])


def _deceiving(text: str) -> list[Problem]:
    problems = []
    for found in _DECEIVING.finditer(text):
        if found.start() == 0 and found[0] == "\ufeff":
            continue
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - (text.rfind("\n", 0, found.start()) + 1) + 1
        problems.append(
            Problem(
                code="PS111",
                message=f"the character U+{ord(found[0]):04X} stands here, which does not show",
                span=Span(line, column, line, column + 1),
                hint="delete it",
            )
        )
    return problems[:20]


@dataclass
class _Frame:
    """A collection that is being read."""

    value: dict[str, Any] | list[Any]
    at: Pointer
    start: Any
    key: str | None = None

    def child(self) -> Pointer:
        return (*self.at, len(self.value) if isinstance(self.value, list) else self.key or "")


class _Refused(Exception):  # noqa: N818 (not an error of its own: it ends the reading early)
    """The reading cannot go on; the problem is noted already."""


class _Reader:
    """The state of one reading."""

    def __init__(self) -> None:
        self.data: Any = None
        self.values: dict[Pointer, Span] = {}
        self.keys: dict[Pointer, Span] = {}
        self.problems: list[Problem] = []
        self._stack: list[_Frame] = []
        self._nodes = 0
        self._documents = 0

    def read(self, text: str) -> None:
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._event(event)
        except _Refused:
            return
        except yaml.YAMLError as error:
            self._syntax(error, text)
            return
        if self._documents == 0:
            first = Span(1, 1, 1, 1)
            self._note("PS109", "the file holds no YAML document", first)

    def _syntax(self, error: yaml.YAMLError, text: str) -> None:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        found = text[mark.index : mark.index + 1] if mark is not None else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        if "nesting depth" in what:
            # Recent versions of libyaml have a limit of their own, met while they read ahead.
            place = Span(line, column, line, column + 1)
            self._note("PS108", f"nesting is deeper than {MAX_DEPTH} levels", place)
            return
        hint = None
        if found == "*":
            start = text.rfind(" ", 0, mark.index) + 1 if mark else 0
            glob = re.split(r"[\s,\]}]", text[start : start + 80])[0]
            hint = f'quote the glob: `"{glob}"`'
        elif found == "\t":
            hint = "indent with spaces"
        elif found and found in "&!%@`":
            hint = "a text that begins with this sign must be quoted"
        self._note("PS110", f"not YAML: {what}", Span(line, column, line, column + 1), hint)

    def _event(self, event: Any) -> None:
        kind = type(event).__name__
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                self._note("PS109", "the file holds more than one YAML document", _span(event))
                raise _Refused
        elif kind == "AliasEvent":
            self._alias(event)
        elif kind == "ScalarEvent":
            self._node(event)
            self._scalar(event)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._node(event)
            self._open(event, {} if kind == "MappingStartEvent" else [])
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._close(event)

    def _note(self, code: str, message: str, span: Span, hint: str | None = None) -> None:
        self.problems.append(Problem(code=code, message=message, span=span, hint=hint))

    def _alias(self, event: Any) -> None:
        self._note(
            "PS104",
            f"`*{event.anchor}` is an alias in YAML, and aliases are refused",
            _span(event),
            f'if you meant a glob, quote it: `"*{event.anchor}"`',
        )
        self._put(None, event)

    def _node(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._note("PS108", f"the file has more than {MAX_NODES} nodes", _span(event))
            raise _Refused
        if event.anchor:
            self._note(
                "PS104",
                f"`&{event.anchor}` is an anchor, and anchors are refused",
                _span(event),
                "write the value out where it is needed",
            )
        if event.tag is not None and event.tag != "!":
            self._note(
                "PS106", f"`{event.tag}` is a tag, and tags are refused", _span(event), "remove it"
            )

    def _scalar(self, event: Any) -> None:
        if len(event.value) > MAX_SCALAR:
            self._note("PS107", f"a scalar of {len(event.value)} characters", _span(event))
            raise _Refused
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._key(event, frame)
            return
        self._put(self._resolve(event), event)

    def _key(self, event: Any, frame: _Frame) -> None:
        key = event.value
        # Positions are keys in `inputs: {1: b}`; as text they are unambiguous.
        text = not event.implicit[0] or isinstance(self._resolve(event), str)
        if not text and not _INTEGER.match(key):
            self._note("PS105", f"the key `{key}` is not text", _span(event), "quote it")
        if key == "<<" and event.implicit[0]:
            self._note("PS104", "`<<` is a merge key, and merge keys are refused", _span(event))
        if key in frame.value:
            first = self.keys[(*frame.at, key)]
            self._note(
                "PS103",
                f"the key `{key}` stands twice in this mapping",
                _span(event),
                f"it stands on line {first.line} too: delete one of them",
            )
        else:
            self.keys[(*frame.at, key)] = _span(event)
        frame.key = key

    def _resolve(self, event: Any) -> Any:
        """The value of a scalar by the YAML 1.2 core schema."""
        text = event.value
        if not event.implicit[0]:
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.match(text):
            if len(text) > MAX_DIGITS:
                self._note("PS107", f"an integer of {len(text)} digits", _span(event))
                return 0
            return int(text)
        if _OCTAL.match(text):
            return int(text, 8)
        if _HEX.match(text) and len(text) <= MAX_DIGITS:
            return int(text, 16)
        number = float(text) if _FLOAT.match(text) else None
        if _NOT_FINITE.match(text) or (number is not None and not math.isfinite(number)):
            self._note("PS107", f"`{text}` is not a number that JSON can hold", _span(event))
            return 0.0
        return text if number is None else number

    def _open(self, event: Any, value: Any) -> None:
        frame = self._stack[-1] if self._stack else None
        if frame is not None and isinstance(frame.value, dict) and frame.key is None:
            self._note("PS105", "a mapping key must be text", _span(event))
            raise _Refused
        if len(self._stack) >= MAX_DEPTH:
            self._note("PS108", f"nesting is deeper than {MAX_DEPTH} levels", _span(event))
            raise _Refused
        at = frame.child() if frame else ()
        self._put(value, event)
        self._stack.append(_Frame(value, at, event))

    def _close(self, event: Any) -> None:
        frame = self._stack.pop()
        start = frame.start.start_mark
        if frame.start.flow_style:
            end_line, end_column = event.end_mark.line + 1, event.end_mark.column + 1
        else:
            # A block collection ends where the next token starts; its first line is what to show.
            end_line, end_column = start.line + 1, 1 << 16
        self.values[frame.at] = Span(start.line + 1, start.column + 1, end_line, end_column)

    def _put(self, value: Any, event: Any) -> None:
        if not self._stack:
            self.data = value
            self.values[()] = _span(event)
            return
        frame = self._stack[-1]
        self.values[frame.child()] = _span(event)
        if isinstance(frame.value, list):
            frame.value.append(value)
        else:
            frame.value[str(frame.key)] = value
            frame.key = None


def _span(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
