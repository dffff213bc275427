"""The weight plan: one move for every variable of the variant, and an end for every one dropped.

It reads the origins that the fold carried, never names: a renamed layer keeps its variables, a new
layer of an old name does not get them unless its author says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.planning.fold import Folded, NewLayer
from patchspec.planning.known import BASE, Known, stored_variables
from patchspec.planning.plan import Move, Place
from patchspec.planning.shapes import VariableSpec
from patchspec.planning.values import (
    INIT,
    KEEP,
    Fault,
    Origin,
    Said,
    UnaccountedError,
    Valued,
    unknown_labels,
)
from patchspec.problems import Problem, some
from patchspec.weights.pipelines import fitting, joined
from patchspec.weights.rules._rule import shown


def weight_plan(state: Folded, known: Known) -> tuple[list[Move], bool]:
    """The moves, and whether they cover every variable; raises `UnaccountedError`."""
    moves: list[Move] = []
    problems: list[Fault] = []
    complete = True
    for layer in _layers(state.graph):
        try:
            moves += _of_layer(layer, state, known)
        except UnaccountedError as error:
            problems += error.found
        except LookupError:
            complete = False
    if known.base.variables is None and state.loaded:
        place = max(state.loaded, key=lambda place: (place.patch, place.step))
        moves = [_anew(move, place) if move.action == "kept" else move for move in moves]
    used = {path for move in moves for model, path in move.sources if model == BASE}
    dropped, homeless = _leftovers(state, known, used)
    problems += homeless or (() if problems else list(_left_there(state, known, moves)))
    if problems:
        raise UnaccountedError(_together(list(dict.fromkeys(problems)), state))
    return [*moves, *dropped], complete


MISSING, LEFT = "PS510", "PS511"


def _together(faults: list[Fault], state: Folded) -> Iterator[Fault]:
    """The faults, with all that one step says of many layers in one."""
    told: set[tuple[str, Place]] = set()
    for fault in faults:
        code, place = fault.problem.code, fault.place
        # What is written of one layer keeps its place; `load` speaks of all of them at once.
        if place not in state.loaded or code not in (MISSING, LEFT) or len(fault.problem.at) > 1:
            yield fault
            continue
        if (code, place) in told:
            continue
        told.add((code, place))
        alike = [one for one in faults if (one.problem.code, one.place) == (code, place)]
        names = list(dict.fromkeys(str(one.layer) for one in alike))
        model = state.loaded[place].model
        if len(names) == 1:
            yield fault
        elif code == MISSING:
            message = f"{len(names)} layers have no layer of their name in `{model}`: {some(names)}"
            hint = (
                "`names` says what they are called there, `missing: skip` leaves them as they are"
            )
            yield replace(fault, problem=replace(fault.problem, message=message, hint=hint))
        else:
            message = f"nothing takes the values of {len(names)} layers of `{model}`: {some(names)}"
            yield replace(fault, problem=replace(fault.problem, message=message))


def _layers(graph: Graph) -> Iterator[Layer]:
    """The layers that hold variables of their own, in Keras's order: those of nested models too."""
    return (x for x in graph.walk() if not (x.is_operation or x.is_input or x.inner))


def _of_layer(layer: Layer, state: Folded, known: Known) -> list[Move]:
    origin = state.origins[layer.path]
    said = state.said.get(layer.path, ())
    if origin is None:
        return _of_new_layer(layer, state.new[layer.path], said, known)
    before = known.base.graph.by_path[origin]
    inferred = known.shapes.inferred.get(layer.path)
    was = known.variables_of(BASE, origin)
    if was is None:
        raise LookupError(layer.path)
    changed = layer.path in known.shapes.reached
    now = inferred.variables() if inferred is not None and changed else was
    faults = [] if not said else list(unknown_labels(said, now, layer))
    moves: list[Move] = []
    twins = _Twins(was, now)
    flags = _flags_inside(layer, before, known)
    for spec in now:
        own = tuple(one for one in said if one.of(spec))
        twin = twins.of(spec)
        if not own and (twin is None or twin.shape != spec.shape):
            faults.append(Fault(_misfit(layer, spec, twin), layer.path))
            continue
        if not own and twin is not None:
            move = _kept(layer, spec, f"{origin}/{twin.inner}", known)
        else:
            valued = Valued(layer, spec, Origin(BASE, origin), own, known, KEEP)
            try:
                move = valued.move()
            except UnaccountedError as error:
                faults += error.found
                continue
        moves.append(move if flags is None else replace(move, trainable=flags.get(spec.inner)))
    faults += [Fault(_homeless(old, before, layer), layer.path) for old in twins.rest()]
    if faults:
        raise UnaccountedError(faults)
    return moves


