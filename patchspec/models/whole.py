"""All that a `.keras` file holds, to be written."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable

WEIGHTS = "model.weights.h5"
_OVERHEAD = 1024
"""Bytes that HDF5 takes beside the values of a dataset, or for a group; more than it does."""
_ITEM_SIZES = {
    "float32": 4,
    "float16": 2,
    "bfloat16": 2,
    "int32": 4,
    "int8": 1,
    "uint8": 1,
    "bool": 1,
}
"""Bytes a value; of other dtypes 8, which is the most that any has."""


@dataclass(frozen=True)
class WholeModel:
    """A config in Keras's graph order, variables by path, and what stands beside them."""

    document: Mapping[str, Any]
    variables: Collection[Variable]
    metadata: Mapping[str, Any]
    optimizer: Mapping[str, Variable] = field(default_factory=dict)
    """The optimizer's variables by their path in the file."""
    assets: Mapping[str, bytes] = field(default_factory=dict)
    """Files that layers save, by their path in the file."""
    lens: Graph | None = None
    """A lens over the document, where somebody has looked through it already."""

    @cached_property
    def graph(self) -> Graph:
        """The lens over the document: groups of variables are called by class and place."""
        return Graph.of(self.document) if self.lens is None else self.lens

    @cached_property
    def texts(self) -> dict[str, bytes]:
        """What stands beside the weights, by its name there."""
        return {
            "metadata.json": json.dumps(self.metadata).encode(),
            "config.json": json.dumps(self.document).encode(),
            **dict(sorted(self.assets.items())),
        }

    @property
    def size(self) -> int:
        """About the bytes that it takes on a disk, and not fewer."""
        stored = [*self.variables, *self.optimizer.values()]
        return room_for(stored, self.graph) + sum(map(len, self.texts.values()))


def room_for(variables: Iterable[Variable], graph: Graph) -> int:
    """About the bytes that HDF5 takes for variables and the groups of a model, and not fewer."""
    values = sum(prod(v.shape) * _ITEM_SIZES.get(v.dtype, 8) + _OVERHEAD for v in variables)
    return values + 2 * _OVERHEAD * len(graph.by_path)
