"""What an operation is, and the words that its fields are written in."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from patchspec.graph import references
from patchspec.graph.edits import Edit
from patchspec.graph.graph import Graph
from patchspec.graph.selectors import Match, select
from patchspec.weights.lineage import Event

NAME_PATTERN = r"[A-Za-z_][A-Za-z0-9_.-]{0,127}"
_TEMPLATE_PATTERN = r"^([A-Za-z0-9_.-]|\$\(([A-Za-z0-9_]+|\*)\))+$"


@dataclass(frozen=True, eq=False)
class Says:
    """The JSON Schema of a field, carried by its annotation."""

    schema: Mapping[str, Any]


def said(**schema: Any) -> Says:
    """The schema of a field, key by key."""
    return Says(schema)


def _ref(definition: str) -> Says:
    return Says({"$ref": f"#/definitions/{definition}"})


Selector = Annotated[Any, _ref("selector")]
"""Layers that exist."""
Place = Annotated[Any, _ref("place")]
"""Layers that exist, or one call or output of one."""
Reference = Annotated[Any, _ref("reference")]
"""One tensor."""
Outputs = Annotated[Any, _ref("outputs")]
"""Tensors that become outputs: one, a list, `{name: tensor}`, or a selector."""
Inputs = Annotated[Any, _ref("inputs")]
"""Tensors that a call reads: one, a list, or by position and keyword."""
NewLayers = Annotated[Any, _ref("newLayers")]
"""One new layer, or several of which the last is the result."""
Config = Annotated[
    Mapping[str, Any],
    said(type="object", minProperties=1, description="Arguments by name; each is replaced whole."),
]
"""Keys of a layer's config."""
Keys = Annotated[
    tuple[str, ...],
    said(
        type="array",
        items={"type": "string"},
        minItems=1,
        description="Arguments that get the default of the class again.",
    ),
]
"""Names of keys."""
Weights = Annotated[Any, _ref("weights")]
"""Rules for the values of variables: one for all, or by variable."""
Form = Annotated[
    Literal["list", "dict"],
    said(description="What the model's outputs become; unset, they stay what they are."),
]
"""How the model returns its outputs."""
Batchnorm = Annotated[
    Literal["include", "leave"],
    said(description="Whether it acts on BatchNormalization too, or leaves it as it is."),
]
"""What happens to BatchNormalization."""
Each = Annotated[
    Mapping[str, Any] | None,
    said(
        type="object",
        minProperties=1,
        additionalProperties={
            "type": ["array", "object"],
            "minItems": 1,
            "properties": {
                "linear": {
                    "type": "array",
                    "items": {"type": "number"},
                    "minItems": 2,
                    "maxItems": 2,
                    "description": "From the first to the last match, both included.",
                }
            },
            "required": ["linear"],
            "additionalProperties": False,
        },
        description="A value per match, in graph order, which `$(name)` stands for.",
    ),
]
NewName = Annotated[
    str, said(type="string", pattern=_TEMPLATE_PATTERN, description="What it will be called.")
]
"""A name to come; `$(target)`, `$(index)`, `$(*)` and `$(parent)` stand for the match."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that a step acts on, selected before the step began."""

    path: str
    """The layer's path, or the tensor reference; empty for a step that acts on the whole model."""
    index: int = 0
    star: str | None = None
    """What the one `*` of the selector's glob stood for."""
    call: int | None = None
    """The one call meant; none means all of them."""
    output: int | None = None
    """The one output meant, where the author said which."""
    reference: references.Reference | None = None
    """A tensor of a nested model that is led out one level further."""
    run: tuple[str, ...] = ()
    """The layers of a run that is taken as one target, the first of which `path` names."""
    each: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What `each` gives this match."""
    others: tuple[Target, ...] = ()
    """What else the step selected with it: the layers of `before`, beside one of `after`."""

    @property
    def name(self) -> str:
        """The layer's own name."""
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> str:
        """The name of the nested model that the layer lies in; empty on top."""
        return self.path.rpartition("/")[0].rpartition("/")[2]

    def __str__(self) -> str:
        call = "" if self.call is None else f"@{self.call}"
        output = "" if self.output is None else f":{self.output}"
        return f"{self.path}{call}{output}"


WHOLE_MODEL = Target("")


def targets_of(matches: tuple[Match, ...]) -> tuple[Target, ...]:
    """One target a match."""
    return tuple(Target(m.layer.path, i, m.star) for i, m in enumerate(matches))


@dataclass(frozen=True, slots=True)
class Given:
    """What a step knows beside the graph that the steps before it left."""

    seed: int
    """The patch's: what new layers leave unset is derived from it."""
    models: Mapping[str, Graph] = field(default_factory=dict)
    """The models that values may come from, as they are stored; `base` is one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(ABC):
    """One thing that a patch asks for: a frozen value that knows how to lower itself.

    A subclass is a frozen dataclass in a file of its own. Its fields are the keys that the
    author writes, their annotations carry the JSON Schema, the first line of its docstring is its
    description and the rest an example that the tests run.
    """

    @property
    def restates_outputs(self) -> bool:
        """Whether it says all outputs of the model anew, so that none stands for another."""
        return False

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        """What the step acts on, selected once; by default what `layers` matches."""
        layers = getattr(self, "layers", None)
        if layers is None:
            return (WHOLE_MODEL,)
        return targets_of(select(layers, graph, at=("layers",)))

    @abstractmethod
    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        """The change to one target, as edits of the document that `graph` looks at; or a refusal.

        Pointers in refusals are relative to the operation. Edits are applied in order, each to
        what the one before left.
        """

    @classmethod
    def summary(cls) -> str:
        """What the operation does, in one line."""
        return inspect.cleandoc(cls.__doc__ or "").splitlines()[0]

    @classmethod
    def example(cls) -> str:
        """The YAML of the docstring: one entry of `operations`."""
        text = inspect.cleandoc(cls.__doc__ or "")
        _, _, example = text.partition("\n- op: ")
        return f"- op: {example}\n"

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The JSON Schema of the operation's own keys, read off its fields."""
        hints = _hints(cls)
        return {
            "description": cls.summary(),
            "properties": {key_of(f.name): _fragment(hints[f.name]) for f in fields(cls)},
            "required": [
                key_of(f.name)
                for f in fields(cls)
                if f.default is MISSING and f.default_factory is MISSING
            ],
        }


def key_of(name: str) -> str:
    """The key that a field is written under: `from_` is clear of a word of Python's."""
    return name.rstrip("_")


@cache
def _hints(operation: type[Operation]) -> Mapping[str, Any]:
    return get_type_hints(operation, include_extras=True)


def _fragment(hint: Any) -> dict[str, Any]:
    for annotation in getattr(hint, "__metadata__", ()):
        if isinstance(annotation, Says):
            values = hint.__origin__
            choices = {"enum": list(get_args(values))} if get_origin(values) is Literal else {}
            return {**choices, **annotation.schema}
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    inner = [arm for arm in get_args(hint) if arm is not type(None)]
    if len(inner) == 1:
        return _fragment(inner[0])
    raise TypeError(f"the field's annotation {hint} says no schema")
