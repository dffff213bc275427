"""Applying edits behind guards: a `test` of the name of each layer that they touch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit, apply_in_place
from patchspec.graph.entries import entry_name
from patchspec.problems import Pointer


@dataclass(frozen=True, slots=True)
class Applied:
    """Edits with their guards, and the paths of the layers that they touched, nested ones too."""

    edits: tuple[Edit, ...]
    touched: frozenset[str]
    values: tuple[tuple[str, Pointer, Any], ...] = ()
    """What was written where: the path of a layer, a pointer in its entry, and the value."""

    @property
    def flags_only(self) -> bool:
        """Whether nothing but trainable flags is edited, which no shape depends on."""
        return all(e.op == "test" or e.path[-2:] == ("config", "trainable") for e in self.edits)

    @property
    def configs_only(self) -> bool:
        """Whether nothing but what is in the configs of layers is edited, and no name there."""
        return all(e.op == "test" or _is_in_config(e.path) for e in self.edits)


def apply_guarded(document: dict[str, Any], wanted: Sequence[Edit]) -> Applied:
    """Apply the edits, each group behind a `test` of the name of the layer that it touches.

    What would change nothing is left out, so that a patch on its own variant is the identity.
    """
    done: list[Edit] = []
    touched: set[str] = set()
    values: list[tuple[str, Pointer, Any]] = []
    for run in _runs(wanted):
        guards = list(_guards(document, run[0].path))
        touched.update(_paths_at(document, run))
        values += _values_at(document, run)
        made = list(_made(document, run))
        touched.update(_paths_at(document, run))
        if any(edit.op != "test" for edit in made):
            done += [*guards, *made]
    return Applied(tuple(done), frozenset(touched), tuple(values))


def _made(document: dict[str, Any], run: Sequence[Edit]) -> Iterator[Edit]:
    """Apply the edits one by one, without those that put in place what stands there already."""
    for edit in run:
        if not _stands(document, edit):
            apply_in_place(document, [edit])
            yield edit


def _stands(document: Mapping[str, Any], edit: Edit) -> bool:
    if edit.op != "replace":
        return False
    try:
        found = edits.at(document, edit.path)
    except (LookupError, TypeError):
        return False
    numbers = {type(found), type(edit.value)} <= {int, float}
    # The order of a mapping counts: outputs come in it.
    return bool(found == edit.value) and (numbers or json.dumps(found) == json.dumps(edit.value))


def _is_in_config(path: Pointer) -> bool:
    match path:
        case ("config", "layers", _, "config", key, *_):
            return key != "name"
    return False


def _runs(wanted: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Neighbouring edits of one layer; taking a layer away or adding one ends a run."""
    run: list[Edit] = []
    for edit in wanted:
        whole = len(edit.path) >= 2 and edit.path[-2] == "layers"  # noqa: PLR2004
        if run and (whole or _owner(edit.path) != _owner(run[-1].path)):
            yield run
            run = []
        run.append(edit)
        if whole:
            yield run
            run = []
    if run:
        yield run


def _owner(path: Pointer) -> tuple[str | int, ...]:
    """The pointer of the innermost layer entry that the path leads into; empty for none."""
    places = [i for i, part in enumerate(path[:-1]) if part == "layers"]
    return path[: places[-1] + 2] if places else ()


def _guards(document: Mapping[str, Any], path: Pointer) -> Iterator[Edit]:
    for i, part in enumerate(path[:-1]):
        if part != "layers" or path[i + 1] == "-":
            continue
        pointer = path[: i + 2]
        entry = edits.at(document, pointer)
        if "name" in entry:
            yield edits.test((*pointer, "name"), entry["name"])
        else:
            yield edits.test((*pointer, "config", "name"), entry["config"]["name"])


def _values_at(
    document: Mapping[str, Any], run: Sequence[Edit]
) -> Iterator[tuple[str, Pointer, Any]]:
    """What the edits write into entries of layers that are there."""
    for edit in run:
        owner = _owner(edit.path)
        rest = edit.path[len(owner) :]
        if edit.op == "test" or not owner or not rest or owner[-1] == "-":
            continue
        *_, path = _paths_at(document, [edit])
        yield path, rest, None if edit.op == "remove" else edit.value


def _paths_at(document: Mapping[str, Any], run: Sequence[Edit]) -> Iterator[str]:
    """The path of every layer that an edit leads into, the models around it included."""
    for edit in run:
        names: list[str] = []
        place: Any = document
        for i, part in enumerate(edit.path):
            if i and edit.path[i - 1] == "layers" and isinstance(place, list):
                if part == "-":
                    yield "/".join((*names, entry_name(edit.value)))
                    break
                if int(part) >= len(place):
                    break
                names.append(entry_name(place[int(part)]))
                yield "/".join(names)
            try:
                place = edits.at(place, (part,))
            except (LookupError, TypeError):
                break
