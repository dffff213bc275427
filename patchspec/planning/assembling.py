"""Steps and a base come to a plan: the fold, then shapes, compile configuration and weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names
from patchspec.language.patch import Patch
from patchspec.models.base import Base
from patchspec.models.safety import check_code, check_safe
from patchspec.planning.compiling import carried_compile
from patchspec.planning.conflicts import conflict_findings
from patchspec.planning.fold import Folded, fold, placed
from patchspec.planning.guards import apply_guarded
from patchspec.planning.known import Known
from patchspec.planning.moves import weight_plan
from patchspec.planning.optimizing import optimizer_findings, trained_variables
from patchspec.planning.plan import Change, Finding, Move, Output, Place, Plan
from patchspec.planning.refreshing import refreshed
from patchspec.planning.shapes import (
    Inferrer,
    LayerRefusedError,
    Shapes,
    infer,
    known_specs,
)
from patchspec.planning.values import UnaccountedError
from patchspec.problems import PatchError, Pointer, Problem, some


@dataclass(frozen=True)
class Setting:
    """What a plan is made with, beside patches and a base."""

    inferrer: Inferrer | None = None
    """What knows shapes and variables: Keras; without, the plan says nothing of them."""
    custom_objects: Sequence[str] = ()
    models: Mapping[str, Base] = field(default_factory=dict)
    """The other models that the patches name."""


def assembled(listed: tuple[Patch, ...], base: Base, setting: Setting) -> Plan:
    """The plan of patches in order, each on what the one before left, expectations aside."""
    inferrer, others = setting.inferrer, setting.models
    if inferrer is not None:
        check_code(base.document, base.origin)
    specs = None if inferrer is None else lambda graph: known_specs(graph, inferrer)
    state = fold(base, listed, specs, {name: model.graph for name, model in others.items()})
    try:
        shapes = _shapes(state, base, listed, inferrer)
    except PatchError as error:
        if any(p.code == "PS906" and p.span is None for p in error.problems):
            # One class of the base is missing: say at once which others are.
            check_safe(base.document, setting.custom_objects, base.origin)
        raise
    if inferrer is not None:
        _check_ends(state, shapes, listed)
    _refresh(state, shapes, known=inferrer is not None)
    dropped_compile = _carry_compile(state, base, listed, inferrer)
    known = Known(base, shapes, inferrer, others)
    try:
        moves, complete = weight_plan(state, known)
    except UnaccountedError as error:
        raise _unaccounted(error, state, listed) from None
    _check_size(moves, listed)
    _check_frozen(state, known, listed)
    findings = [*_mask_findings(state, shapes), *dropped_compile]
    findings += conflict_findings(state.conflicts, listed)
    names = end_names(state.graph.outputs)
    plan = Plan(
        base=base,
        patches=listed,
        document=state.document,
        changes=tuple(state.changes),
        moves=tuple(moves),
        findings=tuple(_allowed(finding, listed) for finding in findings),
        outputs=tuple(
            Output(name, str(slot.tensor), shapes.specs[""].get(slot.tensor))
            for name, slot in zip(names, state.graph.outputs, strict=True)
        ),
        origins=dict(state.origins),
        replaces={name: new.replaces for name, new in state.new.items() if new.replaces},
        with_shapes=inferrer is not None,
        weights_known=complete,
        branched=state.branched,
        models=others,
        lens=state.graph,
        came=state.came,
        trained=trained_variables(known) if state.document.get("compile_config") else None,
    )
    late = tuple(_allowed(finding, listed) for finding in optimizer_findings(plan))
    return replace(plan, findings=plan.findings + late) if late else plan


def _shapes(
    state: Folded, base: Base, patches: Sequence[Patch], inferrer: Inferrer | None
) -> Shapes:
    try:
        return infer(state.graph, base.graph, state.origins, inferrer)
    except LayerRefusedError as refused:
        code = refused.error.problems[0].code
        own_fault = code in ("PS412", "PS906") and _is_of_base(state, refused.layer)
        place = None if own_fault else _cause(state, refused.layer)
        if place is None:
            raise refused.error from refused.error.__cause__
        patch, step = patches[place.patch], place.of(patches)
        at = state.new[refused.layer].created.at if refused.layer in state.new else ()
        own = place == state.changed.get(refused.layer)
        said = [replace(p, at=at if own else ()) for p in refused.error.problems]
        raise placed(PatchError(said), patch, step) from refused.error.__cause__


def _is_of_base(state: Folded, path: str) -> bool:
    """Whether a layer stands as it stands in the base."""
    return path not in state.touched and state.origins.get(path) is not None


def _check_ends(state: Folded, shapes: Shapes, patches: Sequence[Patch]) -> None:
    """Refuse an output of the model that its layer does not make."""
    for slot in state.graph.outputs:
        if slot.tensor in shapes.specs[""] or slot.tensor.layer not in shapes.inferred:
            continue
        layer = slot.tensor.layer
        problem = Problem(
            code="PS305",
            message=f"`{slot.tensor}` is an output of the model, but `{layer}` does not make it",
            hint="outputs count from 0",
        )
        steps = [c.place for c in state.changes if c.place and _names(c.edits, slot.pointer)]
        place = steps[-1] if steps else _cause(state, layer)
        if place is None:
            raise PatchError([problem])
        raise placed(PatchError([problem]), patches[place.patch], place.of(patches))


def _names(edits: Sequence[Edit], pointer: Pointer) -> bool:
    """Whether one of the edits is of the model's outputs."""
    return any(edit.path[:2] == pointer[:2] and edit.op != "test" for edit in edits)


