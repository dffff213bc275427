"""The weight plan: one move for every variable of the variant, and an end for every one dropped.

It reads the origins that the fold carried, never names: a renamed layer keeps its variables, a new
layer of an old name does not get them unless its author says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from patchspec.graph.entries import inner_configs
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Spec, Tensor
from patchspec.models.base import Base, Variable
from patchspec.planning.fold import Folded, NewLayer
from patchspec.planning.plan import Move, Place
from patchspec.planning.shapes import Inferrer, Shapes, VariableSpec, with_specs
from patchspec.problems import PatchError, Problem

BASE = "base"


@dataclass(frozen=True, slots=True)
class Fault:
    """A variable without a home; in which layer of the variant and by which step, where known."""

    problem: Problem
    layer: str | None = None
    place: Place | None = None


class UnaccountedError(Exception):
    """Variables without a home."""

    def __init__(self, found: Iterable[Fault]) -> None:
        self.found = tuple(found)
        super().__init__(self.found)


@dataclass(frozen=True)
class Known:
    """What is known of the variables of both models."""

    base: Base
    shapes: Shapes
    inferrer: Inferrer | None
    named: dict[Any, tuple[VariableSpec, ...] | None] = field(default_factory=dict)
    """The variables of one layer for all that are alike, names and flags included."""

    def of_base(self, path: str) -> tuple[VariableSpec, ...] | None:
        """The variables of a layer of the base; none where nothing says.

        What a file stores has no names: they are asked of one layer for all that are alike.
        """
        layer = self.base.graph.by_path[path]
        stored = _stored(self.base, path)
        specs = self.shapes.base_specs[layer.home]
        if stored is None:
            return self.built(layer, specs)
        if not stored or all(spec.name for spec in stored):
            return stored
        alike = (layer.class_names, tuple(spec.inner for spec in stored), _own_name(layer))
        if alike not in self.named:
            self.named[alike] = self.built(layer, specs)
        named = self.named[alike]
        if named is None or {v.inner for v in named} != {v.inner for v in stored}:
            return stored
        by_path = {spec.inner: spec for spec in named}
        return tuple(
            replace(by_path[spec.inner], shape=spec.shape, dtype=spec.dtype) for spec in stored
        )

    def built(self, layer: Layer, specs: Mapping[Tensor, Spec]) -> tuple[VariableSpec, ...] | None:
        """The variables of a layer when Keras builds it on these shapes; none where it cannot."""
        if self.inferrer is None:
            return None
        data = layer.calls[0].data
        specs = {**_specs_of_building(layer), **specs}
        try:
            made = self.inferrer.layer(layer.entry)
            made.call(
                with_specs(data.get("args", []), specs), with_specs(data.get("kwargs", {}), specs)
            )
        except (PatchError, KeyError):
            return None
        return made.variables()


def _specs_of_building(layer: Layer) -> dict[Tensor, Spec]:
    """What a Sequential records in place of the tensors: the shape that a layer was built on."""
    shape = (layer.entry.get("build_config") or {}).get("input_shape")
    slots = layer.calls[0].slots
    if not isinstance(shape, list) or any(isinstance(n, list) for n in shape) or len(slots) != 1:
        return {}
    return {slots[0].tensor: Spec(tuple(shape), "float32")}


def _own_name(layer: Layer) -> str:
    """What makes a composite layer unlike others of its class; empty for a plain layer."""
    return layer.name if any(True for _ in inner_configs(layer.config, ())) else ""


def _stored(base: Base, path: str) -> tuple[VariableSpec, ...] | None:
    if base.variables is None:
        return None
    by_layer = base.by_layer.get(path, ())
    return tuple(_spec(variable, variable.path.removeprefix(f"{path}/")) for variable in by_layer)


def _spec(variable: Variable, inner: str) -> VariableSpec:
    return VariableSpec(
        inner,
        variable.name or "",
        variable.shape,
        variable.dtype,
        variable.trainable is not False,
        None,
    )


def weight_plan(state: Folded, known: Known) -> tuple[list[Move], bool]:
    """The moves, and whether they cover every variable; raises `UnaccountedError`."""
    moves: list[Move] = []
    problems: list[Fault] = []
    used: set[str] = set()
    complete = True
    for layer in _layers(state.graph):
        try:
            found = list(_of_layer(layer, state, known))
        except UnaccountedError as error:
            problems += error.found
            continue
        except LookupError:
            complete = False
            continue
        moves += found
        used.update(path for move in found for _, path in move.sources)
    dropped, homeless = _leftovers(state, known, used)
    problems += homeless
    if problems:
        raise UnaccountedError(problems)
    return [*moves, *dropped], complete


def _layers(graph: Graph) -> Iterator[Layer]:
    """The layers that hold variables of their own, in Keras's order: those of nested models too."""
    return (x for x in graph.walk() if not x.is_operation and x.inner is None)