class _Twins:
    """For each variable of a layer that stays itself, the one that it was."""

    def __init__(self, was: tuple[VariableSpec, ...], now: tuple[VariableSpec, ...]) -> None:
        self._labelled = all(spec.name for spec in was)
        self._by_key = {self._key(spec): spec for spec in was}
        self._now = {self._key(spec) for spec in now}

    def _key(self, spec: VariableSpec) -> str:
        return spec.label if self._labelled else spec.inner

    def of(self, spec: VariableSpec) -> VariableSpec | None:
        return self._by_key.get(self._key(spec))

    def rest(self) -> Iterator[VariableSpec]:
        """Those that the layer no longer has."""
        return (spec for key, spec in self._by_key.items() if key not in self._now)


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


def _kept(layer: Layer, spec: VariableSpec, source: str, known: Known) -> Move:
    """The move of a variable that stays as it is: most are, so nothing is worked out."""
    return Move(
        path=f"{layer.path}/{spec.inner}",
        action="kept",
        name=spec.name or None,
        shape=spec.shape,
        dtype=spec.dtype,
        trainable=spec.trainable and layer.config.get("trainable", True) is not False,
        sources=((BASE, source),),
        rule="keep",
        initializer=spec.initializer if known.base.variables is None else None,
    )


def _anew(move: Move, place: Place) -> Move:
    """The variable with its initial value: an architecture into which a step loads has no other."""
    named = move.initializer["class_name"] if move.initializer else "its own"
    return replace(move, action="initialised", sources=(), rule=str(named), place=place)


def _misfit(layer: Layer, spec: VariableSpec, twin: VariableSpec | None) -> Problem:
    """A variable of a layer that stays itself has another shape, or was not there."""
    if twin is None:
        return Problem(
            code="PS501",
            message=f"`{layer.path}` needs a new variable `{spec.label}` {shown(spec.shape)}",
            hint=f"`- {{op: set, layers: {layer.path}, weights: {{{spec.label}: init}}}}` says "
            "that it starts anew",
        )
    more = " | ".join(f"`{rule}`" for rule in fitting(twin.shape, spec.shape))
    return Problem(
        code="PS501",
        message=f"the `{spec.label}` of `{layer.path}` has the shape {shown(twin.shape)} in the "
        f"base and would need {shown(spec.shape)}",
        hint=f"undo what changes the shape, or say what becomes of its values: `- {{op: set, "
        f"layers: {layer.path}, weights: {{{spec.label}: ...}}}}` with {more}",
    )


def _homeless(old: VariableSpec, before: Layer, layer: Layer) -> Problem:
    return Problem(
        code="PS502",
        message=f"the `{old.label}` {shown(old.shape)} of `{before.path}` has no home",
        hint=f"undo what takes it away; only where it may go, `op: replace` puts a new "
        f"{layer.class_name} in its place (`like: $(target)`, `weights: keep` for the rest)",
    )


