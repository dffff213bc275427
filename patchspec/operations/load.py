"""load: take the values of variables from another model, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.selectors import select
from patchspec.operations._names import check_model, fill
from patchspec.operations._operation import (
    WHOLE_MODEL,
    Given,
    Operation,
    Selector,
    Target,
    said,
)
from patchspec.weights.lineage import Event, Loaded, Ruled
from patchspec.weights.pipelines import OTHERS, Ruling
from patchspec.weights.rules.from_ import From

Policy = Literal["refuse", "skip"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Operation):
    """Take the values of all variables, or of those of some layers, from another model by name.

    `from` is one of `models`, or `base`. `names` gives layers of this model the layers that they
    are there, `$(*)` standing for what the glob's `*` did. What to do with a layer that is not
    there is `missing`, with a layer there that nobody takes `extra` (not where `layers` says whose
    values are wanted), with a variable that is not there or of another shape `mismatch`: each is
    refused, or skipped.

    - op: load
      from: base
      names: {"block2_*": block1_$(*)}
      missing: skip
      extra: skip
    """

    from_: Annotated[str, said(type="string", minLength=1, description="One of `models`.")]
    layers: Selector = None
    names: Annotated[
        Mapping[str, str],
        said(
            type="object",
            minProperties=1,
            additionalProperties={"type": "string", "minLength": 1},
            description="Layers here, by name or glob, and what they are called there.",
        ),
    ] = field(default_factory=dict)
    missing: Annotated[Policy, said(description="A layer here that is not there.")] = "refuse"
    extra: Annotated[Policy, said(description="A layer there that nobody takes.")] = "refuse"
    mismatch: Annotated[
        Policy, said(description="A variable that is not there, or has another shape.")
    ] = "refuse"

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        return (WHOLE_MODEL,)

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        check_model(self.from_, given.models, at=("from",))
        renamed = dict(self._renamed(graph, given.models[self.from_]))
        skip = {name for name in ("missing", "mismatch") if getattr(self, name) == "skip"}
        taken = set()
        for path in self._wanted(graph):
            there = renamed.get(path, path)
            taken.add(there)
            rule = From(layer=there, model=self.from_)
            rulings = {OTHERS: (Ruling(rule, f"from {self.from_}", ()),)}
            yield Ruled(path, rulings, frozenset(skip))
        extra = self.extra == "skip" or self.layers is not None
        yield Loaded(self.from_, frozenset(taken), extra, self.mismatch == "skip")

    def _wanted(self, graph: Graph) -> Iterator[str]:
        """The paths of the layers that hold variables themselves, where they hold any."""
        if self.layers is None:
            found = list(graph.walk())
        else:
            matched = [match.layer for match in select(self.layers, graph, at=("layers",))]
            inside = (inner for layer in matched if layer.inner for inner in layer.inner.walk())
            found = [*matched, *inside]
        for layer in {layer.path: layer for layer in found}.values():
            if not layer.is_operation and not layer.is_input and layer.inner is None:
                yield layer.path

    def _renamed(self, graph: Graph, other: Graph) -> Iterator[tuple[str, str]]:
        """The layers here that are called otherwise there; a nested model brings its layers."""
        for here, said_name in self.names.items():
            at = ("names", here)
            for i, match in enumerate(select(here, graph, at=at)):
                one = Target(match.layer.path, i, match.star)
                there: Any = fill(said_name, one, at=at)
                source = other.layer(str(there), at=at)
                yield match.layer.path, source.path
                for inner in match.layer.inner.walk() if match.layer.inner else ():
                    yield inner.path, f"{source.path}{inner.path.removeprefix(match.layer.path)}"
