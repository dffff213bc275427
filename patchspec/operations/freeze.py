"""freeze: stop layers from training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.operations._operation import Batchnorm, Given, Operation, Selector, Target
from patchspec.operations._trainable import leaf_targets, set_trainable
from patchspec.weights.lineage import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze(Operation):
    """Stop layers from training, inside nested models and wrappers too.

    A BatchNormalization that is frozen also stops moving its statistics. `batchnorm: leave` does
    not touch them.

    - op: freeze
      layers: "block1*"
    """

    layers: Selector
    batchnorm: Batchnorm = "include"

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        return leaf_targets(self.layers, graph, batchnorm=self.batchnorm == "include")

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        yield from set_trainable(graph, target, False, batchnorm=self.batchnorm == "include")
