"""unfreeze: let layers train again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.operations._operation import Batchnorm, Given, Operation, Selector, Target
from patchspec.operations._trainable import batchnorms, leaf_targets, set_trainable
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfreeze(Operation):
    """Let layers train, inside nested models and wrappers too.

    Says what happens to BatchNormalization wherever it matches one: `include` lets it train and
    move its statistics, `leave` does not touch it.

    - op: unfreeze
      layers: "block2_*"
      batchnorm: leave
    """

    layers: Selector
    batchnorm: Batchnorm | None = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        found = leaf_targets(self.layers, graph, batchnorm=self.batchnorm != "leave")
        normalisations = [path for target in found for path in batchnorms(graph, target)]
        if self.batchnorm is None and normalisations:
            refuse(
                "PS417",
                f"the selector matches BatchNormalization ({len(normalisations)}); "
                "say what becomes of it",
                at=("layers",),
                notes=[f"these: {some(normalisations)}"],
                hint="`batchnorm: leave` keeps their statistics still, `batchnorm: include` lets "
                "them train",
            )
        return found

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        yield from set_trainable(graph, target, True, batchnorm=self.batchnorm != "leave")
