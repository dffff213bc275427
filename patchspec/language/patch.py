"""A patch as its author meant it: checked against the schema, not yet against a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from patchspec.language.schema import schema_problems
from patchspec.language.source import Source, read_file, read_text
from patchspec.layers.check import check_arguments, check_layer
from patchspec.operations import operations
from patchspec.operations._operation import Operation
from patchspec.problems import PatchError, Pointer, Problem


@dataclass(frozen=True, slots=True)
class Pin:
    """What a patch says of its base: where it is, and what it must be."""

    path: str | None = None
    weights: str | None = None
    architecture: str | None = None
    state: str | None = None
    keras: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One operation, what the author says of it, and its place in the patch."""

    operation: Operation
    op: str
    at: Pointer
    id: str | None = None
    why: str | None = None
    allow: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What reports call the step: its `id`, else its number and operation."""
        return self.id or f"operations[{self.at[-1]}] {self.op}"


@dataclass(frozen=True, slots=True)
class Patch:
    """The header and the steps in order, and the text they came from."""

    name: str | None
    description: str | None
    base: Pin
    seed: int
    steps: tuple[Step, ...]
    meta: Mapping[str, Any]
    source: Source

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted-key JSON of the parsed file without `meta`."""
        said = {key: value for key, value in self.source.data.items() if key != "meta"}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def parse(patch: str | Path) -> Patch:
    """Read a patch, from a path (`Path`, or text without a line break) or from its YAML text.

    Raises `PatchError` with every problem of the text, or else every problem of the schema and of
    the new layers' classes and arguments, each with its place.
    """
    if isinstance(patch, Path) or "\n" not in patch:
        return parse_source(read_file(patch))
    return parse_source(read_text(patch))


def parse_source(source: Source) -> Patch:
    """The patch that a text says."""
    data = source.data
    problems = schema_problems(data)
    if isinstance(data, Mapping) and isinstance(data.get("operations"), list):
        problems += _layer_problems(data["operations"], problems)
        problems += _same_ids(data["operations"])
    if problems:
        placed = source.place(problems)
        raise PatchError(sorted(placed, key=lambda p: (p.span is None, p.span, p.code)))
    return Patch(
        name=data.get("name"),
        description=data.get("description"),
        base=_pin(data.get("base")),
        seed=data.get("seed", 0),
        steps=tuple(_step(said, i) for i, said in enumerate(data["operations"])),
        meta=MappingProxyType(data.get("meta", {})),
        source=source,
    )


def _pin(said: Any) -> Pin:
    if said is None:
        return Pin()
    return Pin(path=said) if isinstance(said, str) else Pin(**said)


def _step(said: Mapping[str, Any], index: int) -> Step:
    operation = operations()[said["op"]]
    own = {field.name for field in fields(operation)}
    values = {k: tuple(v) if k == "unset" else v for k, v in said.items() if k in own}
    return Step(
        operation=operation(**values),
        op=said["op"],
        at=("operations", index),
        id=said.get("id"),
        why=said.get("why"),
        allow=tuple(said.get("allow", ())),
    )


def _layer_problems(steps: list[Any], found: list[Problem]) -> Iterator[Problem]:
    """What is wrong with the classes and arguments of new layers, where the schema has no word."""
    spoilt = {problem.at[:2] for problem in found}
    for i, step in enumerate(steps):
        at: Pointer = ("operations", i)
        if at in spoilt or "new" not in step:
            continue
        new = step["new"]
        for j, layer in enumerate(new if isinstance(new, list) else [new]):
            here = (*at, "new", j) if isinstance(new, list) else (*at, "new")
            found_here = [
                *check_layer(layer["class"], layer.get("config", {})),
                *check_arguments(layer["class"], layer.get("arguments", {})),
            ]
            for problem in found_here:
                if not _is_placeholder(layer, problem.at):
                    yield replace(problem, at=(*here, *problem.at))


def _is_placeholder(layer: Mapping[str, Any], at: Pointer) -> bool:
    """Whether a placeholder stands where the problem is: its value is not known yet."""
    value: Any = layer
    for part in at:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(value, str) and "$(" in value


def _same_ids(steps: list[Any]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for i, step in enumerate(steps):
        name = step.get("id") if isinstance(step, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            yield Problem(
                code="PS217",
                message=f"two operations have the id `{name}`",
                at=("operations", i, "id"),
                notes=(f"the other is operation {seen[name]}",),
            )
        seen.setdefault(name, i)
