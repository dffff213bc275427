"""How many parameters a model has, and how many of them train, without asking Keras."""

from __future__ import annotations

from math import prod

from patchspec.graph.graph import Graph
from patchspec.inferring.light import plain_inferrer
from patchspec.models.base import Base
from patchspec.planning.known import BASE, Known
from patchspec.planning.shapes import Shapes


def total_parameters(base: Base) -> int | None:
    """The number of all values that the model stores; none where it has no weights."""
    if base.variables is None:
        return None
    return sum(prod(variable.shape) for variable in base.variables.values())


def trainable_parameters(base: Base) -> int | None:
    """Those of them that train; none where the model has no weights.

    Of a layer that only Keras knows, all variables of which nothing says otherwise.
    """
    if base.variables is None:
        return None
    recorded = {model.path: dict(model.recorded) for model in base.graph.models()}
    known = Known(base, Shapes(base_specs=recorded), plain_inferrer())
    return sum(
        prod(variable.shape)
        for path in _training(base.graph, True)
        if path in base.by_layer
        for variable in known.variables_of(BASE, path) or ()
        if variable.trainable
    )


def _training(graph: Graph, trains: bool) -> list[str]:
    """The layers that train, and those around them."""
    found = []
    own = trains and graph.config.get("trainable", True) is not False
    for layer in graph.layers.values():
        if not own or layer.config.get("trainable", True) is False:
            continue
        if layer.inner is not None:
            found += _training(layer.inner, own)
        else:
            found.append(layer.path)
    return found
