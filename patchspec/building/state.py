"""What layers hold beside their saved variables: vocabularies, generators, states, LoRA."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from patchspec.building.subclasses import functional_form
from patchspec.building.variables import Holder, holders, is_model
from patchspec.planning.plan import Plan
from patchspec.rewriting.assets import assets_by_part


def carry_state(plan: Plan, model: Any) -> None:
    """What layers hold beside their saved variables: vocabularies, and the state of generators."""
    kept = {path: origin for path, origin in plan.origins.items() if origin is not None}
    if plan.base.live is None:
        give_assets(model, assets_by_part(plan.base), plan.origins)
        return
    _from_live(plan, model, kept)
    give_assets(model, {h.path: own for h, own in saved_assets(plan.base.live)}, plan.origins)


def _from_live(plan: Plan, model: Any, kept: Mapping[str, str]) -> None:
    theirs = dict(_by_path(plan.base.live, inside=True))
    changed = changed_layers(plan)
    for path, layer in _by_path(model):
        origin = theirs.get(kept.get(path, ""))
        if origin is not None:
            _copy_generators(layer, origin)
            _copy_states(layer, origin)
            if path not in changed and _has_lora(origin):
                _copy_variables(layer, origin)


def changed_layers(plan: Plan) -> set[str]:
    """The layers that stay, with other values in some of their variables."""
    moved = (move for move in plan.moves if move.action not in ("kept", "dropped"))
    return {plan.graph.holding(move.path).path for move in moved}


def _has_lora(layer: Any) -> bool:
    return any(getattr(one, "lora_enabled", False) for one in layer._flatten_layers())


def _copy_variables(mine: Any, other: Any) -> None:
    """Every variable as it is: a kernel and the matrices beside it, which are saved as one."""
    pairs = list(zip(mine.weights, other.weights, strict=False))
    if len(mine.weights) == len(other.weights) and all(a.shape == b.shape for a, b in pairs):
        for target, source in pairs:
            target.assign(source)


def _by_path(model: Any, prefix: str = "", *, inside: bool = False) -> Iterator[tuple[str, Any]]:
    """The layers of a model that are no models themselves, by path, at every level.

    With `inside` those of subclasses are listed too, beside the subclass.
    """
    for layer in model.layers:
        if is_model(layer) or (inside and functional_form(layer) is not None):
            yield from _by_path(layer, f"{prefix}{layer.name}/", inside=inside)
        if not is_model(layer):
            yield f"{prefix}{layer.name}", layer


def _copy_states(mine: Any, other: Any) -> None:
    """The states of a stateful recurrent layer, where they fit: a changed layer starts anew."""
    if not getattr(mine, "stateful", False):
        return
    pairs = zip(keras.tree.flatten(mine.states), keras.tree.flatten(other.states), strict=False)
    for target, source in pairs:
        if target is not None and source is not None and target.shape == source.shape:
            target.assign(source)


def _generators(layer: Any) -> list[Any]:
    found = [*getattr(layer, "_seed_generators", ())]
    for inner in getattr(layer, "_layers", ()):
        found += _generators(inner)
    return found


def _copy_generators(mine: Any, other: Any) -> None:
    pairs = zip(_generators(mine), _generators(other), strict=False)
    for target, source in pairs:
        target.state.assign(source.state)


def saved_assets(model: Any) -> Iterator[tuple[Holder, dict[str, bytes]]]:
    """What parts of the model save beside their weights: files by name, vocabularies say."""
    for holder in holders(model):
        if not hasattr(holder.saveable, "save_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            holder.saveable.save_assets(folder)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            found = {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(files)}
        if found:
            yield holder, found


def give_assets(
    model: Any,
    files: Mapping[str, Mapping[str, bytes]],
    origins: Mapping[str, str | None] | None = None,
) -> None:
    """Have the parts of the model load their files; `files` are by the path of the part.

    `origins` are the paths that layers had where the files come from, where they had others.
    """
    if not files:
        return
    for holder in holders(model):
        origin = holder.layer if origins is None else origins.get(holder.layer)
        own = files.get(f"{origin}{holder.path.removeprefix(holder.layer)}")
        if origin is None or not own or not hasattr(holder.saveable, "load_assets"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for file, content in own.items():
                target = Path(folder) / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            holder.saveable.load_assets(folder)
