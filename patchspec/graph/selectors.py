"""Selectors: how a patch names layers.

A selector matches whole names, in Keras's graph order. Nothing matched is always an error, and so
is an entry of a list that matches nothing: a typo must not pass in silence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.problems import Pointer, did_you_mean, nearest, refuse, some, within

CONDITIONS = ("name", "class", "where", "not", "count")

_NAMES = {"type": ["string", "array"], "minLength": 1, "items": {"type": "string", "minLength": 1}}

SELECTOR_SCHEMA: Mapping[str, Any] = {
    "type": ["string", "array", "object"],
    "minLength": 1,
    "minItems": 1,
    "description": (
        'Layers that exist: a name, a path (`encoder/ln_1`), a glob (`"block7*"`, `"**"`), a '
        "list of them, or conditions that must all hold."
    ),
    "items": {"$ref": "#/definitions/selector"},
    "properties": {
        "name": {**_NAMES, "description": "A name or a glob, or a list of them."},
        "class": {**_NAMES, "description": "A class, or a list of them: Conv2D, package>Name."},
        "where": {
            "type": "object",
            "minProperties": 1,
            "description": "Keys of the layer's config and the values they must have.",
        },
        "not": {"$ref": "#/definitions/selector"},
        "count": {
            "type": ["integer", "array"],
            "minimum": 0,
            "minItems": 2,
            "maxItems": 2,
            "items": {"type": ["integer", "null"], "minimum": 0},
            "description": "How many layers must match: 49, or [1, 3], or [0, null].",
        },
    },
    "minProperties": 1,
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Match:
    """A layer that a selector matched, and what the one `*` of a glob stood for."""

    layer: Layer
    star: str | None = None


def select(said: Any, graph: Graph, *, at: Pointer = ()) -> tuple[Match, ...]:
    """The layers that the selector `said` means, in graph order, each once.

    Refuses, with the nearest names, a selector or an entry of one that matches nothing (PS301 for
    a plain name, PS303 otherwise) and a wrong `count` (PS302).
    """
    with within(*at):
        found = _select(said, graph)
    order = {path: i for i, path in enumerate(graph.by_path)}
    return tuple(sorted(found, key=lambda match: _rank(match.layer, order)))


def _rank(layer: Layer, order: Mapping[str, int]) -> int:
    """The place of a layer in graph order; what lies inside a wrapper has that of the wrapper."""
    path = layer.path
    while path not in order:
        path = path.rpartition("/")[0]
    return order[path]


def _select(said: Any, graph: Graph) -> list[Match]:
    if isinstance(said, str):
        return _by_name(said, graph)
    if isinstance(said, Mapping):
        return _by_conditions(said, graph)
    union: dict[str, Match] = {}
    for i, entry in enumerate(said):
        with within(i):
            for match in _select(entry, graph):
                union.setdefault(match.layer.path, match)
    return list(union.values())


def _by_name(said: str, graph: Graph) -> list[Match]:
    if said == "$input" or said.startswith("$input:"):
        return [Match(_input_layer(said, graph))]
    if said.startswith("$"):
        refuse("PS310", f"`{said}` does not name a layer", hint="of these only `$input` does")
    if "*" not in said:
        return [Match(graph.layer(said))]
    found = [m for layer in graph.walk() if not layer.is_operation for m in _glob(said, layer)]
    if not found:
        names = [layer.path for layer in graph.walk()]
        near = nearest(said.replace("*", ""), names)
        refuse(
            "PS303",
            f"`{said}` matches no layer",
            notes=[f"the nearest names are {some(near)}"] if near else (),
            hint="a glob matches whole names; `*` stays within one level, `**` goes into nested "
            "models",
        )
    return found


def _glob(pattern: str, layer: Layer) -> list[Match]:
    form = _compiled(pattern).match(layer.path)
    if form is None:
        return []
    return [Match(layer, form.group(1) if form.re.groups == 1 else None)]


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    """The glob as an expression: one group where the glob has one star."""
    parts = re.split(r"(\*\*/|\*\*|\*)", pattern)
    stars = sum(part.startswith("*") for part in parts)
    expressions = {"*": "[^/]*", "**": ".*", "**/": "(?:.*/)?"}
    text = ""
    for part in parts:
        if part not in expressions:
            text += re.escape(part)
        elif stars == 1:
            text += "((?:.*/)?)" if part == "**/" else f"({expressions[part]})"
        else:
            text += expressions[part]
    return re.compile(text + r"\Z")


def _input_layer(said: str, graph: Graph) -> Layer:
    names = end_names(graph.inputs)
    _, colon, which = said.partition(":")
    if not colon and len(names) == 1:
        place = 0
    elif which in names:
        place = names.index(which)
    elif which.isdigit() and int(which) < len(names):
        place = int(which)
    else:
        problem = (
            f"the model has {len(names)} inputs; say which"
            if not colon
            else f"no input of the model is called `{which}`"
        )
        hint = did_you_mean(which, names) if which else None
        refuse("PS304" if not colon else "PS305", problem, hint=hint or f"they are {some(names)}")
    return graph.layers[graph.inputs[place].tensor.layer]


def _by_conditions(said: Mapping[str, Any], graph: Graph) -> list[Match]:
    found = _candidates(said, graph)
    for condition in ("class", "where", "not"):
        if condition not in said:
            continue
        with within(condition):
            kept = _holding(condition, said[condition], found, graph)
        if not kept and found and not _may_be_none(said):
            _explain_none(said, condition, found)
        found = kept
    _check_count(said, found)
    return found


def _candidates(said: Mapping[str, Any], graph: Graph) -> list[Match]:
    if "name" in said:
        names = [said["name"]] if isinstance(said["name"], str) else said["name"]
        with within("name"):
            return _select(list(names) if len(names) > 1 else names[0], graph)
    by_class = "class" in said
    return [Match(layer) for layer in graph.walk() if by_class or not layer.is_operation]


def _holding(condition: str, value: Any, found: Sequence[Match], graph: Graph) -> list[Match]:
    if condition == "not":
        left_out = {match.layer.path for match in _select(value, graph)}
        return [match for match in found if match.layer.path not in left_out]
    if condition == "class":
        wanted = {value} if isinstance(value, str) else set(value)
        return [match for match in found if wanted & set(match.layer.class_names)]
    return [match for match in found if not _unequal(match.layer.config, value)]


def _unequal(config: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    return [
        key for key, value in wanted.items() if key not in config or not _same(config[key], value)
    ]


def _same(found: Any, wanted: Any) -> bool:
    """Equal as JSON is equal: `true` is not 1, but 6 is 6.0; a dtype policy goes by its name."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, Mapping) and isinstance(wanted, str):
        inner = found.get("config")
        name = inner.get("name") if isinstance(inner, Mapping) else None
        return wanted in (name, found.get("class_name"))
    return bool(found == wanted)


