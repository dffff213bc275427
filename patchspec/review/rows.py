"""What a plan changes, as rows that text and HTML lay out in their own ways."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.graph.tensors import Slot, Spec, Tensor
from patchspec.planning.plan import Check, Move, Plan
from patchspec.planning.summary import Lineage, calls_read, meant_value, names_after
from patchspec.problems import some
from patchspec.review.style import plural

SYMBOLS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "replaced": ("-/+", "yellow"),
    "changed": ("~", "yellow"),
    "rewired": ("~", "yellow"),
    "renamed": ("~", "yellow"),
}
"""The sign and the colour of each kind of change, in the order in which they are shown."""
NOTHING: Mapping[Tensor, Spec] = MappingProxyType({})
MANY = 12
"""How many names or rows of a kind are listed before the rest is counted."""


@dataclass(frozen=True, slots=True)
class LayerRow:
    """What becomes of a layer, or of several of which the same is said."""

    kind: str
    name: str
    what: str


@dataclass(frozen=True, slots=True)
class EndRow:
    """An input or output; `note` is `new`, `gone`, what it was called, or empty."""

    name: str
    tensor: str
    spec: str
    note: str


def form_sentences(plan: Plan) -> Iterator[str]:
    """Which models take another form: subclasses opened, Sequential models that branch."""
    for opened in plan.base.opened:
        which = f"`{opened.path}`" if opened.path else "the model"
        yield f"{which} is a {opened.class_name} and becomes a plain functional model"
    for path, change in zip(plan.branched, plan.changes, strict=False):
        which = f"`{path}`" if path else "the model"
        edits = plural(len(change.edits), "edit")
        said = "is a Sequential and becomes functional: it is patched into a branch"
        yield f"{which} {said} ({edits})"


def layer_rows(lineage: Lineage, many: int | None = MANY) -> list[LayerRow]:
    """All that becomes of layers, kind by kind; of `many` alike the names."""
    summary = lineage.layers
    after, before = lineage.after.by_path, lineage.before.by_path
    rows = [LayerRow("added", name, _new(after[name])) for name in summary.added]
    rows += [LayerRow("removed", name, before[name].class_name) for name in summary.removed]
    rows += [
        LayerRow("replaced", _arrow(old, new), _classes(before[old], after[new]))
        for old, new in summary.replaced
    ]
    rows += _alike("changed", [(n, _changed(lineage, n)) for n in summary.changed], many)
    rows += _alike("rewired", [(n, _rewired(lineage, n)) for n in summary.rewired], many)
    return rows + [LayerRow("renamed", _arrow(old, new), "") for old, new in summary.renamed]


def layer_changes(lineage: Lineage) -> dict[str, str]:
    """For every layer afterwards that changed, what of it did, one by one."""
    summary = lineage.layers
    after = lineage.after.by_path
    said = {name: _new(after[name]) for name in summary.added}
    said |= {new: _new(after[new]) for _, new in summary.replaced}
    parts: dict[str, list[str]] = {}
    for names, tell in ((summary.changed, _changed), (summary.rewired, _rewired)):
        for name in names:
            parts.setdefault(name, []).append(tell(lineage, name))
    return said | {name: "; ".join(told) for name, told in parts.items()}


def _alike(kind: str, rows: list[tuple[str, str]], many: int | None) -> list[LayerRow]:
    """Layers of which the same is said, in one row."""
    names: dict[str, list[str]] = {}
    for name, said in rows:
        names.setdefault(said, []).append(name)
    return [
        LayerRow(kind, found[0], said)
        if len(found) == 1
        else LayerRow(kind, plural(len(found), "layer"), f"{said} ({some(found, many)})")
        for said, found in names.items()
    ]


def _arrow(old: str, new: str) -> str:
    return new if old == new else f"{old} -> {new}"


def _new(layer: Layer) -> str:
    read = dict.fromkeys(str(slot.tensor) for call in layer.calls for slot in call.slots)
    return f"{layer.class_name}, reads {some(list(read), MANY)}" if read else layer.class_name


def _classes(old: Layer, new: Layer) -> str:
    return _arrow(old.class_name, new.class_name)


def _changed(lineage: Lineage, name: str) -> str:
    """Which keys of a layer's config change, from what to what."""
    changes = config_changes(lineage, name)
    return ", ".join(f"{path} {_value(old)} -> {_value(new)}" for path, old, new in changes)


def config_changes(lineage: Lineage, name: str) -> Iterator[tuple[str, Any, Any]]:
    """The keys of a layer's config that have another value afterwards, and both values."""
    before, after = lineage.origin(name).config, lineage.after.by_path[name].config
    unseen = ("name", "layers", "input_layers", "output_layers", "dtype", "build_input_shape")
    skipped = unseen if "layers" in after else unseen[:1]
    for key in {**before, **after}:
        if key not in skipped:
            old, new = meant_value(before.get(key)), meant_value(after.get(key))
            yield from _differences(key, old, new)


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """What differs, as deep inside as both are objects of one class: a wrapper's layers, say.

    An object with a name goes by it, another by its key.
    """
    if old == new:
        return
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        if all(_same_class(a, b) for a, b in pairs):
            for a, b in pairs:
                yield from _differences(path, a, b)
            return
    if not _same_class(old, new) or old["config"] == new["config"]:
        yield path, old, new
        return
    was, now = old["config"], new["config"]
    parents = path.rpartition("/")[0]
    here = "/".join(filter(None, (parents, now["name"]))) if "name" in now else path
    for key in {**was, **now}:
        yield from _differences(f"{here}/{key}", was.get(key), now.get(key))


