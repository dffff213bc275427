"""New names, names of models, and the placeholders that stand for a match."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.operations._operation import NAME_PATTERN, Target
from patchspec.problems import Pointer, did_you_mean, refuse

_PLACEHOLDER = re.compile(r"\$\(([^)]*)\)")


def fill(value: Any, target: Target, *, at: Pointer = ()) -> Any:
    """`value` with the placeholders of a match filled in, at any depth; a lone one keeps its type.

    `$(target)` is the match's own name, `$(index)` its place among the matches, `$(*)` what the
    one `*` of the name glob stood for, `$(parent)` the nested model it lies in.
    """
    if isinstance(value, dict):
        return {key: fill(item, target, at=(*at, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, target, at=(*at, i)) for i, item in enumerate(value)]
    if not isinstance(value, str) or "$(" not in value:
        return value
    lone = _PLACEHOLDER.fullmatch(value)
    if lone is not None:
        return _meaning(lone[1], target, at)
    return _PLACEHOLDER.sub(lambda found: str(_meaning(found[1], target, at)), value)


def _meaning(name: str, target: Target, at: Pointer) -> Any:
    known: dict[str, Any] = {
        **target.each,
        "target": target.name or None,
        "index": target.index,
        "*": target.star,
        "parent": target.parent or None,
    }
    if name not in known:
        refuse(
            "PS309",
            f"`$({name})` stands for nothing here",
            at=at,
            hint="an operation that acts on matches knows $(target), $(index), $(*), $(parent) and "
            "the names of its `each`",
        )
    meaning = known[name]
    if meaning is None:
        reasons = {
            "target": "the operation has no match",
            "*": "the selector is not a glob with one `*`",
            "parent": f"`{target.path}` lies in no nested model",
        }
        refuse("PS309", f"`$({name})` stands for nothing here: {reasons[name]}", at=at)
    return meaning


def check_model(name: str, models: Collection[str], *, at: Pointer = ()) -> None:
    """Refuse (PS221) a model that is not among those that the patch declares."""
    if name not in models:
        refuse(
            "PS221",
            f"no model is called `{name}`",
            at=at,
            hint=did_you_mean(name, models) or f"declare it: `models: {{{name}: path}}`",
        )


def new_name(name: str, target: Target, graph: Graph, *, at: Pointer = ()) -> str:
    """The name filled in for this match; refused where it is taken or not one Keras can keep."""
    filled = str(fill(name, target, at=at))
    if not re.fullmatch(NAME_PATTERN, filled):
        refuse(
            "PS307",
            f"`{filled}` cannot be the name of a layer",
            at=at,
            hint="a name is a letter or `_`, then up to 127 letters, digits, `_`, `.`, `-`",
        )
    if filled in graph.layers:
        several = target.index > 0 and "$(" not in name
        refuse(
            "PS306",
            f"a layer called `{filled}` is there already",
            at=at,
            notes=[f"it is a {graph.layers[filled].class_name}"],
            hint="with several matches the name must hold `$(target)` or `$(index)`"
            if several
            else "choose another name",
        )
    return filled
