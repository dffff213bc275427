"""The conditions of a selector: each says of a layer why it does not hold, or nothing if it does.

Where a condition needs the whole graph, what it needs is worked out once, for all layers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from patchspec.graph.entries import leaf_configs
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Tensor
from patchspec.problems import refuse

Condition = Callable[[Layer], str | None]
Selected = Callable[[Any], set[str]]
"""The paths that a selector inside a condition matches."""

MAX_EXPRESSION = 200
_NESTED = re.compile(r"\((?:[^()\\]|\\.)*[*+}](?:[^()\\]|\\.)*\)[*+{]")
_BACK = re.compile(r"\\[1-9]|\(\?P=")


def by_class(value: Any, _graph: Graph, _selected: Selected) -> Condition:
    """Of one of the classes: `Conv2D`, `package>Name`."""
    wanted = {value} if isinstance(value, str) else set(value)

    def holds(layer: Layer) -> str | None:
        return None if wanted & set(layer.class_names) else f"it is a {layer.class_name}"

    return holds


def by_regex(value: Any, _graph: Graph, _selected: Selected) -> Condition:
    """Whose whole path the expression matches."""
    pattern = _expression(str(value))
    return lambda layer: None if pattern.fullmatch(layer.path) else "its path is another"


def _expression(text: str) -> re.Pattern[str]:
    """The expression compiled; refused where it is none, or could take for ever."""
    if len(text) > MAX_EXPRESSION or _NESTED.search(text) or _BACK.search(text):
        refuse(
            "PS312",
            f"`{text[:60]}` cannot be used as an expression: it is long, repeats a repetition, or "
            "refers back",
            hint="a glob, or several of them in a list, says most of what is needed",
        )
    try:
        return re.compile(text)
    except re.error as error:
        refuse("PS312", f"`{text}` is not a regular expression: {error}")


def by_where(value: Mapping[str, Any], _graph: Graph, _selected: Selected) -> Condition:
    """Whose config has these values."""

    def holds(layer: Layer) -> str | None:
        for key, wanted in value.items():
            if key not in layer.config:
                return f"`{key}` is not there"
            if not same_value(layer.config[key], wanted):
                return f"`{key}` is {shown(layer.config[key])}, not {shown(wanted)}"
        return None

    return holds


def by_has(value: Any, _graph: Graph, _selected: Selected) -> Condition:
    """Whose config holds the key, with any value, null too."""
    return lambda layer: None if value in layer.config else f"`{value}` is not there"


def by_not(value: Any, _graph: Graph, selected: Selected) -> Condition:
    """Which the selector leaves out."""
    left_out = selected(value)
    return lambda layer: "`not` leaves it out" if layer.path in left_out else None


def by_after(value: Any, graph: Graph, selected: Selected) -> Condition:
    """Which depend on one of the layers, themselves excluded."""
    later = reached(selected(value), graph, forward=True)
    return lambda layer: None if layer.path in later else "it depends on none of them"


def by_before(value: Any, graph: Graph, selected: Selected) -> Condition:
    """Which one of the layers depends on, themselves excluded."""
    earlier = reached(selected(value), graph, forward=False)
    return lambda layer: None if layer.path in earlier else "none of them depends on it"


def by_reads(value: Any, _graph: Graph, selected: Selected) -> Condition:
    """Which read directly from one of the layers."""
    sources = selected(value)

    def holds(layer: Layer) -> str | None:
        read = {path_of(layer, slot.tensor) for call in layer.calls for slot in call.slots}
        return None if read & sources else "it reads none of them"

    return holds


def by_trainable(value: Any, graph: Graph, _selected: Selected) -> Condition:
    """Which train, or do not: the containers around them have a say too."""
    stopped = _stopped(graph)

    def holds(layer: Layer) -> str | None:
        if layer.is_input or layer.is_operation:
            return "it has nothing to train"
        containers = ("/".join(layer.parents[:end]) for end in range(len(layer.parents) + 1))
        around = any(path in stopped for path in containers)
        own = layer.config.get("trainable", True) is not False or layer.inner is None
        leaves = [config for _, config in leaf_configs(layer.config, ())]
        trains = not around and own and any(c.get("trainable", True) is not False for c in leaves)
        return None if trains is value else "it trains" if trains else "it does not train"

    return holds


def _stopped(graph: Graph) -> set[str]:
    """The models whose own flag is false, by path."""
    return {m.path for m in graph.models() if m.config.get("trainable", True) is False}


def by_output_shape(value: Any, graph: Graph, _selected: Selected) -> Condition:
    """Which make a tensor of this shape; null stands for an open size."""
    wanted = tuple(value)
    known = graph.known_specs

    def holds(layer: Layer) -> str | None:
        own = known.get(layer.home, {})
        shapes = {spec.shape for tensor, spec in own.items() if tensor.layer == layer.name}
        if not shapes:
            return "the shape of what it makes is not known here"
        if wanted in shapes:
            return None
        return f"it makes {shown(list(min(shapes, key=str)))}"

    return holds


CONDITIONS: Mapping[str, Callable[[Any, Graph, Selected], Condition]] = {
    "class": by_class,
    "regex": by_regex,
    "where": by_where,
    "has": by_has,
    "trainable": by_trainable,
    "output_shape": by_output_shape,
    "reads": by_reads,
    "after": by_after,
    "before": by_before,
    "not": by_not,
}
"""In the order in which they are tried: a near-miss names the first that fails."""


def shown(value: Any) -> str:
    """The value for a message, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 (fits a line)


def same_value(found: Any, wanted: Any) -> bool:
    """Equal as JSON is equal: `true` is not 1, but 6 is 6.0; an object goes by its name too."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, Mapping) and isinstance(wanted, str):
        inner = found.get("config")
        name = inner.get("name") if isinstance(inner, Mapping) else None
        return wanted in (name, found.get("class_name"))
    return bool(found == wanted)


def path_of(reader: Layer, tensor: Tensor) -> str:
    """The path of the layer that makes a tensor which `reader` reads."""
    return "/".join((*reader.parents, tensor.layer))


def reached(start: Iterable[str], graph: Graph, *, forward: bool) -> set[str]:
    """Every layer that depends on one of the paths, or that one of them depends on.

    A nested model depends on what the layers inside it depend on, and those on what it reads.
    """
    edges: dict[str, set[str]] = {}
    inside: dict[str, set[str]] = {}
    for layer in graph.walk():
        inside.setdefault(layer.home, set()).add(layer.path)
        for slot in (slot for call in layer.calls for slot in call.slots):
            source = path_of(layer, slot.tensor)
            first, then = (source, layer.path) if forward else (layer.path, source)
            edges.setdefault(first, set()).add(then)
    begun = set(start)
    found: set[str] = set()
    around = {layer for path in begun for layer in _around(path)}
    waiting = [*begun, *around]
    while waiting:
        path = waiting.pop()
        following = set(edges.get(path, ()))
        if path in found and path not in around:
            # All of a model that is reached from outside is reached.
            following |= inside.get(path, set())
        new = following - found
        found |= new
        waiting += new
    return (found | around) - begun


def _around(path: str) -> list[str]:
    """The models that a layer lies in."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
