"""The fold over (step, target): each target is lowered against what its predecessor left.

A step's targets are selected once, against the graph before the step. Then each is lowered to RFC
6902 edits, which `jsonpatch` applies in place to one private copy of the document. So indices are
always right for the document that they are applied to, and no operation reasons about another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit, plain
from patchspec.graph.graph import Graph, SpecSource
from patchspec.graph.layer import Layer
from patchspec.graph.selectors import layers
from patchspec.graph.sequential import functional_edits
from patchspec.language.patch import Patch, Step
from patchspec.models.base import Base
from patchspec.operations._each import shared_out
from patchspec.operations._operation import Given, Target
from patchspec.operations._wiring import without_call
from patchspec.planning.chains import BranchError, in_lists
from patchspec.planning.conflicts import Written, ruled_over, taken_away, written_over
from patchspec.planning.ends import Came, ends_of, followed
from patchspec.planning.guards import Applied, apply_guarded
from patchspec.planning.known import BASE
from patchspec.planning.plan import Change, Conflict, Place
from patchspec.planning.settling import mask_operations, unordered_calls
from patchspec.planning.values import Said
from patchspec.problems import PatchError, Pointer, Problem, some
from patchspec.weights.lineage import Created, Dropped, Event, Loaded, Renamed, Ruled


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer that a step created, and the path of the base layer in whose place it stands."""

    created: Created
    replaces: str | None
    place: Place
    like: str | None = None
    """The base layer that it is made like."""
    said: tuple[Said, ...] = ()
    """What earlier steps said of the weights of that layer of the base."""


@dataclass
class Folded:
    """What the fold carries from one target to the next. Layers go by their paths."""

    document: dict[str, Any]
    graph: Graph
    origins: dict[str, str | None]
    came: Came
    """For every output, that of the base."""
    new: dict[str, NewLayer] = field(default_factory=dict)
    dropped: dict[str, Place] = field(default_factory=dict)
    """Layers of the base that a step named when it took them away."""
    touched: dict[str, Place] = field(default_factory=dict)
    """For every layer, the step that last edited it."""
    changed: dict[str, Place] = field(default_factory=dict)
    """The same, of edits that are of more than the trainable flag."""
    lost: dict[str, Place] = field(default_factory=dict)
    """For every layer that leads to no output, the step after which it no longer did."""
    unused: dict[str, Place] = field(default_factory=dict)
    """The same for inputs that no output depends on."""
    gone: dict[str, str | None] = field(default_factory=dict)
    """For every name that was taken away, the base layer that it stood for."""
    said: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    """For every layer, what steps said of its weights after it was there, in order."""
    gone_said: dict[str, tuple[Said, ...]] = field(default_factory=dict)
    """The same for every name that was taken away."""
    loaded: dict[Place, Loaded] = field(default_factory=dict)
    """The steps that load, and what they take."""
    written: Written = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    mask_operations: frozenset[str] = frozenset()
    """Bare operations of the base that serve masks only."""
    branched: tuple[str, ...] = ()
    """Sequential models that became functional ones, by path; the whole is ``."""


def fold(
    base: Base,
    patches: Sequence[Patch],
    infer: SpecSource | None = None,
    models: Mapping[str, Graph] | None = None,
    *,
    unfinished: bool = False,
) -> Folded:
    """Apply every step of every patch; raises `PatchError`, placed, at the first refused step.

    A Sequential stays one while it is patched into a chain. Where it is not, it must have been
    functional from the start, so the fold begins again with a first change that makes it so.
    `infer` finds out shapes that the config does not record, for selectors that ask for them;
    `models` are those that values may come from, beside the base. What is `unfinished` may have
    layers that lead to no output.
    """
    branched: tuple[str, ...] = ()
    models = {**(models or {}), BASE: base.graph}
    while True:
        try:
            return _fold(base, patches, branched, infer, models, unfinished=unfinished)
        except BranchError as error:
            branched = (*branched, error.path)


def _fold(
    base: Base,
    patches: Sequence[Patch],
    branched: tuple[str, ...],
    infer: SpecSource | None,
    models: Mapping[str, Graph],
    *,
    unfinished: bool,
) -> Folded:
    document = plain(base.document)
    graph = Graph.of(document, infer)
    state = Folded(
        document,
        graph,
        origins={path: path for path in graph.by_path},
        came=tuple(range(len(graph.outputs))),
        mask_operations=frozenset(
            f"{model.path}/{name}" if model.parents else name
            for model in base.graph.models()
            for name in mask_operations(model)
        ),
        branched=branched,
    )
    for path in branched:
        _make_functional(state, path)
    for p, patch in enumerate(patches):
        for s, step in enumerate(patch.steps):
            try:
                _step(state, step, Given(patch.seed, models), Place(p, s))
            except PatchError as error:
                raise placed(error, patch, step) from error.__cause__
        if not unfinished:
            _check_alive(state, patches, p, base)
    if state.changes and not unfinished:
        _drop_idle_calls(state)
    return state


