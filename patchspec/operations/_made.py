"""What a new layer is made from: a class and a config, another layer, or an input of the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from patchspec.graph import edits
from patchspec.graph.edits import Edit, add, plain
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.layers.check import check_layer
from patchspec.layers.table import layer_class
from patchspec.operations._operation import Target
from patchspec.problems import PatchError, Pointer, refuse

OWN_PLACE = ("name", "trainable")
"""Keys of a config that a new layer does not take over from another."""


@dataclass(frozen=True, slots=True)
class Made:
    """The class and the constructor arguments of a new layer."""

    class_name: str
    config: Mapping[str, Any]
    head: tuple[str | None, str, str | None] | None = None
    """Module, class name and registered name, where another layer says them."""
    like: str | None = None
    """The layer that it is made like, by path: of it `keep` takes variables."""


def made_like(layer: Mapping[str, Any], graph: Graph, target: Target, *, at: Pointer) -> Made:
    """What `class`, `like` and `config` say together.

    `like` gives the class and the configuration of a layer that is there, `class` another class, as
    far as that knows the keys; what `config` says stands above both. The target itself may be named
    without the models around it, as `$(target)` does.
    """
    config = dict(layer.get("config", {}))
    if "like" not in layer:
        return Made(str(layer["class"]), config)
    source = layer_meant(layer["like"], target, graph, at=(*at, "like"))
    if source.is_input or source.is_operation or source.inner is not None:
        kind = "a nested model" if source.inner is not None else "no layer that has a constructor"
        refuse("PS415", f"`{source.path}` is {kind}, and nothing is made like it", at=(*at, "like"))
    own = source.class_names[-1]
    class_name = str(layer.get("class", own))
    taken = {k: v for k, v in plain(source.config).items() if k not in OWN_PLACE}
    if isinstance(taken.get("dtype"), Mapping):
        taken["dtype"] = unquantized(taken["dtype"])
    known = layer_class(class_name)
    head = None
    if class_name in source.class_names:
        entry = source.entry
        head = (entry.get("module"), str(entry["class_name"]), entry.get("registered_name"))
    elif known is not None:
        taken = {k: v for k, v in taken.items() if k in known.parameters or k == "dtype"}
    problems = [
        replace(problem, at=(*at, *problem.at))
        for problem in check_layer(class_name, {**_unwritten(taken), **config})
        if "like" not in problem.at and not _is_of_source(problem.at, config)
    ]
    if problems:
        raise PatchError(problems)
    return Made(class_name, {**taken, **config}, head, source.path)


def layer_meant(said: Any, target: Target, graph: Graph, *, at: Pointer) -> Layer:
    """The layer of a path; the target under its own name too, for which `$(target)` stands."""
    nested = target.parent and said == target.name
    return graph.layer(target.path if nested else str(said), at=at)


def _unwritten(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config as an author may write it: without what only the place of a layer says."""
    return {key: value for key, value in config.items() if key != "dtype"}


def _is_of_source(at: Pointer, config: Mapping[str, Any]) -> bool:
    """Whether a problem is of a key that came from the other layer: Keras wrote it itself."""
    return len(at) > 1 and at[0] == "config" and at[1] not in config


def input_entry(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of an input layer as Keras writes it; `said` holds `shape`, without the batch."""
    config = {
        "batch_shape": [said.get("batch_size"), *said["shape"]],
        "dtype": said.get("dtype", "float32"),
        "sparse": False,
        "ragged": False,
        "name": name,
        "optional": False,
    }
    return {
        "module": "keras.layers",
        "class_name": "InputLayer",
        "config": config,
        "registered_name": None,
        "name": name,
        "inbound_nodes": [],
    }


def new_input(
    name: str, layer: Mapping[str, Any], home: Graph, *, at: Pointer
) -> tuple[dict[str, Any], Edit]:
    """The entry of a new input layer, and the edit that makes it the last input of the model."""
    if home.parents:
        refuse(
            "PS415",
            f"`{home.path}` is a nested model, and its calls give it no further input",
            at=(*at, "class"),
            hint="add the input to the whole model",
        )
    said = layer.get("config", {})
    if "inputs" in layer:
        refuse("PS216", "an InputLayer reads nothing", at=(*at, "inputs"), on="key")
    entry = input_entry(name, said)
    present, end = home.config["input_layers"], [name, 0, 0]
    pointer = (*home.pointer, "input_layers")
    if isinstance(present, Mapping):
        return entry, add((*pointer, name), end)
    if present and isinstance(present[0], str):
        return entry, edits.replace(pointer, [plain(present), end])
    return entry, add((*pointer, "-"), end)


def policy(said: Any) -> Any:
    """A dtype policy as Keras writes it, from its name or as it is."""
    if not isinstance(said, str):
        return said
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": {"name": said},
        "registered_name": None,
    }


def unquantized(said: Mapping[str, Any]) -> Any:
    if said.get("class_name") == "DTypePolicy":
        return plain(said)
    source = said.get("config", {}).get("source_name")
    return policy(str(source)) if source else plain(said)
