"""Tensors as a config names them, and the places that name them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.graph.edits import Edit, replace
from patchspec.problems import Pointer

TENSOR = "__keras_tensor__"


@dataclass(frozen=True, slots=True, order=True)
class Tensor:
    """One output of one call of one layer, all counted from zero."""

    layer: str
    call: int = 0
    output: int = 0

    def __str__(self) -> str:
        call = f"@{self.call}" if self.call else ""
        output = f":{self.output}" if self.output else ""
        return f"{self.layer}{call}{output}"


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of a tensor: its shape (None where a size is open) and its dtype."""

    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{self.dtype}[{', '.join('?' if n is None else str(n) for n in self.shape)}]"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the document that names a tensor; rewiring means replacing it."""

    pointer: Pointer
    """Where the triple stands that names layer, call and output."""
    tensor: Tensor
    key: Pointer
    """Where that is inside the call, (`args`, 0) say, or inside the model's outputs."""
    offset: int = 0
    """What Keras adds to the call: 1 where a model's inputs or outputs name a nested model."""
    spec: Spec | None = None
    """The shape and dtype recorded beside the triple; a model's own outputs have none."""

    @property
    def is_output(self) -> bool:
        """Whether this is one of the model's own inputs or outputs, not an argument of a call."""
        return self.pointer[-1] != "keras_history"

    @property
    def in_args(self) -> bool:
        """Whether the tensor is passed by position."""
        return bool(self.key) and self.key[0] == "args"

    def read(self, tensor: Tensor, offset: int | None = None) -> Edit:
        """The edit that makes this place name `tensor` instead."""
        if offset is None:
            offset = self.offset
        return replace(self.pointer, triple(tensor, offset))


def triple(tensor: Tensor, offset: int = 0) -> list[str | int]:
    """The tensor as Keras spells it."""
    return [tensor.layer, tensor.call + offset, tensor.output]


def keras_tensor(tensor: Tensor, spec: Spec | None) -> dict[str, Any]:
    """The tensor as an argument of a call. Keras wants a shape here but reads only the history."""
    shape: list[int | None] = list(spec.shape) if spec else []
    dtype = spec.dtype if spec else "float32"
    config = {"shape": shape, "dtype": dtype, "keras_history": triple(tensor)}
    return {"class_name": TENSOR, "config": config}


def slots_in_arguments(
    value: Any, key: Pointer = ()
) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """Every tensor in the arguments of a call, in Keras's own order: keys sorted, `args` first."""
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from slots_in_arguments(item, (*key, i))
    elif isinstance(value, Mapping):
        if value.get("class_name") == TENSOR and "config" in value:
            yield key, value["config"]
        elif not ("class_name" in value and "config" in value):
            for name in sorted(value):
                yield from slots_in_arguments(value[name], (*key, name))


def triples_in_structure(value: Any, key: Pointer = ()) -> Iterator[tuple[Pointer, list[Any]]]:
    """Every tensor among a model's inputs or outputs, in Keras's own flattened order."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):  # noqa: PLR2004
        yield key, value
    elif isinstance(value, Mapping):
        for name in sorted(value):
            yield from triples_in_structure(value[name], (*key, name))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from triples_in_structure(item, (*key, i))


def form_of(structure: Any) -> Literal["lone", "list", "dict"]:
    """How a model's inputs or outputs are held together, as a config says it."""
    if isinstance(structure, Mapping):
        return "dict"
    lone = isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str)  # noqa: PLR2004
    return "lone" if lone else "list"
