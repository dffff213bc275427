"""Selectors: how a patch names layers.

A selector matches whole names, in Keras's graph order. Nothing matched is always an error, and so
is an entry of a list that matches nothing: a typo must not pass in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from patchspec.graph.conditions import CONDITIONS as TESTED
from patchspec.graph.conditions import MAX_EXPRESSION, Condition
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.problems import Pointer, did_you_mean, nearest, refuse, some, within

PICKING = ("nth", "first", "last")
CONDITIONS = ("name", *TESTED, "run", *PICKING, "count")
"""Every key of a selector."""

_NAMES = {"type": ["string", "array"], "minLength": 1, "items": {"type": "string", "minLength": 1}}
_SELECTOR = {"$ref": "#/definitions/selector"}
_MANY = {"type": "integer", "minimum": 1}

SELECTOR_SCHEMA: Mapping[str, Any] = {
    "type": ["string", "array", "object"],
    "minLength": 1,
    "minItems": 1,
    "description": (
        'Layers that exist: a name, a path (`encoder/ln_1`), a glob (`"block7*"`, `"**"`), a '
        "list of them, or conditions that must all hold."
    ),
    "items": _SELECTOR,
    "properties": {
        "name": {**_NAMES, "description": "A name or a glob, or a list of them."},
        "regex": {
            "type": "string",
            "minLength": 1,
            "maxLength": MAX_EXPRESSION,
            "description": "An expression that matches the whole path.",
        },
        "class": {**_NAMES, "description": "A class, or a list of them: Conv2D, package>Name."},
        "where": {
            "type": "object",
            "minProperties": 1,
            "description": "Keys of the layer's config and the values they must have.",
        },
        "has": {
            "type": "string",
            "minLength": 1,
            "description": "A key that the layer's config holds, with any value.",
        },
        "after": {**_SELECTOR, "description": "Layers of which one is depended on."},
        "before": {**_SELECTOR, "description": "Layers of which one depends on it."},
        "reads": {**_SELECTOR, "description": "Layers of which one is read directly."},
        "trainable": {"type": "boolean", "description": "Whether it trains."},
        "output_shape": {
            "type": "array",
            "items": {"type": ["integer", "null"]},
            "description": "The shape of a tensor that it makes, batch included; null is open.",
        },
        "run": {
            "type": "array",
            "items": _SELECTOR,
            "minItems": 2,
            "description": "Adjacent layers, taken as one target.",
        },
        "nth": {
            "type": ["integer", "array"],
            "items": {"type": "integer"},
            "minItems": 1,
            "description": "Which of what is left, from 0; from the end where negative.",
        },
        "first": {**_MANY, "description": "So many from the beginning of what is left."},
        "last": {**_MANY, "description": "So many from the end of what is left."},
        "not": {**_SELECTOR, "description": "Layers that are left out."},
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
    run: tuple[Layer, ...] = ()
    """The layers of a run, of which `layer` is the first; empty for a lone layer."""


def select(said: Any, graph: Graph, *, at: Pointer = ()) -> tuple[Match, ...]:
    """The layers that the selector `said` means, in graph order, each once.

    Refuses, with the nearest names, a selector or an entry of one that matches nothing (PS301 for
    a plain name, PS303 otherwise) and a wrong `count` (PS302).
    """
    with within(*at):
        found = [single for match in _select(said, graph) for single in _singly(match)]
    return tuple(_in_order(found, graph))


def select_runs(said: Any, graph: Graph, *, at: Pointer = ()) -> tuple[Match, ...]:
    """As `select`, with each run of a `run` as one match."""
    with within(*at):
        found = _select(said, graph)
    return tuple(_in_order(found, graph))


def _singly(match: Match) -> Iterable[Match]:
    """The layers of a run one by one: most operations act on each of them."""
    return [Match(layer) for layer in match.run] or [match]


def _in_order(found: list[Match], graph: Graph) -> list[Match]:
    if len(found) < 2:  # noqa: PLR2004 (nothing to sort, so the order need not be known)
        return found
    order = {path: i for i, path in enumerate(graph.by_path)}
    return sorted(found, key=lambda match: _rank(match.layer, order))


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
        around = graph.by_path.get(said.partition("*")[0].rstrip("/"))
        held = [] if around is None else [f"{around.path}/{name}" for name in around.wrapped]
        refuse(
            "PS303",
            f"`{said}` matches no layer",
            notes=[f"the nearest names are {some(near)}"] if near and not held else (),
            hint=f"what a wrapper holds is named whole: {some(held)}"
            if held
            else "a glob matches whole names; `*` stays within one level, `**` goes into nested "
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
    found = _runs(said["run"], graph) if "run" in said else _candidates(said, graph)
    if "name" in said and "run" in said:
        named = {match.layer.path for match in _named(said["name"], graph)}
        found = [match for match in found if match.layer.path in named]
    conditions = {key: _condition(key, said[key], graph) for key in TESTED if key in said}
    kept = [m for m in found if all(holds(m.layer) is None for holds in conditions.values())]
    if not kept and found and not _may_be_none(said):
        _explain_none(found, conditions)
    kept = _picked(said, _in_order(kept, graph))
    _check_count(said, kept)
    return kept


def _condition(key: str, value: Any, graph: Graph) -> Condition:
    def selected(selector: Any) -> set[str]:
        return {match.layer.path for match in _select(selector, graph)}

    with within(key):
        return TESTED[key](value, graph, selected)


def _candidates(said: Mapping[str, Any], graph: Graph) -> list[Match]:
    if "name" in said:
        return _named(said["name"], graph)
    by_class = "class" in said
    return [Match(layer) for layer in graph.walk() if by_class or not layer.is_operation]


def _named(said: Any, graph: Graph) -> list[Match]:
    names = [said] if isinstance(said, str) else said
    with within("name"):
        return _select(list(names) if len(names) > 1 else names[0], graph)


def _runs(said: Sequence[Any], graph: Graph) -> list[Match]:
    """Runs of adjacent layers, none of them in two; PS313 for one that is read from outside."""
    sets: list[set[str]] = []
    for i, entry in enumerate(said):
        with within("run", i):
            sets.append({match.layer.path for match in _select(entry, graph)})
    taken: set[str] = set()
    found: list[Match] = []
    for layer in graph.walk():
        run = [layer] if layer.path in sets[0] and layer.path not in taken else []
        for following in sets[1:]:
            run = _extended(run, following, graph)
        if run and not taken & {one.path for one in run}:
            taken |= {one.path for one in run}
            found.append(Match(layer, None, tuple(run)))
    if not found:
        refuse(
            "PS303",
            "no layers follow one another as `run` says",
            at=("run",),
            notes=[f"{len(s)} layers match entry {i}" for i, s in enumerate(sets)],
        )
    return found


def _extended(run: list[Layer], following: set[str], graph: Graph) -> list[Layer]:
    """The run with the layer that follows its last; empty where none does."""
    if not run:
        return []
    last = run[-1]
    home = graph.home(last.path)
    slots = [slot for tensor in home.made_by(last) for slot in home.reading(tensor)]
    readers = {home.reader(slot).path for slot in slots if not slot.is_output}
    next_ones = readers & following
    if len(next_ones) != 1:
        return []
    others = sorted(readers - next_ones) + ["an output of the model"] * any(
        slot.is_output for slot in slots
    )
    if others or len(last.calls) > 1:
        refuse(
            "PS313",
            f"`{last.path}` lies inside the run that begins with `{run[0].path}`, and is read from "
            f"outside it: {some(others) or 'it is called several times'}",
            at=("run",),
            hint=f"leave the run out: `not: {run[0].path}`",
        )
    return [*run, graph.layer(next(iter(next_ones)))]


def _picked(said: Mapping[str, Any], found: list[Match]) -> list[Match]:
    """Those that `nth`, `first` and `last` pick, in graph order."""
    if "nth" in said:
        wanted = [said["nth"]] if isinstance(said["nth"], int) else list(said["nth"])
        beyond = [n for n in wanted if not -len(found) <= n < len(found)]
        if beyond and not _may_be_none(said):
            refuse(
                "PS303",
                f"`nth` says {beyond[0]}, but {layers(len(found))} are left",
                at=("nth",),
                notes=[f"these: {some(match.layer.path for match in found)}"],
                hint="places count from 0",
            )
        places = {n % len(found) for n in wanted if n not in beyond}
        found = [match for i, match in enumerate(found) if i in places]
    for key in ("first", "last"):
        if key in said:
            if said[key] > len(found) and not _may_be_none(said):
                refuse(
                    "PS303",
                    f"`{key}` says {said[key]}, but {layers(len(found))} are left",
                    at=(key,),
                    notes=[f"these: {some(match.layer.path for match in found)}"],
                )
            found = found[: said[key]] if key == "first" else found[-said[key] :]
    return found


def _may_be_none(said: Mapping[str, Any]) -> bool:
    count = said.get("count")
    return count == 0 or (isinstance(count, Sequence) and not count[0])


def _explain_none(found: Sequence[Match], conditions: Mapping[str, Condition]) -> None:
    """Refuse: none of these holds; say of the one that comes closest which condition it fails."""

    def failing(match: Match) -> list[tuple[str, str]]:
        reasons = ((key, holds(match.layer)) for key, holds in conditions.items())
        return [(key, reason) for key, reason in reasons if reason is not None]

    closest = min(found, key=lambda match: len(failing(match)))
    key, reason = failing(closest)[0]
    names = some(match.layer.path for match in found)
    wanted = "`not` leaves out every layer that the rest matches"
    if key == "class":
        wanted = f"no layer is of the class wanted (of {len(found)} looked at)"
    elif key != "not":
        wanted = f"no layer meets all the conditions (of {len(found)} looked at)"
    notes = [f"closest is `{closest.layer.path}`, but {reason}"]
    if len(failing(closest)) > 1:
        notes.append(f"it also fails {', '.join(f'`{k}`' for k, _ in failing(closest)[1:])}")
    if key == "not":
        notes = [f"these: {names}"]
    refuse("PS303", wanted, at=(key,), notes=notes, hint=_hint(key, found, conditions))


def _hint(key: str, found: Sequence[Match], conditions: Mapping[str, Condition]) -> str | None:
    """The classes that there are, where a class is what fails."""
    if key != "class":
        return None
    held = [m for m in found if all(h(m.layer) is None for k, h in conditions.items() if k != key)]
    classes = sorted({match.layer.class_name for match in held or found})
    return f"the classes are {some(classes)}"


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
