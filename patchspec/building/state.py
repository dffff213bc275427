"""What layers hold beside their saved variables: vocabularies, generators, recurrent states."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras

from patchspec.building.subclasses import functional_form
from patchspec.building.variables import Holder, holders, is_model
from patchspec.models.base import Base
from patchspec.models.layout import layer_groups, named_path
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import Problem, some


def carry_state(plan: Plan, model: Any) -> Iterator[Finding]:
    """What layers hold beside their saved variables: vocabularies, and the state of generators."""
    kept = {path: origin for path, origin in plan.origins.items() if origin is not None}
    if plan.base.live is not None:
        _generators_from_live(plan.base.live, model, kept)
        give_assets(model, {h.path: own for h, own in saved_assets(plan.base.live)}, plan.origins)
        return
    give_assets(model, archived_assets(plan.base), plan.origins)
    layers = [(path, layer) for path, layer in _by_path(model) if path in kept]
    seeded = [path for path, layer in layers if _generators(layer) and _draws(layer)]
    stateful = [path for path, layer in layers if getattr(layer, "stateful", False)]
    for what, paths in (("random generators", seeded), ("recurrent layers", stateful)):
        if paths:
            problem = Problem(
                code="PS507",
                message=f"a `.keras` file holds no state of {what}; those of {some(paths)} start "
                "anew",
            )
            yield Finding(problem)


def _generators_from_live(source: Any, model: Any, kept: Mapping[str, str]) -> None:
    theirs = dict(_by_path(source, inside=True))
    for path, layer in _by_path(model):
        origin = theirs.get(kept.get(path, ""))
        if origin is not None:
            _copy_generators(layer, origin)
            _copy_states(layer, origin)


def _by_path(model: Any, prefix: str = "", *, inside: bool = False) -> Iterator[tuple[str, Any]]:
    """The layers of a model that are no models themselves, by path, at every level.

    With `inside` those of subclasses are listed too, beside the subclass.
    """
    for layer in model.layers:
        if is_model(layer) or (inside and functional_form(layer) is not None):
            yield from _by_path(layer, f"{prefix}{layer.name}/", inside=inside)
        if not is_model(layer):
            yield f"{prefix}{layer.name}", layer


def _draws(layer: Any) -> bool:
    """Whether a layer with a generator uses it: a recurrent one has it for dropouts of zero too."""
    config = layer.get_config()
    rates = [config[key] for key in ("rate", "dropout", "recurrent_dropout") if key in config]
    return not rates or any(rates)


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


def archived_assets(base: Base) -> dict[str, dict[str, bytes]]:
    """The assets of a `.keras` file by the path of the part that saved them."""
    groups = {group: layer.path for layer, group in layer_groups(base.graph)}
    found: dict[str, dict[str, bytes]] = {}
    for stored, content in base.assets.items():
        folder, _, name = stored.removeprefix("assets/").rpartition("/")
        owner = named_path(groups, f"{folder}/{name}")
        if owner is not None:
            found.setdefault(owner.removesuffix(f"/{name}"), {})[name] = content
    return found
