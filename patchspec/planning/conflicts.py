"""Conflicts: two patches that set the same thing, of which the later one wins.

A patch that extends another may say something else on purpose; so may a later step of one patch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from patchspec.language.patch import Patch
from patchspec.planning.plan import Conflict, Finding, Place
from patchspec.problems import Pointer, Problem, some
from patchspec.weights.pipelines import OTHERS, Rulings

Written = dict[str, dict[Pointer, tuple[Place, Any]]]
"""For every layer, by path, what steps wrote into its entry: by pointer, the step and the value."""


def written_over(
    written: Written, values: Iterable[tuple[str, Pointer, Any]], place: Place
) -> Iterator[Conflict]:
    """The conflicts of values with what stands in the ledger; they are entered in it."""
    for path, pointer, value in values:
        key = _meant(pointer)
        if key is None:
            continue
        own = written.setdefault(path, {})
        before = own.get(key)
        if before is not None and before[0].patch != place.patch and before[1] != value:
            yield Conflict(f"`{key[-1]}` of `{path}`", before[0], place)
        own[key] = (place, value)


def _meant(pointer: Pointer) -> Pointer | None:
    """What an author means by it: a key of the config or a call argument, not wiring or names."""
    if pointer[0] == "config" and len(pointer) > 1 and pointer[-1] != "name":
        inner = [i for i, part in enumerate(pointer) if part in ("inbound_nodes", "layers")]
        wiring = pointer[1] in ("input_layers", "output_layers")
        return None if inner or wiring else pointer
    is_argument = "kwargs" in pointer and pointer[-1] != "keras_history"
    return pointer if is_argument and pointer[-2] == "kwargs" else None


def taken_away(written: Written, path: str, place: Place) -> Iterator[Conflict]:
    """The conflicts of a step that takes a layer away with steps that wrote into it."""
    places = {before for before, _ in written.pop(path, {}).values()}
    for before in sorted(places, key=lambda p: (p.patch, p.step)):
        if before.patch != place.patch:
            yield Conflict(f"`{path}`, which is taken away after it was changed", before, place)


def ruled_over(
    earlier: Sequence[tuple[Rulings, Place]], rulings: Rulings, path: str, place: Place
) -> Iterator[Conflict]:
    """The conflicts of rules that start values anew with those of earlier patches."""
    for before, at in earlier:
        both = set(before) & set(rulings) or ({OTHERS} if OTHERS in {*before, *rulings} else set())
        for name in sorted(both):
            pipeline = rulings.get(name) or next(iter(rulings.values()))
            if at.patch != place.patch and any(ruling.starts for ruling in pipeline):
                what = "the weights" if name == OTHERS else f"the `{name}`"
                yield Conflict(f"{what} of `{path}`", at, place)


def conflict_findings(conflicts: Iterable[Conflict], patches: Sequence[Patch]) -> Iterator[Finding]:
    """A finding for each two steps that conflict, of patches of which none extends the other."""
    together: dict[tuple[Place, Place], list[str]] = {}
    for conflict in dict.fromkeys(conflicts):
        together.setdefault((conflict.first, conflict.second), []).append(conflict.what)
    for (first, second), what in together.items():
        earlier, later = patches[first.patch], patches[second.patch]
        if any(earlier is one for one in later.sequence):
            continue
        step = first.of(patches)
        [there] = earlier.source.place([Problem(code="PS428", message="", at=step.at)])
        line = f", line {there.span.line}" if there.span else ""
        label = earlier.name or earlier.source.file or f"patch {first.patch}"
        problem = Problem(
            code="PS428",
            message=f"another patch says something else of {some(what)}; this one wins",
            notes=(f"the other is `{label}`{line}: {step.label}",),
            hint="`allow: [PS428]` accepts it",
        )
        yield Finding(problem, second)
