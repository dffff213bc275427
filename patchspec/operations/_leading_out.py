"""Leading a tensor of a nested model out, level by level, until the whole model can name it.

Each level is a target of its own: it is lowered against what the level inside it left, so nothing
has to foresee how the outputs of a model are numbered once it has one more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.graph.edits import Edit, add, plain, replace
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import Reference, tensors_of
from patchspec.graph.tensors import Tensor, triple, triples_in_structure
from patchspec.operations._operation import Target
from patchspec.operations._wiring import redirect
from patchspec.problems import Pointer, refuse, some


@dataclass(frozen=True, slots=True)
class Level:
    """A nested model on the way from the whole to a tensor."""

    around: Graph
    """The model in which it is called."""
    model: Layer
    call: int

    @property
    def inner(self) -> Graph:
        """The model itself."""
        assert self.model.inner is not None
        return self.model.inner


@dataclass(frozen=True, slots=True)
class LedOut:
    """How far a tensor has been led out."""

    tensor: Tensor
    level: Level | None
    """The model whose output it is not yet; none where the whole model can name it."""


def levels_to(reference: Reference, graph: Graph, *, at: Pointer) -> list[Level]:
    """The nested models on the way to the layer that the reference names, outermost first.

    PS304 where one is called several times and the reference does not say which call it means.
    """
    found: list[Level] = []
    around = graph
    for step in reference.layer.split("/")[:-1]:
        name, _, call = step.partition("@")
        model = around.layer(name, at=at)
        if model.inner is None:
            refuse(
                "PS415",
                f"`{reference.path}` lies inside the wrapper `{model.path}`, which gives none of "
                "its tensors out",
                at=at,
                hint=f"name `{model.path}` itself",
            )
        found.append(Level(around, model, _call(model, call, at)))
        around = model.inner
    around.layer(reference.path.rpartition("/")[2], at=at)
    return found


def _call(model: Layer, said: str, at: Pointer) -> int:
    choices = [f"`{model.path}@{i}/...`" for i in range(len(model.calls))]
    if not said and len(choices) > 1:
        refuse(
            "PS304",
            f"`{model.path}` is called {len(choices)} times; say which call",
            at=at,
            notes=[f"the choices are {some(choices)}"],
            hint=f"`{model.path}@0/...` is the first call",
        )
    if said and int(said) >= len(choices):
        refuse(
            "PS305",
            f"call {said} of `{model.path}` is named, which has {len(choices)}",
            at=at,
            hint="calls count from 0",
        )
    return int(said or 0)


def led_out(reference: Reference, graph: Graph, *, at: Pointer) -> LedOut:
    """Where the tensor can be had by now: in the whole model, or in the model named by `level`."""
    levels = levels_to(reference, graph, at=at)
    inside = Reference(reference.path, reference.call, reference.output)
    tensors = tensors_of(inside, graph, home=levels[-1].inner, at=at)
    if len(tensors) != 1:
        refuse("PS304", f"`{reference}` means {len(tensors)} tensors; say which call", at=at)
    tensor = tensors[0]
    for level in reversed(levels):
        outputs = [slot.tensor for slot in level.inner.outputs]
        if tensor not in outputs:
            return LedOut(tensor, level)
        tensor = Tensor(level.model.name, level.call, outputs.index(tensor))
    return LedOut(tensor, None)


def leading_targets(
    references: Iterable[tuple[Reference, Pointer]], graph: Graph
) -> Iterator[Target]:
    """A target for each level that tensors of nested models have to be led out of."""
    for i, (reference, at) in enumerate(references):
        if "/" in reference.layer and not reference.layer.startswith("$"):
            for _ in levels_to(reference, graph, at=at):
                yield Target(reference.path, i, reference=reference)


def lead_out(graph: Graph, reference: Reference, *, at: Pointer) -> Iterator[Edit]:
    """Make the tensor an output of the innermost model whose output it is not yet.

    What reads the outputs of that model is renumbered where their flattened order changes.
    """
    found = led_out(reference, graph, at=at)
    if found.level is None:
        return
    level, inner = found.level, found.level.inner
    present = inner.config["output_layers"]
    end = triple(found.tensor, inner.layers[found.tensor.layer].offset)
    pointer = (*inner.pointer, "output_layers")
    if isinstance(present, Mapping):
        key = _free_key(found.tensor.layer, present)
        yield add((*pointer, key), end)
        following: Any = {**present, key: end}
    elif present and isinstance(present[0], str):
        following = [plain(present), end]
        yield replace(pointer, following)
    else:
        yield add((*pointer, "-"), end)
        following = [*present, end]
    yield from _renumbered(level, following)


def _free_key(name: str, taken: Mapping[str, Any]) -> str:
    number, key = 1, name
    while key in taken:
        key, number = f"{name}_{number}", number + 1
    return key


def _renumbered(level: Level, following: Any) -> Iterator[Edit]:
    """Every reader of the model's outputs by the number that the output has afterwards."""
    keys = [key for key, _ in triples_in_structure(following)]
    # A lone output has no key of its own; in the list that it becomes it is the first.
    numbers = [keys.index(slot.key or (0,)) for slot in level.inner.outputs]
    yield from renumber_outputs(level.around, level.model, dict(enumerate(numbers)))


def renumber_outputs(around: Graph, model: Layer, numbers: Mapping[int, int]) -> Iterator[Edit]:
    """Make every reader of the outputs of a nested model read them by their new numbers."""
    for call in model.calls:
        for tensor in around.read_outputs.get((model.name, call.index), ()):
            number = numbers[tensor.output]
            if number != tensor.output:
                for slot in around.reading(tensor):
                    yield redirect(around, slot, Tensor(tensor.layer, tensor.call, number))