def placed(error: PatchError, patch: Patch, step: Step) -> PatchError:
    """The error with its places in the patch's text."""
    own = (f"the operation is `{step.id}`",) if step.id else ()
    problems = [
        replace(problem, at=(*step.at, *problem.at), notes=(*problem.notes, *own))
        for problem in error.problems
    ]
    return PatchError(patch.source.place(problems))


def _step(state: Folded, step: Step, given: Given, place: Place) -> None:
    before = ends_of(state.graph)
    targets = step.operation.targets(state.graph)
    for target in shared_out(targets, getattr(step.operation, "each", None)):
        lowered = list(step.operation.lower(state.graph, target, given))
        _apply(state, lowered, target, place)
    _check_loop(state.graph)
    _settle(state, place)
    restated = step.operation.restates_outputs
    state.came = followed(state.came, before, state.graph, restated=restated)
    _note_lost(state, given.models[BASE], place)


def _make_functional(state: Folded, path: str) -> None:
    """The first change of a Sequential that is patched into a branch: it becomes functional."""
    home = state.graph.home(path) if path else None
    at: Pointer = home.layers[path.rpartition("/")[2]].pointer if home else ()
    wanted = list(functional_edits(edits.at(state.document, at), at))
    if home is not None and not home.is_sequential:
        name = path.rpartition("/")[2]
        # A model's own outputs name the call of a functional model, not of a Sequential, plus one.
        wanted += [
            slot.read(slot.tensor, offset=1) for slot in home.outputs if slot.tensor.layer == name
        ]
    applied = apply_guarded(state.document, wanted)
    state.graph = Graph.of(state.document, state.graph.infer)
    state.changes.append(Change(None, path, applied.edits))


def _apply(
    state: Folded, lowered: Iterable[Edit | Event], target: Target | None, place: Place
) -> None:
    said = list(lowered)
    events = [item for item in said if not isinstance(item, Edit)]
    wanted = [item for item in said if isinstance(item, Edit)]
    made = apply_guarded(state.document, list(in_lists(state.document, wanted)))
    touched = made.touched
    state.conflicts += written_over(state.written, made.values, place)
    if not _is_of_flags(made, state.document):
        outer = {path for path in touched if "/" not in path}
        state.graph = state.graph.after(outer, rewired=not made.configs_only)
    for path in touched:
        state.touched[path] = place
        if not made.flags_only:
            state.changed[path] = place
    for event in events:
        _carry(state, event, place)
    if made.edits:
        state.changes.append(Change(place, str(target) if target else "", made.edits))
    else:
        ruled = [event.layer for event in events if isinstance(event, Ruled)]
        state.changes += [Change(place, layer, ()) for layer in ruled]


def _is_of_flags(made: Applied, document: Mapping[str, Any]) -> bool:
    """Whether only flags are edited that a lens reads afresh; of models it may keep its own."""
    said = (edits.at(document, e.path[:-1]) for e in made.edits if e.op != "test")
    return made.flags_only and not any("layers" in config for config in said)


def _carry(state: Folded, event: Event, place: Place) -> None:
    match event:
        case Renamed(old, new):
            carried = (state.origins, state.new, state.lost, state.touched, state.changed)
            for known in (*carried, state.said, state.written):
                _move(known, old, new)
        case Dropped(layer):
            for path in [path for path in state.origins if lies_in(path, layer)]:
                origin = state.origins.pop(path)
                state.gone[path] = origin
                if origin is not None:
                    state.dropped[origin] = place
                state.lost.pop(path, None)
                state.new.pop(path, None)
                state.gone_said[path] = state.said.pop(path, ())
                state.conflicts += taken_away(state.written, path, place)
        case Created(layer, replaces, _, _, like):
            origin, source = (_stands_for(state, path, layer) for path in (replaces, like))
            meant = replaces if replaces is not None else like
            gone = state.said if meant != layer and meant in state.origins else state.gone_said
            said = gone.get(meant, ()) if meant is not None else ()
            state.origins[layer] = None
            state.new[layer] = NewLayer(event, origin, place, source, said)
        case Ruled(layer, rulings, skip):
            earlier = [(one.rulings, one.place) for one in state.said.get(layer, ())]
            state.conflicts += ruled_over(earlier, rulings, layer, place)
            state.said[layer] = (*state.said.get(layer, ()), Said(rulings, place, skip))
        case Loaded():
            state.loaded[place] = event


