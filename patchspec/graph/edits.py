"""RFC 6902: the four operations that a plan is written in.

Inside the program a pointer is a tuple; only files see the string of RFC 6901.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.problems import Pointer


@dataclass(frozen=True, slots=True)
class Edit:
    """One RFC 6902 operation on the document."""

    op: Literal["add", "remove", "replace", "test"]
    path: Pointer
    value: Any = None

    def as_json(self) -> dict[str, Any]:
        """The edit as RFC 6902 spells it."""
        said: dict[str, Any] = {"op": self.op, "path": pointer_string(self.path)}
        return said if self.op == "remove" else {**said, "value": self.value}


def add(path: Pointer, value: Any) -> Edit:
    """Put `value` at `path`; in a list, before what stands there, or behind the last with `-`."""
    return Edit("add", path, value)


def remove(path: Pointer) -> Edit:
    """Take away what stands at `path`."""
    return Edit("remove", path)


def replace(path: Pointer, value: Any) -> Edit:
    """Put `value` in the place of what stands at `path`."""
    return Edit("replace", path, value)


def test(path: Pointer, value: Any) -> Edit:
    """Demand that `value` stands at `path`."""
    return Edit("test", path, value)


def pointer_string(path: Pointer) -> str:
    """The pointer as RFC 6901 writes it."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parse_pointer(text: str) -> tuple[str, ...]:
    """The parts of an RFC 6901 pointer; list indices stay text."""
    if not text:
        return ()
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/"))


def at(document: Any, path: Pointer) -> Any:
    """What stands at `path`; KeyError or IndexError where nothing does."""
    for part in path:
        document = document[part]
    return document


def plain(value: Any) -> Any:
    """A copy of `value` as JSON would keep it: lists for tuples, nothing shared."""
    return json.loads(json.dumps(value))


def apply_in_place(document: Any, edits: Iterable[Edit]) -> Any:
    """Apply the edits to `document` itself with `jsonpatch`; the edits share nothing with it."""
    from jsonpatch import JsonPatch  # noqa: PLC0415 (`validate` never applies an edit)

    return JsonPatch([plain(edit.as_json()) for edit in edits]).apply(document, in_place=True)


def fault_of(document: Any, edit: Edit) -> str | None:
    """Why the edit does not apply to the document; none where it does, and then it has been."""
    from jsonpatch import JsonPatchException  # noqa: PLC0415 (as above)
    from jsonpointer import JsonPointerException  # noqa: PLC0415

    try:
        apply_in_place(document, [edit])
    except (JsonPatchException, JsonPointerException, TypeError) as error:
        return str(error)
    return None


def merged(config: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """`config` with the values laid over it."""
    return {**config, **values}