def _of_layer(layer: Layer, state: Folded, known: Known) -> Iterator[Move]:
    origin = state.origins[layer.path]
    if origin is None:
        yield from _of_new_layer(layer, state.new[layer.path], known)
        return
    before = known.base.graph.by_path[origin]
    changed = layer.path in known.shapes.reached
    inferred = known.shapes.inferred.get(layer.path)
    was = known.of_base(origin)
    if was is None:
        raise LookupError(layer.path)
    now = inferred.variables() if inferred is not None and changed else was
    twins = dict(zip(now, was, strict=True)) if now is was else _twins(layer, before, was, now)
    flags = _flags_inside(layer, before, known)
    for spec in now:
        kept = _kept(layer, spec, f"{origin}/{twins[spec].inner}", None)
        yield kept if flags is None else replace(kept, trainable=flags.get(spec.inner))


def _flags_inside(layer: Layer, before: Layer, known: Known) -> Mapping[str, bool] | None:
    """Which variables of a wrapper train, where flags of the layers inside it change.

    None where none does; a variable of which nothing can be said is left out.
    """
    was, now = (
        [config.get("trainable", True) for _, config in one.leaves()] for one in (before, layer)
    )
    if was == now or not layer.wrapped:
        return None
    specs = known.shapes.base_specs[before.home] | known.shapes.specs.get(layer.home, {})
    built = known.built(layer, specs) or ()
    return {spec.inner: spec.trainable for spec in built}


def _kept(layer: Layer, spec: VariableSpec, source: str, place: Place | None) -> Move:
    return Move(
        path=f"{layer.path}/{spec.inner}",
        action="kept",
        name=spec.name or None,
        shape=spec.shape,
        dtype=spec.dtype,
        trainable=spec.trainable and layer.config.get("trainable", True) is not False,
        sources=((BASE, source),),
        rule="keep",
        place=place,
    )


def _twins(
    layer: Layer, before: Layer, was: tuple[VariableSpec, ...], now: tuple[VariableSpec, ...]
) -> dict[VariableSpec, VariableSpec]:
    """For each variable of a layer that stays itself, the one that it was.

    Refused unless every variable stays, under its label and in its shape.
    """
    labelled = all(spec.name for spec in was)
    by_label = {spec.label if labelled else spec.inner: spec for spec in was}
    found: dict[VariableSpec, VariableSpec] = {}
    faults: list[Problem] = []
    for spec in now:
        old = by_label.pop(spec.label if labelled else spec.inner, None)
        if old is None:
            said = f"`{layer.path}` needs a new variable `{spec.label}` {_shape(spec)}"
            faults.append(_problem("PS501", said, layer))
        elif old.shape != spec.shape:
            said = (
                f"the `{spec.label}` of `{layer.path}` has the shape {_shape(old)} in the base and "
                f"would need {_shape(spec)}"
            )
            faults.append(_problem("PS501", said, layer))
        else:
            found[spec] = old
    for label, spec in by_label.items():
        said = f"the `{label}` {_shape(spec)} of `{before.path}` has no home"
        faults.append(_problem("PS502", said, layer))
    if faults:
        raise UnaccountedError(Fault(problem, layer.path) for problem in faults)
    return found


def _problem(code: str, message: str, layer: Layer) -> Problem:
    return Problem(
        code=code,
        message=message,
        hint="undo what changes the shape of its input or its own arguments; only where its "
        f"weights may go, `op: replace` puts a new {layer.class_name} in its place",
    )


def _shape(spec: VariableSpec) -> str:
    return str(tuple(spec.shape))


