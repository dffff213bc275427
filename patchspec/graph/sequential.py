"""A Sequential as a functional model, and back.

Keras writes a Sequential as a list of layers in which each reads the one before. The lens wires
such a list as a functional model is wired, so that an operation meets one form only; what it edits
is a chain again, or it is not, and then the Sequential must become functional in earnest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit
from patchspec.graph.entries import Entry, call_offset, entry_name, is_operation_entry
from patchspec.graph.tensors import Tensor, keras_tensor
from patchspec.problems import Pointer

FUNCTIONAL: Mapping[str, Any] = {
    "module": "keras.src.models.functional",
    "class_name": "Functional",
    "registered_name": "Functional",
    "build_config": {"input_shape": None},
}
"""What tells a functional model from a Sequential, beside its config."""
SEQUENTIAL_KEYS = ("dtype", "build_input_shape")
"""Keys of a Sequential's config that a functional model's has not."""


def is_sequential_config(config: Mapping[str, Any]) -> bool:
    """Whether a model's config is that of a Sequential: layers, and no wiring of its own."""
    return "input_layers" not in config


def wired(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a Sequential with the wiring that goes without saying.

    Entries stand where they stood and share their configs with it. A Sequential that does not
    begin with an InputLayer, which nobody has built, has no input here.
    """
    entries: list[dict[str, Any]] = []
    for entry in config["layers"]:
        nodes = [_node(entry_name(entries[-1]))] if entries else []
        entries.append({**entry, "name": entry_name(entry), "inbound_nodes": nodes})
    first = entries[0] if entries else None
    built = first is not None and first["class_name"] == "InputLayer"
    kept = {key: value for key, value in config.items() if key not in SEQUENTIAL_KEYS}
    return {
        **kept,
        "layers": entries,
        "input_layers": [entry_name(entries[0]), 0, 0] if built else [],
        "output_layers": [entry_name(entries[-1]), call_offset(entries[-1]), 0] if entries else [],
    }


def _node(source: str) -> dict[str, Any]:
    return {"args": [keras_tensor(Tensor(source), None)], "kwargs": {}}


def chained(config: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The entries of a functional config as a Sequential lists them; none where it is no chain.

    In a chain every layer is called once, on the one tensor that the layer before it makes, with no
    arguments that say anything.
    """
    entries = {entry_name(entry): entry for entry in config["layers"]}
    reads = {name: _lone_source(entry) for name, entry in entries.items()}
    start = _lone_end(config["input_layers"], entries)
    end = _lone_end(config["output_layers"], entries)
    chain: list[str] = []
    name = end
    while name is not None and name in entries and name not in chain:
        chain.append(name)
        name = reads[name]
    if not chain or name is not None or chain[-1] != start or len(chain) != len(entries):
        return None
    if any(is_operation_entry(entry) for entry in entries.values()):
        return None
    return [_unwired(entries[name]) for name in reversed(chain)]


def _lone_source(entry: Entry) -> str | None:
    """The layer that the one call of this one reads; none where that is not all there is to it."""
    nodes = entry.get("inbound_nodes") or []
    if len(nodes) != 1 or any(v not in (None, False) for v in nodes[0]["kwargs"].values()):
        return None
    args = nodes[0]["args"]
    tensor = args[0] if len(args) == 1 else None
    if not isinstance(tensor, Mapping) or tensor.get("class_name") != "__keras_tensor__":
        return None
    layer, call, output = tensor["config"]["keras_history"]
    return layer if (call, output) == (0, 0) else None


def _lone_end(structure: Any, entries: Mapping[str, Entry]) -> str | None:
    """The layer whose first call makes the lone end in its first output; none where it does not."""
    match structure:
        case [str(name), call, 0] if name in entries and call == call_offset(entries[name]):
            return name
    return None


def _unwired(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in ("name", "inbound_nodes")}


def functional_edits(entry: Entry, at: Pointer) -> Iterator[Edit]:
    """The edits that make a Sequential, whose entry stands at `at`, a functional model."""
    config = wired(entry["config"])
    here = (*at, "config")
    for key, value in FUNCTIONAL.items():
        yield (edits.replace if key in entry else edits.add)((*at, key), value)
    for i, layer in enumerate(config["layers"]):
        yield edits.add((*here, "layers", i, "name"), layer["name"])
        yield edits.add((*here, "layers", i, "inbound_nodes"), layer["inbound_nodes"])
    for key in ("input_layers", "output_layers"):
        yield edits.add((*here, key), config[key])
    for key in SEQUENTIAL_KEYS:
        if key in entry["config"]:
            yield edits.remove((*here, key))


def list_edits(before: Sequence[Entry], after: Sequence[Entry], at: Pointer) -> Iterator[Edit]:
    """The edits that make one list of layers, which stands at `at`, the other."""
    was, now = [entry_name(e) for e in before], [entry_name(e) for e in after]
    pairs = list(zip(before, after, strict=False))
    if len(was) == len(now) and sum(a != b for a, b in zip(was, now, strict=True)) <= 1:
        for i, (old, new) in enumerate(pairs):
            yield from _entry_edits(old, new, (*at, i))
        return
    kept = [name for name in was if name in now]
    if kept != [name for name in now if name in was]:
        yield edits.replace(at, list(after))
        return
    for i in reversed(range(len(was))):
        if was[i] not in now:
            yield edits.remove((*at, i))
    old_by_name = {entry_name(entry): entry for entry in before}
    length = len(kept)
    for i, new in enumerate(after):
        if now[i] in old_by_name:
            yield from _entry_edits(old_by_name[now[i]], new, (*at, i))
        else:
            yield edits.add((*at, i if i < length else "-"), new)
            length += 1


def _entry_edits(old: Entry, new: Entry, at: Pointer) -> Iterator[Edit]:
    if old == new:
        return
    if old["class_name"] != new["class_name"] or old.get("module") != new.get("module"):
        yield edits.replace(at, new)
    else:
        yield from _differences(old, new, at)


def _differences(old: Any, new: Any, at: Pointer) -> Iterator[Edit]:
    """Key by key as far down as both are mappings; anything else is replaced whole."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        if old != new or type(old) is not type(new):
            yield edits.replace(at, new)
        return
    for key in old:
        if key not in new:
            yield edits.remove((*at, key))
    for key, value in new.items():
        if key in old:
            yield from _differences(old[key], value, (*at, key))
        else:
            yield edits.add((*at, key), value)