def _same_class(old: Any, new: Any) -> bool:
    """Whether both are objects of one class as Keras writes them, with a config each."""
    return all(
        isinstance(value, Mapping) and isinstance(value.get("config"), Mapping)
        for value in (old, new)
    ) and bool(old.get("class_name") == new.get("class_name"))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        name = value.get("config", {}).get("name") if value.get("class_name") else None
        return str(name or value.get("class_name") or "{...}")
    return json.dumps(value)


def _rewired(lineage: Lineage, name: str) -> str:
    """What a layer reads instead of what, call by call where it has several."""
    was = calls_read(lineage.origin(name), names_after(lineage.origins))
    now = calls_read(lineage.after.by_path[name], {})
    if len(was) != len(now):
        return f"{plural(len(was), 'call')} -> {len(now)}"
    said = []
    for i, (old, new) in enumerate(zip(was, now, strict=True)):
        call = f"@{i} " if len(now) > 1 else ""
        came = [str(new[key]) for key in new if old.get(key) != new[key]]
        left = [str(old[key]) for key in old if old[key] != new.get(key)]
        parts = [f"reads {some(came, MANY)}"] if came else []
        parts += [f"no longer {some(left, MANY)}"] if left else []
        if parts:
            said.append(call + ", ".join(parts))
    return "; ".join(said)


@dataclass(frozen=True, slots=True)
class WeightRow:
    """A variable whose value is made or taken by a rule."""

    action: str
    name: str
    shape: str
    rule: str


def weight_rows_told(plan: Plan) -> list[WeightRow]:
    """The variables of which a patch says where their values come from, one by one."""
    return [
        WeightRow(move.action, _variable(move), _shapes(move), _rule(move))
        for move in plan.moves
        if move.action in ("adapted", "loaded") or (move.action == "initialised" and move.pipeline)
    ]


def _variable(move: Move) -> str:
    owner, _, number = move.path.rpartition("/vars/")
    return f"{owner}/{move.name or f'vars/{number}'}"


def _shapes(move: Move) -> str:
    new = "x".join(map(str, move.shape or ())) or "scalar"
    old = "x".join(map(str, move.shapes[0])) if move.shapes else new
    return new if old == new or not move.sources else f"{old} -> {new}"


def _rule(move: Move) -> str:
    [(model, path)] = move.sources or (("", ""),)
    whence = f" ({model}: {path})" if model not in ("", "base") else ""
    return f"{move.rule}{whence}"


def check_sentences(checks: Sequence[Check]) -> Iterator[str]:
    """How the expectations stand, in as few words as may be."""
    held = sum(check.holds is True for check in checks)
    if held:
        yield f"{plural(held, 'expectation')} {'holds' if held == 1 else 'hold'}"
    for reason in dict.fromkeys(check.actual for check in checks if check.holds is None):
        count = sum(check.actual == reason and check.holds is None for check in checks)
        yield f"{count} {reason}"


def input_rows(lineage: Lineage, specs: Mapping[Tensor, Spec] = NOTHING) -> list[EndRow]:
    """The inputs afterwards, then those that are gone; `specs` adds to what is recorded."""
    return list(_ends(lineage, lineage.before.inputs, lineage.after.inputs, specs))


def output_rows(lineage: Lineage, specs: Mapping[Tensor, Spec] = NOTHING) -> list[EndRow]:
    """The outputs afterwards, then those before that are gone."""
    return list(_ends(lineage, lineage.before.outputs, lineage.after.outputs, specs))


def _ends(
    lineage: Lineage,
    before: tuple[Slot, ...],
    after: tuple[Slot, ...],
    specs: Mapping[Tensor, Spec],
) -> Iterator[EndRow]:
    names = names_after(lineage.origins) | dict(lineage.layers.replaced)
    left = {
        replace(slot.tensor, layer=names.get(slot.tensor.layer, "")): (name, slot)
        for name, slot in zip(end_names(before), before, strict=True)
    }
    recorded = {**lineage.before.recorded, **lineage.after.recorded, **specs}
    for name, slot in zip(end_names(after), after, strict=True):
        was, _ = left.pop(slot.tensor, ("", slot))
        note = "" if was == name else f"was {was}" if was else "new"
        yield EndRow(name, str(slot.tensor), str(recorded.get(slot.tensor, "?")), note)
    for name, slot in left.values():
        yield EndRow(name, str(slot.tensor), str(recorded.get(slot.tensor, "")), "gone")