def _of_new_layer(layer: Layer, new: NewLayer, later: tuple[Said, ...], known: Known) -> list[Move]:
    inferred = known.shapes.inferred.get(layer.path)
    if inferred is None:
        raise LookupError(layer.path)
    variables = inferred.variables()
    path = new.replaces or new.like
    origin = None if path is None else Origin(BASE, path, new.said)
    twins = () if path is None else known.variables_of(BASE, path) or ()
    created = Said(new.created.rulings, new.place)
    faults = list(unknown_labels((created, *later), variables, layer))
    moves: list[Move] = []
    for spec in variables:
        own = created.of(spec)
        said = tuple(one for one in later if one.of(spec))
        twin = next((old for old in twins if old.label == spec.label), None)
        replaces = new.replaces is not None and twin is not None and twin.shape == spec.shape
        if replaces and not own and not any(one.of(spec)[0].starts for one in said):
            faults.append(Fault(_unsaid(layer, spec, new), layer.path, new.place))
            continue
        default = joined(KEEP, own) if own else INIT
        try:
            valued = Valued(layer, spec, origin, said, known, default, new.place, new.created.at)
            moves.append(valued.move())
        except UnaccountedError as error:
            faults += error.found
    if faults:
        raise UnaccountedError(faults)
    return moves


def _unsaid(layer: Layer, spec: VariableSpec, new: NewLayer) -> Problem:
    return Problem(
        code="PS503",
        message=f"`{layer.name}` has a `{spec.label}` {shown(spec.shape)} as `{new.replaces}` had; "
        "say what becomes of it",
        at=new.created.at,
        hint="`weights: keep` takes it over, `weights: init` starts anew from the seed",
    )


def _leftovers(state: Folded, known: Known, used: set[str]) -> tuple[list[Move], list[Fault]]:
    """The variables of the base that nothing takes: dropped by a step, or homeless."""
    alive = {origin: path for path, origin in state.origins.items() if origin is not None}
    dropped: list[Move] = []
    homeless: list[Fault] = []
    for layer in _layers(known.base.graph):
        variables = stored_variables(known.base, layer.path)
        if layer.path in alive:
            # Only a step that speaks of the weights of a layer that stays can give some up.
            said = state.said.get(alive[layer.path], ())
            if variables and said:
                given_up = (v for v in variables if f"{layer.path}/{v.inner}" not in used)
                dropped += [_dropped(layer, spec, said[-1].place) for spec in given_up]
            continue
        if variables is None:
            variables = known.variables_of(BASE, layer.path) or ()
        for spec in variables:
            path = f"{layer.path}/{spec.inner}"
            if path in used:
                continue
            place = state.dropped.get(layer.path)
            if place is None:
                message = f"the variable `{path}` {shown(spec.shape)} of the base has no home"
                homeless.append(Fault(Problem(code="PS502", message=message)))
            else:
                dropped.append(_dropped(layer, spec, place))
    return dropped, homeless


def _left_there(state: Folded, known: Known, moves: list[Move]) -> Iterator[Fault]:
    """What steps that load from another model leave there and may not."""
    for place, loaded in state.loaded.items():
        name, model = loaded.model, known.model(loaded.model)
        used = {path for move in moves for source, path in move.sources if source == name}
        for layer in _layers(model.graph) if name != BASE else ():
            skipped = loaded.mismatch if layer.path in loaded.layers else loaded.extra
            stored = stored_variables(model, layer.path) or ()
            left = [v for v in stored if f"{layer.path}/{v.inner}" not in used]
            if skipped or not left:
                continue
            some_of = "" if len(left) == len(stored) else f" ({some(v.inner for v in left)})"
            policy = "mismatch" if layer.path in loaded.layers else "extra"
            problem = Problem(
                code="PS511",
                message=f"no layer takes the values of `{layer.path}` of `{name}`{some_of}",
                at=("from",),
                hint=f"`names` says which layer is called so there; `{policy}: skip` leaves it",
            )
            yield Fault(problem, layer.path, place)


def _dropped(layer: Layer, spec: VariableSpec, place: Place) -> Move:
    path = f"{layer.path}/{spec.inner}"
    return Move(path, "dropped", spec.name or None, spec.shape, spec.dtype, place=place)