def _stands_for(state: Folded, path: str | None, new: str) -> str | None:
    """The base layer behind a path; where the new layer has it, that of the layer that went."""
    if path is None:
        return None
    return state.origins[path] if path != new and path in state.origins else state.gone[path]


def lies_in(path: str, layer: str) -> bool:
    """Whether a path is that of the layer, or leads into it."""
    return path == layer or path.startswith(f"{layer}/")


def _move(known: dict[str, Any], old: str, new: str) -> None:
    for path in [path for path in known if lies_in(path, old)]:
        known[f"{new}{path.removeprefix(old)}"] = known.pop(path)


def _check_loop(graph: Graph) -> None:
    loop = next((found for model in graph.models() if (found := model.loop())), None)
    if loop:
        raise PatchError(
            [
                Problem(
                    code="PS401",
                    message="after this operation the graph has a loop",
                    notes=(f"around it: {' -> '.join(reversed(loop))}",),
                    hint="a layer cannot read what depends on it",
                )
            ]
        )


def _settle(state: Folded, place: Place) -> None:
    """Put calls of shared layers into an order in which they can run, and drop idle mask nodes."""
    while moves := [e for model in state.graph.models() for e in unordered_calls(model)]:
        _apply(state, moves, None, place)
    while lowered := _idle_mask_operations(state):
        _apply(state, lowered, None, place)


def _drop_idle_calls(state: Folded) -> None:
    """Take away calls of shared layers that lead to no output, and renumber the others.

    Keras drops them when it rebuilds the model, with nothing lost: a call has no weights.
    """
    wanted: list[Edit] = []
    while found := next(_idle_calls(state.graph), None):
        home, layer, index = found
        applied = apply_guarded(state.document, list(without_call(home, layer, index)))
        state.graph = Graph.of(state.document, state.graph.infer)
        wanted += applied.edits
    if wanted:
        state.changes.append(Change(None, "", tuple(wanted)))


def _idle_calls(graph: Graph) -> Iterator[tuple[Graph, Layer, int]]:
    for model in graph.models():
        running = set(model.order.calls)
        for layer in model.layers.values():
            for index in reversed(range(len(layer.calls))):
                if len(layer.calls) > 1 and (layer.name, index) not in running:
                    yield model, layer, index


def _idle_mask_operations(state: Folded) -> list[Edit | Event]:
    """Take away a bare operation that served masks only and has lost its last reader."""
    if not state.mask_operations:
        return []
    for model in state.graph.models():
        read = {tensor.layer for tensor in model.readers}
        for layer in model.layers.values():
            if state.origins.get(layer.path) in state.mask_operations and layer.name not in read:
                return [edits.remove(layer.pointer), Dropped(layer.path)]
    return []


def _note_lost(state: Folded, base: Graph, place: Place) -> None:
    models = list(state.graph.models())
    dead = [model.layers[name].path for model in models for name in model.dead]
    state.lost = {path: state.lost.get(path, place) for path in dead}
    idle_before = {path for model in base.models() for path in _idle_inputs(model)}
    idle = [path for model in models for path in _idle_inputs(model)]
    state.unused = {
        path: state.unused.get(path, place)
        for path in idle
        if state.origins.get(path) not in idle_before and path not in state.lost
    }


def _idle_inputs(model: Graph) -> list[str]:
    return [model.layers[name].path for name in model.unused_inputs]


def _check_alive(state: Folded, patches: Sequence[Patch], number: int, base: Base) -> None:
    """At the end of a patch every layer must lead to an output: Keras would drop it in silence."""
    if not state.lost and not state.unused:
        return
    by_place: dict[Place, list[str]] = {}
    for name, place in (*state.lost.items(), *state.unused.items()):
        by_place.setdefault(place, []).append(name)
    place = min(by_place, key=lambda place: (place.patch, place.step))
    names = [name for found in by_place.values() for name in found]
    what = "no longer lead" if len(names) > 1 else "no longer leads"
    new = all(state.origins.get(name) is None for name in names)
    if new:
        what = "do not lead" if len(names) > 1 else "does not lead"
    origins = {origin for name in names if (origin := state.origins.get(name)) is not None}
    variables = [v for v in base.variables or () if any(lies_in(v, layer) for layer in origins)]
    problem = Problem(
        code="PS402",
        message=f"{layers(len(names))} {what} to an output: {some(names)}",
        notes=(f"with {some(variables, 12)}",) if variables else (),
        hint="make an output of it, or end the patch with `op: extract`, which drops what is "
        "not needed",
    )
    patch = patches[min(place.patch, number)]
    raise placed(PatchError([problem]), patch, place.of(patches))
