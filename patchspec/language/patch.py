"""A patch as its author meant it: checked against the schema, not yet against a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from patchspec.language.schema import schema_problems
from patchspec.language.settings import filled, setting_values, unknown_placeholders
from patchspec.language.source import Source, read_file, read_text
from patchspec.layers.check import check_arguments, check_layer
from patchspec.operations import operations
from patchspec.operations._operation import Operation, key_of
from patchspec.problems import PatchError, Pointer, Problem, did_you_mean, refuse, some


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
    """Those that `if` does not leave out."""
    meta: Mapping[str, Any]
    source: Source
    models: Mapping[str, Pin] = field(default_factory=dict)
    """The other models that values may come from, by name."""
    compile: Any = None
    """`keep`, `drop`, or what to put in the place of what the base was compiled with."""
    expect: Mapping[str, Any] = field(default_factory=dict)
    """What must hold of the variant, as it is written."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The value of every setting that the patch declares."""
    extends: tuple[Patch, ...] = ()
    """The patches that come before it, because it says so."""

    @property
    def sequence(self) -> tuple[Patch, ...]:
        """The patches in the order in which they are resolved: those extended, then this one."""
        return (*(p for patch in self.extends for p in patch.sequence), self)

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted-key JSON of the parsed file without `meta`, then of `extends`."""
        said = {key: value for key, value in self.source.data.items() if key != "meta"}
        if self.extends:
            said["extends"] = [patch.digest for patch in self.extends]
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def parse(patch: str | Path, settings: Mapping[str, Any] | None = None) -> Patch:
    """Read a patch, from a path (`Path`, or text without a line break) or from its YAML text.

    `settings` gives or overrides values of the settings that it declares. Raises `PatchError` with
    every problem of the text, or else every problem of the schema and of the new layers' classes
    and arguments, each with its place.
    """
    [parsed] = read_patches([patch], settings or {})
    return parsed


def read_patches(
    said: Sequence[Patch | str | Path], settings: Mapping[str, Any]
) -> tuple[Patch, ...]:
    """Patches as they are, or read from files and texts; every problem of all of them at once.

    Each gets the values of the settings that it declares; PS218 for a value that none wants.
    """
    patches: list[Patch] = []
    problems: list[Problem] = []
    for one in said:
        try:
            patches.append(one if isinstance(one, Patch) else _read(one, settings))
        except PatchError as error:
            problems += error.problems
    if problems:
        raise PatchError(problems)
    check_settings(patches, settings)
    return tuple(patches)


def _read(patch: str | Path, settings: Mapping[str, Any]) -> Patch:
    own_file = isinstance(patch, Path) or "\n" not in patch
    return parse_source(read_file(patch) if own_file else read_text(str(patch)), settings)


def check_settings(patches: Sequence[Patch], given: Mapping[str, Any]) -> None:
    """Refuse (PS218) a value for a setting that none of the patches declares."""
    declared = {name for patch in patches for p in patch.sequence for name in p.settings}
    for name in given:
        if name not in declared:
            refuse(
                "PS218",
                f"no patch declares a setting `{name}`",
                hint=did_you_mean(name, declared)
                or (f"the settings are {some(sorted(declared))}" if declared else None),
            )


def parse_source(
    source: Source, given: Mapping[str, Any] | None = None, *, alone: bool = False
) -> Patch:
    """The patch that a text says, with these values for its settings.

    With `alone` what it extends is left out: somebody else brings it.
    """
    said = source.data
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    data = said
    if isinstance(said, Mapping):
        declared = said.get("settings")
        declared = declared if isinstance(declared, Mapping) else {}
        values, problems = setting_values(declared, given or {})
        # A value that does not fit is said once, not again wherever it would stand.
        faulty = {problem.at[1] for problem in problems if len(problem.at) > 1}
        data = filled(said, {n: value for n, value in values.items() if n not in faulty})
        problems += unknown_placeholders(said, declared)
    unknown = {problem.at for problem in problems}
    problems += [problem for problem in schema_problems(data) if problem.at not in unknown]
    if isinstance(data, Mapping) and isinstance(data.get("operations"), list):
        problems += _layer_problems(data["operations"], problems)
        problems += _same_ids(data["operations"])
    if problems:
        placed = source.place(problems)
        raise PatchError(sorted(placed, key=lambda p: (p.span is None, p.span, p.code)))
    extended = () if alone else _extended(source, data.get("extends", []), given or {})
    return Patch(
        name=data.get("name"),
        description=data.get("description"),
        base=_pin(data.get("base")),
        seed=data.get("seed", 0),
        steps=tuple(
            _step(said, i)
            for i, said in enumerate(data["operations"])
            if said.get("if", True) is True
        ),
        meta=MappingProxyType(data.get("meta", {})),
        source=source,
        models=MappingProxyType({n: _pin(one) for n, one in data.get("models", {}).items()}),
        compile=data.get("compile"),
        expect=MappingProxyType(data.get("expect", {})),
        settings=MappingProxyType(values),
        extends=extended,
    )


MAX_EXTENDED = 16
"""How many files a patch may stand on, one on the other."""


def _extended(source: Source, paths: Sequence[str], given: Mapping[str, Any]) -> tuple[Patch, ...]:
    """The patches that a text extends, read from beside it; PS219 for a circle of them."""
    chain = (*source.chain, source.file) if source.file else source.chain
    folder = Path(source.file).parent if source.file else Path()
    found = []
    for i, path in enumerate(paths):
        file = str(folder / path)
        try:
            if len(chain) >= MAX_EXTENDED or any(_same_file(file, other) for other in chain):
                refuse("PS219", f"`{path}` leads in a circle, or too deep: {some(chain)}")
            read = replace(read_file(file), chain=chain)
            found.append(parse_source(read, given))
        except PatchError as error:
            at = ("extends", i)
            mine = [p for p in error.problems if p.file is None]
            rest = [p for p in error.problems if p.file is not None]
            placed = source.place(replace(p, at=at) for p in mine)
            raise PatchError([*placed, *rest]) from None
    return tuple(found)


def _same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _pin(said: Any) -> Pin:
    if said is None:
        return Pin()
    return Pin(path=said) if isinstance(said, str) else Pin(**said)


def _step(said: Mapping[str, Any], index: int) -> Step:
    operation = operations()[said["op"]]
    own = {key_of(field.name): field.name for field in fields(operation)}
    values = {own[k]: tuple(v) if k == "unset" else v for k, v in said.items() if k in own}
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
            found_here = list(_new_layer_problems(layer))
            for problem in found_here:
                if not _is_placeholder(layer, problem.at):
                    yield replace(problem, at=(*here, *problem.at))


def _new_layer_problems(layer: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with one new layer; what `like` stands for, only a model can say."""
    if "layer" in layer:
        for key in ("class", "like", "name", "config", "weights"):
            if key in layer:
                yield Problem(
                    code="PS216",
                    message=f"`{key}` does not go with `layer`, which calls a layer that is there",
                    at=(key,),
                    on="key",
                )
    elif "class" not in layer and "like" not in layer:
        yield Problem(
            code="PS202",
            message="the key `class` is missing",
            hint="or say `like: layer` for another layer like it, `layer: name` for one more call",
        )
    elif "class" in layer:
        config = layer.get("config", {})
        yield from check_layer(layer["class"], config, partial="like" in layer)
        yield from check_arguments(layer["class"], layer.get("arguments", {}))


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
