"""Keras 3's own files of weights: `.weights.h5`, and its shards beside a `.weights.json`.

Groups are called by class and counter (`layers/dense_1/vars/0`). Since Keras 3.6 they also carry
the name of their layer, and the name decides: a counter depends on the order of the layers, a name
does not. Where a file says no name, which older ones never do and shards leave out for what has no
variables of its own, the group follows from the config (`layout`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.models.base import Variable
from patchspec.models.content import Content, opened
from patchspec.models.document import read_json
from patchspec.models.layout import layer_groups, named_path, snake_case
from patchspec.models.shards import existing, shard
from patchspec.models.weights_file import Stored, contents_of, variable_of
from patchspec.problems import PatchError, Problem, refuse, some

MAX_MAP = 64 << 20
MAX_SHARDS = 10_000
_OTHERS = ("vars/", "metrics/")
"""What Keras stores beside layers and the optimizer, and what no layer owns."""
_POSITIONAL = re.compile(r"(_layer_checkpoint_dependencies|layers)/(.+/)?vars/\d+$")
_LAYER_GROUP = re.compile(r"layers/[^/]+$")


@dataclass(frozen=True, slots=True)
class Positional:
    """What a file of Keras 3 stores, and the layer names that its groups carry."""

    origin: str
    stored: Mapping[str, Stored]
    names: Mapping[str, str]
    """By the path of a group that ends in `vars`."""


@dataclass(frozen=True, slots=True)
class Named:
    """The same by layer names: variables by path, and the optimizer's by their path in the file."""

    variables: Mapping[str, Variable]
    optimizer: Mapping[str, Variable]


def is_positional(paths: Iterable[str]) -> bool:
    """Whether stored paths are those of Keras 3's format, which tf-keras from 2.13 on has too."""
    return any(_POSITIONAL.match(path.replace("\\", "/")) for path in paths)


def read_positional(content: Content, origin: str) -> Positional:
    """What one HDF5 file stores."""
    found = contents_of(content, origin)
    return Positional(origin, found.stored, found.names)


def read_sharded(path: Path) -> Positional:
    """What the shards store that a `.weights.json` names; each lies in its folder.

    The file is `{"metadata": ..., "weight_map": {group: [file, ...]}}` (Keras 3.15,
    `saving_lib.ShardedH5IOStore`). PS923 where a shard lies elsewhere, PS902 where one is missing.
    """
    origin = str(path)
    with path.open("rb") as file:
        content = file.read(MAX_MAP + 1)
    if len(content) > MAX_MAP:
        refuse("PS703", f"`{origin}` is longer than {MAX_MAP} bytes")
    said = read_json(content, origin)
    groups = said.get("weight_map") if isinstance(said, Mapping) else None
    if not isinstance(groups, Mapping):
        refuse("PS903", f"`{origin}` does not say which shards hold which weights")
    files = list(dict.fromkeys(_files(groups)))
    if len(files) > MAX_SHARDS:
        refuse("PS703", f"`{origin}` names more than {MAX_SHARDS} shards")
    stored: dict[str, Stored] = {}
    names: dict[str, str] = {}
    for one in files:
        where = existing(shard(path.parent, one, origin), origin)
        part = read_positional(opened(where), str(where))
        twice = [p for p in part.stored if p in stored]
        unlike = [p for p, name in part.names.items() if names.get(p, name) != name]
        if twice or unlike:
            refuse("PS508", f"shards of `{origin}` contradict each other: {some(twice or unlike)}")
        stored |= part.stored
        names |= part.names
    return Positional(origin, stored, names)


def _files(groups: Mapping[str, object]) -> Iterator[object]:
    for said in groups.values():
        yield from said if isinstance(said, list) else [said]


def named(graph: Graph, weights: Positional) -> Named:
    """Variables under the paths of the model; PS508 where names and config contradict each other.

    That all are there, and that they fit, is for `fitting` to say.
    """
    found = _Groups(weights)
    found.match(graph, "")
    if found.problems:
        raise PatchError(found.problems)
    groups = {group: layer.path for group, layer in found.layers.items()}
    variables: dict[str, Variable] = {}
    optimizer: dict[str, Variable] = {}
    for path, one in weights.stored.items():
        own = named_path(groups, path)
        if own is not None:
            variables[own] = variable_of(one, own)
        elif path.startswith("optimizer/"):
            optimizer[path] = variable_of(one, path)
        elif not path.startswith(_OTHERS):
            variables[path] = variable_of(one, path)
    return Named(variables, optimizer)


@dataclass
class _Groups:
    """Which layer each group of a file holds, found level by level."""

    weights: Positional
    layers: dict[str, Layer] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @cached_property
    def holding(self) -> frozenset[str]:
        """Every group that something is stored in, at any depth."""
        parents = (PurePosixPath(path).parents for path in self.weights.stored)
        return frozenset(str(parent) for listed in parents for parent in listed)

    def match(self, graph: Graph, prefix: str) -> None:
        """Match the groups under `prefix` with the layers of a model and of those nested in it."""
        by_name = {str(x.config.get("name", x.name)): x for x in graph.layers.values()}
        by_place = {group: layer for layer, group in layer_groups(graph, prefix)}
        taken: dict[str, str] = {}
        for group in self._under(prefix):
            said = self.weights.names.get(f"{group}/vars")
            layer = by_place.get(group) if said is None else by_name.get(said)
            if group not in self.holding:
                continue
            if layer is None:
                self._refuse(group, f"is `{said}`, which the config does not have", said)
            elif layer.path in taken:
                self._refuse(group, f"is `{layer.path}`, and so does `{taken[layer.path]}`", said)
            elif layer.inner is None and not _is_of_class(group, layer):
                self._refuse(group, f"is `{layer.path}`, which is a `{layer.class_name}`", said)
            else:
                taken[layer.path] = group
                self.layers[group] = layer
                if layer.inner is not None:
                    self.match(layer.inner, f"{group}/")

    def _under(self, prefix: str) -> list[str]:
        found: dict[str, None] = {}
        for path in (*self.weights.stored, *self.weights.names):
            head = "/".join(path.removeprefix(prefix).split("/")[:2])
            if path.startswith(prefix) and _LAYER_GROUP.match(head):
                found[f"{prefix}{head}"] = None
        return list(found)

    def _refuse(self, group: str, what: str, said: str | None) -> None:
        origin = self.weights.origin
        says = f"says that `{group}` {what}"
        if said is None:
            says = f"holds `{group}`, and the config has no layer there"
        self.problems.append(
            Problem(
                code="PS508",
                message=f"`{origin}` {says}",
                hint="the weights are those of another model",
            )
        )


def _is_of_class(group: str, layer: Layer) -> bool:
    own = group.rpartition("/")[2]
    return re.fullmatch(rf"{re.escape(snake_case(layer.class_name))}(_\d+)?", own) is not None
