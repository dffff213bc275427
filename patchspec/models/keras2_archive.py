"""Where Keras 2.13 to 2.15 and tf-keras put variables in a `.keras` file.

As in Keras 3, the group of a layer is its class and a counter over the layers in their order in
the config, and carries no name. Keras 2.13 went through the layers of a checkpoint instead, in
which a layer that has weights stands twice, so that it counts twice. On Windows the separator of
the first group was a backslash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.dialects.entries import is_model
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.layout import snake_case
from patchspec.models.parts import Part, parts_of_model
from patchspec.models.weight_names import Weight, placed_parts
from patchspec.models.weights_file import Stored, variable_of
from patchspec.problems import refuse

CHECKPOINT = "_layer_checkpoint_dependencies"
LAYERS = "layers"
_NOT_LAYERS = ("optimizer/", "metrics/", "vars/", "_")
_PRIVATE = re.compile(r"/_(?=(query|key|value|output)_dense/)")


def keras2_variables(
    old: Mapping[str, Any],
    graph: Graph,
    stored: Mapping[str, Stored],
    found: Upgraded,
    origin: str,
) -> dict[str, Variable]:
    """The variables of an upgraded model by path; `old` is the config as the file has it."""
    by_path = {path.replace("\\", "/"): one for path, one in stored.items()}
    style = CHECKPOINT if any(path.startswith(CHECKPOINT) for path in by_path) else LAYERS
    sources = dict(found.sources)
    parts = list(parts_of_model(graph))
    weighted = {_owner(part, sources) for part in parts}
    groups = dict(_groups(old, "", "", style, weighted))
    given: dict[int, list[Weight]] = {}
    for path in sorted(by_path, key=_natural):
        one = by_path[path]
        group, inner = _split(path, groups)
        if group is None:
            if path.startswith(("optimizer/", "metrics/", "vars/")):
                continue
            refuse("PS913", f"`{origin}` stores `{path}`, which belongs to no layer of its config")
        owner = _PRIVATE.sub("/", f"{groups[group]}/{inner}").rpartition("/vars/")[0]
        place = next((i for i, p in enumerate(parts) if _owner(p, sources) == owner), None)
        number = int(path.rpartition("/")[2])
        if place is None:
            refuse("PS913", f"`{origin}` stores `{path}`, which its config does not know")
        leaves = parts[place].leaves
        leaf = leaves[number] if leaves and number < len(leaves) else str(number)
        variable = variable_of(one, "")
        given.setdefault(place, []).append(Weight(path, (), leaf, variable))
    dealt = [(part, given.get(i, [])) for i, part in enumerate(parts)]
    return placed_parts(dealt, found, origin, theano=False)


def _owner(part: Part, sources: Mapping[str, str]) -> str:
    """The path of a part's variables under the old name of its layer."""
    owner = part.owner
    for path, source in sorted(sources.items(), key=lambda pair: -len(pair[0])):
        if owner == path or owner.startswith(f"{path}/"):
            owner = source + owner[len(path) :]
    return owner


def _split(path: str, groups: Mapping[str, str]) -> tuple[str | None, str]:
    parts = path.split("/")
    for end in range(len(parts) - 1, 0, -1):
        group = "/".join(parts[:end])
        if group in groups:
            return group, "/".join(parts[end:])
    return None, path


def _groups(
    entry: Mapping[str, Any], path: str, prefix: str, style: str, weighted: set[str]
) -> Iterator[tuple[str, str]]:
    """Every layer's group in the file, and its path by names."""
    config = entry["config"]
    listed = config if isinstance(config, list) else config["layers"]
    sequential = isinstance(config, list) or "input_layers" not in config
    counts: dict[str, int] = {}
    for one in listed:
        if sequential and one["class_name"] == "InputLayer":
            continue
        name = str(one.get("name") or one["config"].get("name"))
        own = f"{path}/{name}" if path else name
        snake = snake_case(str(one["class_name"]))
        count = counts.get(snake, 0)
        has_weights = any(w == own or w.startswith(f"{own}/") for w in weighted)
        counts[snake] = count + (2 if style == CHECKPOINT and has_weights else 1)
        group = f"{prefix}{style}/{snake}_{count}" if count else f"{prefix}{style}/{snake}"
        yield group, own
        if is_model(one):
            yield from _groups(one, own, f"{group}/", style, weighted)


def _natural(path: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(p), "") if p.isdigit() else (-1, p) for p in path.split("/"))
