"""What `weights` says: a pipeline of rules for each variable, read, and worked out on shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from patchspec.problems import Pointer, within
from patchspec.weights.rules import is_rule, read_rule
from patchspec.weights.rules._rule import Change, Fresh, Rule, Shape, Source, Wanted

OTHERS = "*"
"""The key that stands for all variables that are not named."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule of a pipeline, as it is written and where."""

    rule: Rule
    text: str
    at: Pointer

    @property
    def starts(self) -> bool:
        """Whether it says where a value comes from, so that what stands before counts no more."""
        return isinstance(self.rule, (Source, Fresh))


Pipeline = tuple[Ruling, ...]
"""Rules in order. Where none of them starts a value, it is the one that is there."""
Rulings = Mapping[str, Pipeline]
"""A pipeline by the name of the variable; `*` for the others."""


def read_weights(said: Any, at: Pointer) -> Rulings:
    """The pipelines that `weights` says: one for all variables, or one for each by name."""
    if said is None:
        return {}
    if is_rule(said) or isinstance(said, Sequence):
        return {OTHERS: _pipeline(said, at)}
    return {name: _pipeline(one, (*at, name)) for name, one in said.items()}


def _pipeline(said: Any, at: Pointer) -> Pipeline:
    if not isinstance(said, list):
        return (_ruling(said, at),)
    return tuple(_ruling(one, (*at, i)) for i, one in enumerate(said))


def _ruling(said: Any, at: Pointer) -> Ruling:
    if isinstance(said, str):
        return Ruling(read_rule(said), said, at)
    [(name, argument)] = said.items()
    return Ruling(read_rule(said), f"{name} {_flow(argument)}", (*at, name))


def _flow(value: Any) -> str:
    """A value in one line, as YAML has it between brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return str(value)


def pipeline_for(rulings: Rulings, *labels: str) -> Pipeline:
    """What is said of a variable under one of its names, else of all others."""
    key = next((label for label in (*labels, OTHERS) if label in rulings), None)
    return () if key is None else rulings[key]


def joined(*pipelines: Pipeline) -> Pipeline:
    """One pipeline after the other, from the last rule on that starts a value."""
    whole = tuple(ruling for pipeline in pipelines for ruling in pipeline)
    starts = [i for i, ruling in enumerate(whole) if ruling.starts]
    return whole[starts[-1] :] if starts else whole


def changes(pipeline: Pipeline) -> Iterator[tuple[Ruling, Change]]:
    """The rules that make one value of another."""
    for ruling in pipeline:
        if isinstance(ruling.rule, Change):
            yield ruling, ruling.rule


def start_shape(pipeline: Pipeline, wanted: Shape) -> Wanted:
    """The shape that the value should have at the start so that the wanted one comes out."""
    hoped: Wanted = wanted
    for _, change in reversed(list(changes(pipeline))):
        hoped = change.before(hoped)
    return hoped


def shapes_along(pipeline: Pipeline, given: Shape, wanted: Shape) -> tuple[Shape, ...]:
    """The shape after each change; PS509, at the rule, where one does not apply."""
    found = list(changes(pipeline))
    hopes: list[Wanted] = [wanted]
    for _, change in reversed(found[1:]):
        hopes.insert(0, change.before(hopes[0]))
    along = [given]
    for (ruling, change), hope in zip(found, hopes, strict=False):
        with within(*ruling.at):
            along.append(change.after(along[-1], hope))
    return tuple(along[1:])


def text_of(pipeline: Pipeline) -> str:
    """The rules for reading, without a `keep` that goes without saying."""
    told = pipeline[1:] if len(pipeline) > 1 and pipeline[0].text == "keep" else pipeline
    return " | ".join(ruling.text for ruling in told)


def moved(rulings: Rulings, at: Pointer) -> Rulings:
    """The same pipelines, their places under `at`."""
    return {
        name: tuple(replace(ruling, at=(*at, *ruling.at)) for ruling in pipeline)
        for name, pipeline in rulings.items()
    }


def fitting(old: Shape, new: Shape) -> tuple[str, ...]:
    """Rules that bring one shape to the other, as an author would write them; `init` always."""
    found: list[str] = []
    if len(old) == len(new):
        found += _axis_by_axis(old, new)
    if sorted(old) == sorted(new) and len(old) == len(new):
        found.append("{transpose: [...]}")
    elif prod(old) == prod(new):
        found.append(f"{{reshape: {list(new)}}}")
    return (*found, "init")


def _axis_by_axis(old: Shape, new: Shape) -> Iterator[str]:
    differing = [axis for axis, (n, m) in enumerate(zip(old, new, strict=True)) if n != m]
    said = [_for_axis(axis - len(old), old[axis], new[axis]) for axis in differing]
    if len(said) == 1:
        yield from said[0]
    elif said:
        yield f"[{', '.join(one[0] for one in said)}]"


def _for_axis(axis: int, old: int, new: int) -> list[str]:
    if new > old:
        return [f"{{pad: {{axis: {axis}, with: {filler}}}}}" for filler in ("zeros", "mean")]
    if new == 1:
        return [f"{{sum: {axis}}}", f"{{mean: {axis}}}"]
    return [f"{{take: {{axis: {axis}, indices: [...]}}}}"]