def _cause(state: Folded, layer: str) -> Place | None:
    """The last step that touched the layer or what it depends on."""
    seen: set[str] = set()
    waiting = [layer]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        here = state.graph.by_path[path]
        slots = (slot for call in here.calls for slot in call.slots)
        waiting += ["/".join((*here.parents, slot.tensor.layer)) for slot in slots]
    places = [state.changed[path] for path in seen if path in state.changed]
    return max(places, key=lambda p: (p.patch, p.step), default=None)


def _refresh(state: Folded, shapes: Shapes, *, known: bool) -> None:
    stale = list(refreshed(state.graph, shapes, known=known)) if state.changes else []
    _last_change(state, stale)


def _last_change(state: Folded, wanted: list[Edit]) -> None:
    if not wanted:
        return
    applied = apply_guarded(state.document, wanted)
    state.graph = Graph.of(state.document)
    state.changes.append(Change(None, "", applied.edits))


def _carry_compile(
    state: Folded, base: Base, patches: Sequence[Patch], inferrer: Inferrer | None
) -> list[Finding]:
    """Carry the compile configuration over, or do with it what the last patch that speaks says."""
    speaking = [patch for patch in patches if patch.compile is not None]
    said = speaking[-1].compile if speaking else None
    try:
        carried = carried_compile(state.document, base.graph, state.graph, state.came, said)
        if isinstance(said, Mapping) and inferrer is not None:
            inferrer.check_compile(carried.config)
    except PatchError as error:
        raise PatchError(speaking[-1].source.place(error.problems)) from None
    _last_change(state, list(carried.edits))
    findings = [Finding(problem) for problem in carried.findings]
    for earlier, later in pairwise(speaking):
        if earlier.compile != later.compile and not any(earlier is p for p in later.sequence):
            other = earlier.name or earlier.source.file or "an earlier patch"
            problem = Problem(
                code="PS428",
                message="another patch says something else of `compile`; this one wins",
                at=("compile",),
                notes=(f"the other is `{other}`",),
            )
            findings += [Finding(one) for one in later.source.place([problem])]
    return findings


def _mask_findings(state: Folded, shapes: Shapes) -> Iterator[Finding]:
    """Where a recorded mask now passes a new layer that carries none."""
    for layer in state.graph.walk():
        for call in layer.calls:
            data = next((slot for slot in call.slots if slot.in_args), None)
            masked = any(slot.key == ("kwargs", "mask") for slot in call.slots)
            if not masked or data is None:
                continue
            source = "/".join((*layer.parents, data.tensor.layer))
            made = shapes.inferred.get(source)
            if source in state.new and made is not None and not made.carries_masks:
                problem = Problem(
                    code="PS414",
                    message=f"`{layer.path}` still reads its mask, which passes `{source}`, a "
                    "layer that carries none",
                    at=state.new[source].created.at,
                )
                yield Finding(problem, state.new[source].place)


MAX_VALUES = 1 << 30
"""The most values that a plan initialises: 4 GiB of float32, more than any head or adapter."""


def _check_size(moves: Sequence[Move], patches: Sequence[Patch]) -> None:
    """Refuse new layers whose variables nobody could want or hold."""
    total = 0
    for move in moves:
        total += move.grown
        if total > MAX_VALUES and move.place is not None:
            problem = Problem(
                code="PS710",
                message=f"`{move.path}` brings the new variables to {total:,} values, more than "
                f"{MAX_VALUES:,}",
                hint="look for a number that is too large",
            )
            patch = patches[move.place.patch]
            raise placed(PatchError([problem]), patch, move.place.of(patches))


def _check_frozen(state: Folded, known: Known, patches: Sequence[Patch]) -> None:
    """Refuse a freeze that a saved config cannot hold: Keras would let the layer train again.

    Keras makes the parts of a composite layer (attention) anew when it loads one, and they train.
    """
    for path, place in state.touched.items():
        layer = state.graph.by_path.get(path)
        origin = state.origins.get(path)
        if layer is None or origin is None or layer.inner is not None or known.inferrer is None:
            continue
        was = known.base.graph.by_path[origin].config.get("trainable", True)
        if was is False or layer.config.get("trainable") is not False:
            continue
        recorded = state.graph.home(path).recorded
        still = [v.name for v in known.built(layer, recorded) or () if v.trainable]
        if still:
            problem = Problem(
                code="PS418",
                message=f"freezing `{path}` would not survive saving: Keras lets the variables of "
                f"a {layer.class_name} train again when it is loaded ({some(still)})",
                at=("layers",),
                hint="leave it out of the selector",
            )
            raise placed(PatchError([problem]), patches[place.patch], place.of(patches))


def _allowed(finding: Finding, patches: Sequence[Patch]) -> Finding:
    if finding.place is None:
        return finding
    step = finding.place.of(patches)
    at = (*step.at, *finding.problem.at)
    [problem] = patches[finding.place.patch].source.place([replace(finding.problem, at=at)])
    return Finding(problem, finding.place, finding.problem.code in step.allow)


def _unaccounted(error: UnaccountedError, state: Folded, patches: Sequence[Patch]) -> PatchError:
    """The variables without a home, each at the step that took it: its own, or one before it."""
    problems: list[Problem] = []
    for fault in error.found:
        place = fault.place
        if place is None and fault.layer is not None:
            place = _cause(state, fault.layer)
        if place is None:
            problems.append(fault.problem)
        else:
            one = placed(PatchError([fault.problem]), patches[place.patch], place.of(patches))
            problems += one.problems
    return PatchError(problems)
