"""Where Keras puts a layer's variables in a weights file: by class and order, not by name.

The group of a layer is its class in snake case with a counter over `model.layers`, in the graph
order of the rebuilt model. So every path is derived from the config, by `graph_order`, and names
are what the program uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer


def snake_case(name: str) -> str:
    """The class name as Keras spells it in paths: `Conv2D` is `conv2d`."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def layer_groups(graph: Graph, prefix: str = "") -> Iterator[tuple[Layer, str]]:
    """Every layer, nested ones too, and the group that holds it in a weights file."""
    counts: dict[str, int] = {}
    for layer in graph.in_order:
        if layer.is_operation or (graph.is_sequential and layer.is_input):
            continue
        snake = snake_case(layer.class_name)
        count = counts.get(snake, 0)
        counts[snake] = count + 1
        group = f"{prefix}layers/{snake}_{count}" if count else f"{prefix}layers/{snake}"
        yield layer, group
        if layer.inner is not None:
            yield from layer_groups(layer.inner, f"{group}/")


def named_path(groups: dict[str, str], stored: str) -> str | None:
    """The path by layer names of what is stored at `stored`; none where no layer owns it.

    `groups` has the layer path by group, nested layers included.
    """
    parts = stored.split("/")
    for end in range(len(parts) - 1, 0, -1):
        layer = groups.get("/".join(parts[:end]))
        if layer is not None:
            return "/".join((layer, *parts[end:]))
    return None