def _of_new_layer(layer: Layer, new: NewLayer, known: Known) -> Iterator[Move]:
    inferred = known.shapes.inferred.get(layer.path)
    if inferred is None:
        raise LookupError(layer.path)
    source = new.replaces or new.like
    old = known.of_base(source) if source is not None else ()
    rules = new.created.rules
    variables = inferred.variables()
    labels = {label for spec in variables for label in (spec.label, spec.name)}
    faults = [
        _no_such(label, layer, {spec.label for spec in variables}, new)
        for label in rules
        if label != "*" and label not in labels
    ]
    moves = []
    for spec in variables:
        twin = next((o for o in old or () if o.label == spec.label), None)
        rule = rules.get(spec.label) or rules.get(spec.name) or rules.get("*")
        fault = _fault(rule, spec, twin, layer, new)
        if fault is not None:
            faults.append(fault)
        elif rule == "keep" and twin is not None:
            moves.append(_kept(layer, spec, f"{source}/{twin.inner}", new.place))
        else:
            moves.append(_initialised(layer, spec, new.place))
    if faults:
        raise UnaccountedError(Fault(problem, layer.path, new.place) for problem in faults)
    yield from moves


def _no_such(label: str, layer: Layer, labels: Iterable[str], new: NewLayer) -> Problem:
    return Problem(
        code="PS504",
        message=f"`{layer.name}` has no variable `{label}`",
        at=(*new.created.at, "weights"),
        hint=f"its variables are {', '.join(sorted(labels)) or 'none'}",
    )


def _fault(
    rule: str | None, spec: VariableSpec, twin: VariableSpec | None, layer: Layer, new: NewLayer
) -> Problem | None:
    at = new.created.at
    source = new.replaces or new.like
    if rule is None and new.replaces is not None and twin is not None and twin.shape == spec.shape:
        return Problem(
            code="PS503",
            message=f"`{layer.name}` has a `{spec.label}` {_shape(spec)} as `{new.replaces}` had; "
            "say what becomes of it",
            at=at,
            hint="`weights: keep` takes it over, `weights: init` starts anew from the seed",
        )
    if rule != "keep":
        return None
    if source is None:
        return Problem(
            code="PS504",
            message=f"`{layer.name}` replaces nothing of the base, so it has nothing to keep",
            at=(*at, "weights"),
        )
    if twin is None:
        return Problem(
            code="PS504",
            message=f"`{source}` has no variable `{spec.label}` to keep for `{layer.name}`",
            at=(*at, "weights"),
            hint=f'`weights: {{{spec.label}: init, "*": keep}}` initialises it',
        )
    if twin.shape != spec.shape:
        return Problem(
            code="PS501",
            message=f"the `{spec.label}` of `{source}` has the shape {_shape(twin)}, "
            f"`{layer.name}` needs {_shape(spec)}",
            at=(*at, "weights"),
            hint=f'`weights: {{{spec.label}: init, "*": keep}}` initialises it',
        )
    return None


def _initialised(layer: Layer, spec: VariableSpec, place: Place) -> Move:
    named = spec.initializer["class_name"] if spec.initializer else "its own"
    return Move(
        path=f"{layer.path}/{spec.inner}",
        action="initialised",
        name=spec.name,
        shape=spec.shape,
        dtype=spec.dtype,
        trainable=spec.trainable and layer.config.get("trainable", True) is not False,
        rule=str(named),
        initializer=spec.initializer,
        place=place,
    )


def _leftovers(state: Folded, known: Known, used: set[str]) -> tuple[list[Move], list[Fault]]:
    """The variables of the base that nothing takes: dropped by a step, or homeless."""
    alive = {origin for origin in state.origins.values() if origin is not None}
    dropped: list[Move] = []
    homeless: list[Fault] = []
    for layer in _layers(known.base.graph):
        if layer.path in alive:
            continue
        variables = _stored(known.base, layer.path)
        for spec in known.of_base(layer.path) or () if variables is None else variables:
            path = f"{layer.path}/{spec.inner}"
            if path in used:
                continue
            place = state.dropped.get(layer.path)
            if place is None:
                message = f"the variable `{path}` {_shape(spec)} of the base has no home"
                homeless.append(Fault(Problem(code="PS502", message=message)))
            else:
                dropped.append(
                    Move(path, "dropped", spec.name or None, spec.shape, spec.dtype, place=place)
                )
    return dropped, homeless
