"""All that two models differ in, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from patchspec.differences.matching import Reason, match
from patchspec.differences.values import ValueSummary, compare_values
from patchspec.graph.tensors import Spec, Tensor
from patchspec.inferring.light import plain_inferrer
from patchspec.models.base import Base
from patchspec.planning.shapes import known_specs
from patchspec.planning.summary import Lineage

Specs = Mapping[str, Mapping[Tensor, Spec]]


@dataclass(frozen=True)
class Difference:
    """Two models, which layers of them belong together, and how their values compare."""

    before: Base
    after: Base
    lineage: Lineage
    guesses: Mapping[str, Reason]
    """Layers afterwards whose partner before has another name, and what says so."""
    values: ValueSummary | None = None
    """None where a model has no weights, or nobody asked."""

    @property
    def is_empty(self) -> bool:
        """Whether the models are the same, as far as was looked."""
        same = self.before.architecture == self.after.architecture
        return same and not (self.values and self.values.changes)

    @cached_property
    def specs(self) -> tuple[Specs, Specs]:
        """What is known of the tensors of both without asking Keras."""
        return specs_of(self.before), specs_of(self.after)


def difference(before: Base, after: Base, *, values: bool = True) -> Difference:
    """What becomes of the layers and values of `before` in `after`.

    Without `values` no weight is read, neither to compare nor to recognise layers by.
    """
    found = match(before, after, values=values)
    compared = compare_values(before, after, found.lineage) if values else None
    return Difference(before, after, found.lineage, found.guesses, compared)


def specs_of(base: Base) -> Specs:
    """What is known of the tensors of a model without asking Keras."""
    return known_specs(base.graph, plain_inferrer())
