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
from patchspec.graph.edits import Edit, apply_in_place, plain
from patchspec.graph.graph import Graph
from patchspec.graph.order import Call
from patchspec.graph.selectors import layers
from patchspec.language.patch import Patch, Step
from patchspec.models.base import Base
from patchspec.operations._operation import Target
from patchspec.planning.plan import Change, Place
from patchspec.problems import PatchError, Pointer, Problem, some
from patchspec.weights.lineage import Created, Dropped, Event, Renamed


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer that a step created, and the base layer in whose place it stands."""

    created: Created
    replaces: str | None
    place: Place


@dataclass
class Folded:
    """What the fold carries from one target to the next."""

    document: dict[str, Any]
    graph: Graph
    origins: dict[str, str | None]
    new: dict[str, NewLayer] = field(default_factory=dict)
    dropped: dict[str, Place] = field(default_factory=dict)
    """Layers of the base that a step named when it took them away."""
    touched: dict[str, Place] = field(default_factory=dict)
    """For every layer, the step that last edited it."""
    lost: dict[str, Place] = field(default_factory=dict)
    """For every layer that leads to no output, the step after which it no longer did."""
    unused: dict[str, Place] = field(default_factory=dict)
    """The same for inputs that no output depends on."""
    gone: dict[str, str | None] = field(default_factory=dict)
    """For every name that was taken away, the base layer that it stood for."""
    changes: list[Change] = field(default_factory=list)
    mask_operations: frozenset[str] = frozenset()
    """Bare operations of the base that serve masks only."""


def fold(base: Base, patches: Sequence[Patch]) -> Folded:
    """Apply every step of every patch; raises `PatchError`, placed, at the first refused step."""
    document = plain(base.document)
    graph = Graph.of(document)
    state = Folded(
        document,
        graph,
        origins={name: name for name in graph.layers},
        mask_operations=_mask_operations(base.graph),
    )
    for p, patch in enumerate(patches):
        for s, step in enumerate(patch.steps):
            try:
                _step(state, step, patch.seed, base.graph, Place(p, s))
            except PatchError as error:
                raise placed(error, patch, step) from error.__cause__
        _check_alive(state, patches, p)
    return state


def placed(error: PatchError, patch: Patch, step: Step) -> PatchError:
    """The error with its places in the patch's text."""
    problems = [replace(problem, at=(*step.at, *problem.at)) for problem in error.problems]
    return PatchError(patch.source.place(problems))


def _step(state: Folded, step: Step, seed: int, base: Graph, place: Place) -> None:
    for target in step.operation.targets(state.graph):
        lowered = list(step.operation.lower(state.graph, target, seed))
        _apply(state, lowered, target, place)
    _check_loop(state.graph)
    _settle(state, place)
    _note_lost(state, base, place)


def _apply(
    state: Folded, lowered: Iterable[Edit | Event], target: Target | None, place: Place
) -> None:
    said = list(lowered)
    events = [item for item in said if not isinstance(item, Edit)]
    made = apply_guarded(state.document, [item for item in said if isinstance(item, Edit)])
    touched = made.touched
    state.graph = state.graph.after(touched)
    for name in touched:
        state.touched[name] = place
    for event in events:
        _carry(state, event, place)
    if made.edits:
        state.changes.append(Change(place, str(target) if target else "", made.edits))


@dataclass(frozen=True, slots=True)
class Applied:
    """Edits with their guards, and the names of the layers that they touched."""

    edits: tuple[Edit, ...]
    touched: frozenset[str]


def apply_guarded(document: dict[str, Any], wanted: Sequence[Edit]) -> Applied:
    """Apply the edits, each group behind a `test` of the name of the layer that it touches."""
    done: list[Edit] = []
    touched: set[str] = set()
    for run in _runs(wanted):
        guards = list(_guards(document, run[0].path))
        touched.update(_names_at(document, run))
        apply_in_place(document, [*guards, *run])
        touched.update(_names_at(document, run))
        done += [*guards, *run]
    return Applied(tuple(done), frozenset(touched))