def _may_be_none(said: Mapping[str, Any]) -> bool:
    count = said.get("count")
    return count == 0 or (isinstance(count, Sequence) and not count[0])


def _explain_none(said: Mapping[str, Any], condition: str, found: Sequence[Match]) -> None:
    """Refuse: these matched until `condition`, which none of them meets."""
    names = some(match.layer.path for match in found)
    value = said[condition]
    hint = None
    if condition == "class":
        classes = {name for match in found for name in match.layer.class_names}
        wanted = [value] if isinstance(value, str) else value
        message = f"no layer is of class {' or '.join(f'`{name}`' for name in wanted)}"
        hint = did_you_mean(wanted[0], classes) or f"the classes are {some(sorted(classes))}"
        notes = [] if "name" not in said else [f"`name` alone matches {names}"]
    elif condition == "where":
        closest = min(found, key=lambda match: len(_unequal(match.layer.config, value))).layer
        key = _unequal(closest.config, value)[0]
        has = f"is {json.dumps(closest.config[key])}" if key in closest.config else "is not there"
        message = f"no layer has the config that `where` asks for (of {len(found)} looked at)"
        notes = [f"closest is `{closest.path}`, where `{key}` {has}, not {json.dumps(value[key])}"]
        if key not in closest.config:
            hint = did_you_mean(key, closest.config)
    else:
        message, notes = "`not` leaves out every layer that the rest matches", [f"these: {names}"]
    refuse("PS303", message, at=(condition,), notes=notes, hint=hint)


def _check_count(said: Mapping[str, Any], found: Sequence[Match]) -> None:
    number = len(found)
    count = said.get("count")
    if count is None:
        if not found:
            refuse("PS303", "the selector matches no layer")
        return
    low, high = (count, count) if isinstance(count, int) else count
    if number < (low or 0) or (high is not None and number > high):
        wanted = str(low) if low == high else f"{low or 0} to {high or 'any number'}"
        refuse(
            "PS302",
            f"the selector matches {layers(number)}, `count` says {wanted}",
            at=("count",),
            notes=[f"matched: {some(match.layer.path for match in found)}"] if found else (),
        )


def layers(number: int) -> str:
    """A count of layers, for reading."""
    return f"{number} layer" if number == 1 else f"{number} layers"


def paths(matches: Iterable[Match]) -> tuple[str, ...]:
    """What was matched, by path."""
    return tuple(match.layer.path for match in matches)
