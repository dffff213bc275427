"""Names and sharing: what Keras 2 allowed among layers and Keras 3 does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.models.dialects.notes import Notes
from patchspec.problems import refuse

_TRIPLE = 3


def check_sharing(document: Mapping[str, Any], origin: str) -> None:
    """Refuse (PS505) a layer that TensorFlow says is one and the same at two levels of nesting."""
    seen: dict[Any, str] = {}
    for path, one in _layers(document, ""):
        shared = one.get("shared_object_id")
        level = path.rpartition("/")[0]
        if shared is not None and seen.setdefault(shared, level) != level:
            refuse(
                "PS505",
                f"`{path}` in `{origin}` is shared between levels of nesting",
                hint="Keras saves its weights once and cannot load such a file itself; use the "
                "layer at one level only",
            )


def _layers(model: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for one in _listed(model):
        name = _name(one)
        own = f"{path}/{name}" if path else name
        yield own, one
        yield from _layers(one, own)


def _listed(model: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    config = model.get("config")
    found = config.get("layers") if isinstance(config, Mapping) else config
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        return []
    return found


def _name(one: Mapping[str, Any]) -> str:
    config = one.get("config")
    own = config.get("name") if isinstance(config, Mapping) else None
    return str(one.get("name") or own or "")


def without_slashes(document: Mapping[str, Any], notes: Notes) -> dict[str, Any]:
    """The document with `_` for every `/` in a layer's name, which Keras 3 takes for a path.

    The names under which the file keeps the weights are noted.
    """
    return _renamed(document, "", notes)


def _renamed(model: Mapping[str, Any], path: str, notes: Notes) -> dict[str, Any]:
    listed = _listed(model)
    taken = {_name(one) for one in listed if "/" not in _name(one)}
    names: dict[str, str] = {}
    for one in listed:
        old = _name(one)
        if "/" in old:
            new = old.replace("/", "_")
            while new in taken:
                new += "_"
            taken.add(new)
            names[old] = new
            own = f"{path}/{new}" if path else new
            notes.sources.append((own, f"{path}/{old}" if path else old))
            notes.step(own, f"was called `{old}`; a name of Keras 3 has no `/`")
    layers = [_entry(one, path, names, notes) for one in listed]
    config = model.get("config")
    if not listed:
        return dict(model)
    if not isinstance(config, Mapping):
        return {**model, "config": layers}
    made = {**config, "layers": layers}
    for key in ("input_layers", "output_layers"):
        if key in config:
            made[key] = _references(config[key], names)
    return {**model, "config": made}


def _entry(
    one: Mapping[str, Any], path: str, names: Mapping[str, str], notes: Notes
) -> dict[str, Any]:
    old = _name(one)
    new = names.get(old, old)
    made = _renamed(one, f"{path}/{new}" if path else new, notes)
    if "name" in made:
        made["name"] = new
    if isinstance(made.get("config"), Mapping) and "name" in made["config"] and old in names:
        made["config"] = {**made["config"], "name": new}
    if names and "inbound_nodes" in made:
        made["inbound_nodes"] = _references(made["inbound_nodes"], names)
    return made


def _references(value: Any, names: Mapping[str, str]) -> Any:
    """The same structure, with triples that name a renamed layer changed."""
    if isinstance(value, list):
        is_triple = (
            len(value) >= _TRIPLE and isinstance(value[0], str) and isinstance(value[1], int)
        )
        parts = [_references(item, names) for item in value]
        return [names.get(value[0], value[0]), *parts[1:]] if is_triple else parts
    if isinstance(value, Mapping):
        return {key: _references(item, names) for key, item in value.items()}
    return value