def _runs(wanted: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Neighbouring edits of one layer; taking a layer away or adding one ends a run."""
    run: list[Edit] = []
    for edit in wanted:
        whole = len(edit.path) <= 3  # noqa: PLR2004 (config, layers, index)
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


def _names_at(document: Mapping[str, Any], run: Sequence[Edit]) -> Iterator[str]:
    for edit in run:
        if edit.path[:2] == ("config", "layers") and isinstance(edit.path[2], int):
            layers = document["config"]["layers"]
            if edit.path[2] < len(layers):
                yield str(layers[edit.path[2]].get("name"))
        if edit.path == ("config", "layers", "-"):
            yield str(edit.value["name"])


def _carry(state: Folded, event: Event, place: Place) -> None:
    match event:
        case Renamed(old, new):
            state.origins[new] = state.origins.pop(old)
            if old in state.new:
                state.new[new] = state.new.pop(old)
            if old in state.lost:
                state.lost[new] = state.lost.pop(old)
        case Dropped(layer):
            origin = state.origins.pop(layer)
            state.gone[layer] = origin
            if origin is not None:
                state.dropped[origin] = place
            state.lost.pop(layer, None)
            state.new.pop(layer, None)
        case Created(layer, replaces):
            state.origins[layer] = None
            origin = None
            if replaces is not None:
                known = state.origins if replaces in state.origins else state.gone
                origin = known[replaces] if replaces != layer else state.gone[replaces]
            state.new[layer] = NewLayer(event, origin, place)


def _check_loop(graph: Graph) -> None:
    loop = graph.loop()
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
    while moves := _unordered_calls(state.graph):
        _apply(state, moves, None, place)
    while lowered := _idle_mask_operations(state):
        _apply(state, lowered, None, place)


def _unordered_calls(graph: Graph) -> list[Edit]:
    """Edits that sort the calls of the first shared layer whose calls cannot run in order.

    Keras makes the calls of one layer strictly in the order listed.
    """
    place = {call: i for i, call in enumerate(graph.order.calls)}
    for layer in graph.layers.values():
        count = len(layer.calls)
        alive = [c for c in range(count) if (layer.name, c) in place]
        if count < 2 or not _depends_forward(graph, layer.name, count):  # noqa: PLR2004
            continue
        wanted = sorted(alive, key=lambda c: place[(layer.name, c)])
        wanted += [c for c in range(count) if c not in alive]
        number = {old: new for new, old in enumerate(wanted)}
        nodes = [layer.calls[old].data for old in wanted]
        moved = [
            slot.read(replace(tensor, call=number[tensor.call]))
            for tensor, slots in graph.readers.items()
            if tensor.layer == layer.name and number[tensor.call] != tensor.call
            for slot in slots
        ]
        renumbered = _renumber(nodes, layer.name, number)
        return [*moved, edits.replace((*layer.pointer, "inbound_nodes"), renumbered)]
    return []


def _renumber(nodes: list[Any], name: str, number: Mapping[int, int]) -> Any:
    """Copies of the nodes in which references to calls of the layer itself are renumbered too."""

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                layer, call, output = value["config"]["keras_history"]
                if layer == name:
                    history = [layer, number[call], output]
                    return {**value, "config": {**value["config"], "keras_history": history}}
                return value
            return {key: walk(item) for key, item in value.items()}
        return [walk(item) for item in value] if isinstance(value, list) else value

    return [walk(plain(node)) for node in nodes]


def _depends_forward(graph: Graph, name: str, count: int) -> bool:
    """Whether some call of the layer depends on a later call of it, itself or through others."""
    for index in range(count):
        later = {(name, i) for i in range(index + 1, count)}
        seen: set[Call] = set()
        waiting = [(name, index)]
        while waiting:
            call = waiting.pop()
            if call in later:
                return True
            if call not in seen:
                seen.add(call)
                waiting += graph.call_reads[call]
    return False


def _idle_mask_operations(state: Folded) -> list[Edit | Event]:
    """Take away a bare operation that served masks only and has lost its last reader."""
    read = {tensor.layer for tensor in state.graph.readers}
    for layer in state.graph.layers.values():
        if state.origins.get(layer.name) in state.mask_operations and layer.name not in read:
            return [edits.remove(layer.pointer), Dropped(layer.name)]
    return []


def _mask_operations(graph: Graph) -> frozenset[str]:
    """The bare operations whose results are read as masks alone, or to make such masks."""
    found: set[str] = set()
    for name, _ in reversed(graph.order.calls):
        slots = [s for t, read in graph.readers.items() if t.layer == name for s in read]
        reads_masks = all(
            not slot.is_output
            and ("mask" in slot.key or graph.config["layers"][slot.pointer[2]]["name"] in found)
            for slot in slots
        )
        if graph.layers[name].is_operation and slots and reads_masks:
            found.add(name)
    return frozenset(found)


def _note_lost(state: Folded, base: Graph, place: Place) -> None:
    dead = set(state.graph.dead)
    state.lost = {name: state.lost.get(name, place) for name in state.graph.dead}
    idle = {
        name
        for name in state.graph.unused_inputs
        if state.origins.get(name) not in base.unused_inputs
    }
    state.unused = {name: state.unused.get(name, place) for name in idle - dead}


def _check_alive(state: Folded, patches: Sequence[Patch], number: int) -> None:
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
    problem = Problem(
        code="PS402",
        message=f"{layers(len(names))} {what} to an output: {some(names)}",
        hint="make an output of it, or end the patch with `op: extract`, which drops what is "
        "not needed",
    )
    patch = patches[min(place.patch, number)]
    raise placed(PatchError([problem]), patch, place.of(patches))
