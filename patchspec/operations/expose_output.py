"""expose-output: let tensors inside the model become outputs of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.graph.edits import Edit, add, replace
from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names
from patchspec.graph.tensors import Tensor
from patchspec.operations._leading_out import lead_out, leading_targets
from patchspec.operations._operation import WHOLE_MODEL, Form, Given, Operation, Outputs, Target
from patchspec.operations._outputs import Named, named_outputs, refuse_inputs, said_outputs, written
from patchspec.problems import refuse, some
from patchspec.weights.lineage import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposeOutput(Operation):
    """Add outputs to the model, behind the present ones.

    `{name: tensor}` gives names. A lone output becomes a list; `form: dict` makes it a dict. A
    tensor of a nested model becomes an output of that model first.

    - op: expose-output
      outputs: {embedding: avg_pool}
    """

    outputs: Outputs
    form: Form | None = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        said = [(one.reference, one.at) for one in said_outputs(self.outputs, graph)]
        return (*leading_targets(said, graph), WHOLE_MODEL)

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        if target.reference is not None:
            yield from lead_out(graph, target.reference, at=("outputs",))
            return
        present = graph.config["output_layers"]
        names = end_names(graph.outputs)
        tensors = [slot.tensor for slot in graph.outputs]
        wanted = named_outputs(self.outputs, graph)
        refuse_inputs(wanted, graph)
        form = self.form or ("dict" if isinstance(present, dict) else "list")
        nested = any(len(slot.key) > 1 for slot in graph.outputs)
        if nested and self.form is not None:
            refuse(
                "PS422",
                f"the outputs of the model are nested, `form: {self.form}` would flatten them",
                at=("form",),
                hint="leave `form` out, or `extract` the outputs that you want",
            )
        _check_new(wanted, names, tensors, form)
        reform = self.form is not None and not isinstance(present, list if form == "list" else dict)
        kept = [
            Named(name, slot.tensor, (), False)
            for name, slot in zip(names, graph.outputs, strict=True)
        ]
        ends, added = written(graph, wanted, form, given.seed)
        if graph.config["output_layers"] and (reform or _is_lone(present)):
            old, _ = written(graph, kept, form, given.seed)
            value = {**old, **ends} if isinstance(old, dict) else [*old, *_as_list(ends)]
            yield replace((*graph.pointer, "output_layers"), value)
        elif isinstance(ends, dict):
            for name, end in ends.items():
                yield add((*graph.pointer, "output_layers", name), end)
        else:
            for end in ends:
                yield add((*graph.pointer, "output_layers", "-"), end)
        yield from added


def _is_lone(structure: object) -> bool:
    return isinstance(structure, list) and len(structure) > 0 and isinstance(structure[0], str)


def _as_list(ends: object) -> list[object]:
    return list(ends) if isinstance(ends, list) else []


def _check_new(wanted: list[Named], names: list[str], tensors: list[Tensor], form: str) -> None:
    for named in wanted:
        if named.name in names:
            refuse(
                "PS409",
                f"the model has an output called `{named.name}` already",
                at=named.at,
                notes=[f"its outputs are {some(names)}"],
                hint="give the new one another name: `{name: tensor}`",
            )
        if form == "list" and not named.given and named.tensor in tensors:
            refuse("PS409", f"`{named.tensor}` is an output of the model already", at=named.at)
