"""Edits of a Sequential: the lens wires its list of layers, the document does not.

Operations see a Sequential wired as a functional model is. What they edit in that form becomes
edits of the list that stands in the document, as long as the layers are still a chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit, apply_in_place, plain
from patchspec.graph.entries import entry_name
from patchspec.graph.sequential import chained, is_sequential_config, list_edits, wired
from patchspec.problems import Pointer


class BranchError(Exception):
    """A Sequential is patched into something that is no chain; `path` is that of the model."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


def in_lists(document: Mapping[str, Any], wanted: Sequence[Edit]) -> Iterator[Edit]:
    """The edits as the document can take them; raises `BranchError` where a chain is broken.

    Edits of one Sequential that follow one another are taken together: a chain may be broken in
    between.
    """
    waiting: list[Edit] = []
    at: Pointer | None = None
    for edit in wanted:
        model = _sequential_around(document, edit.path)
        if model != at and waiting and at is not None:
            yield from _of_list(document, waiting, at)
            waiting = []
        at = model
        if model is None:
            yield edit
        else:
            waiting.append(edit)
    if waiting and at is not None:
        yield from _of_list(document, waiting, at)


def _sequential_around(document: Mapping[str, Any], path: Pointer) -> Pointer | None:
    """The pointer of the config of the innermost Sequential that the path leads into, if any.

    Only what the model itself holds counts: a change deep inside one of its layers reads the same
    in either form.
    """
    found: Pointer | None = None
    place: Any = document
    for i, part in enumerate(path):
        listed = part == "config" and _is_model(place) and is_sequential_config(place["config"])
        if listed and _is_wiring(path[i + 1 :]):
            found = path[: i + 1]
        try:
            place = edits.at(place, (part,))
        except (LookupError, TypeError):
            break
    return found


def _is_model(entry: Any) -> bool:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    return isinstance(config, Mapping) and isinstance(config.get("layers"), list)


def _is_wiring(rest: Pointer) -> bool:
    """Whether an edit inside a model's config is of its list of layers or of what wires them."""
    match rest:
        case ("layers", _) | ("layers", _, "name" | "inbound_nodes", *_):
            return True
        case ("layers", _, "config", "name"):
            return True
        case ("input_layers" | "output_layers", *_):
            return True
    return False


def _of_list(document: Mapping[str, Any], wanted: Sequence[Edit], at: Pointer) -> Iterator[Edit]:
    config = edits.at(document, at)
    view = plain(wired(config))
    apply_in_place(view, [replace(edit, path=edit.path[len(at) :]) for edit in wanted])
    chain = chained(view)
    if chain is None:
        raise BranchError(_path(document, at))
    yield from list_edits(config["layers"], chain, (*at, "layers"))


def _path(document: Mapping[str, Any], at: Pointer) -> str:
    names = []
    place: Any = document
    for i, part in enumerate(at):
        place = place[part]
        if i and at[i - 1] == "layers":
            names.append(entry_name(place))
    return "/".join(names)
