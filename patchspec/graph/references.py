"""Tensor references: how a patch names one tensor, or all calls of a layer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import Slot, Tensor
from patchspec.problems import Pointer, did_you_mean, refuse, some

REFERENCE_SCHEMA: Mapping[str, Any] = {
    "type": ["string", "object"],
    "minLength": 1,
    "description": (
        "A tensor: `layer`, `layer:1` (second output), `layer@1` (second call), `$input`, "
        "`$output:name`, `$here`, or `{layer, call, output}` for a name with odd signs in it."
    ),
    "properties": {
        "layer": {"type": "string", "minLength": 1, "description": "The layer's path."},
        "call": {"type": "integer", "minimum": 0, "description": "Which of its calls, from 0."},
        "output": {"type": "integer", "minimum": 0, "description": "Which output, from 0."},
    },
    "required": ["layer"],
    "additionalProperties": False,
}

_FORM = re.compile(
    r"(?P<layer>(?:[^@:/]+(?:@\d+)?/)*[^@:/]+)(@(?P<call>\d+|\*))?(:(?P<output>[^@:]+))?\Z"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a patch said of a tensor, not yet looked up in a graph."""

    layer: str
    """The layer's path; where it matters which call of a nested model is meant, `encoder@1/x`."""
    call: int | Literal["*"] | None = None
    output: int | str | None = None

    @property
    def path(self) -> str:
        """The layer's path alone."""
        return re.sub(r"@\d+/", "/", self.layer)

    def __str__(self) -> str:
        call = "" if self.call is None else f"@{self.call}"
        output = "" if self.output is None else f":{self.output}"
        return f"{self.layer}{call}{output}"

    @property
    def is_bare(self) -> bool:
        """Whether only a layer is named, with neither call nor output."""
        return self.call is None and self.output is None


def parse_reference(said: str | Mapping[str, Any], *, at: Pointer = ()) -> Reference:
    """Read a reference; PS311 where it has none of the forms."""
    if isinstance(said, Mapping):
        return Reference(said["layer"], said.get("call", 0), said.get("output", 0))
    form = _FORM.match(said)
    if form is None:
        refuse(
            "PS311",
            f"`{said}` is not a tensor reference",
            at=at,
            hint="the forms are `layer`, `layer:1`, `layer@1`, `layer@1:2`; a layer with `@` or "
            "`:` in its name is written `{layer: name}`",
        )
    call, output = form["call"], form["output"]
    counted = output is not None and output.isdigit()
    if output is not None and not counted and form["layer"] not in ("$input", "$output"):
        refuse(
            "PS311",
            f"`{output}` in `{said}` is not the number of an output",
            at=at,
            hint="only `$input:name` and `$output:name` go by name; a layer with `:` in its name "
            "is written `{layer: name}`",
        )
    return Reference(
        form["layer"],
        None if call is None else "*" if call == "*" else int(call),
        int(output) if output is not None and counted else output,
    )


def find_tensor(
    said: str | Mapping[str, Any],
    graph: Graph,
    *,
    home: Graph | None = None,
    here: Tensor | None = None,
    at: Pointer = (),
) -> Tensor:
    """The one tensor that a reference means; refused where there are several."""
    tensors = find_tensors(said, graph, home=home, here=here, at=at)
    if len(tensors) != 1:
        refuse(
            "PS304",
            f"`{said}` means {len(tensors)} tensors where one is wanted",
            at=at,
            notes=[f"the choices are {some(map(str, tensors))}"],
        )
    return tensors[0]


def find_tensors(
    said: str | Mapping[str, Any],
    graph: Graph,
    *,
    home: Graph | None = None,
    here: Tensor | None = None,
    at: Pointer = (),
) -> tuple[Tensor, ...]:
    """The tensors that a reference means: one, or one a call where it says `@*`.

    Paths start in `graph`; the tensors must lie in `home`, a model nested in it, or else in
    `graph` itself. PS415 where they lie in another model.
    """
    return tensors_of(parse_reference(said, at=at), graph, home=home, here=here, at=at)


def tensors_of(
    reference: Reference,
    graph: Graph,
    *,
    home: Graph | None = None,
    here: Tensor | None = None,
    at: Pointer = (),
) -> tuple[Tensor, ...]:
    """`find_tensors`, of a reference that has been read."""
    home = home or graph
    if reference.layer == "$here":
        if here is None:
            refuse(
                "PS310",
                "`$here` means the tensor that an operation extends; nothing is extended here",
                at=at,
                hint="name a layer",
            )
        return (here,)
    if reference.layer in ("$input", "$output") and home.path == graph.path:
        return (_end(reference, graph, at),)
    layer = _layer_at_home(reference, graph, home, at)
    output = int(reference.output or 0)
    if reference.call == "*":
        return tuple(Tensor(layer.name, call.index, output) for call in layer.calls)
    _check_call(layer, reference, at)
    _check_output(layer, output, at)
    if reference.output is None and home.is_multi_output(layer):
        refuse(
            "PS304",
            f"`{layer.name}` makes several tensors; say which",
            at=at,
            notes=[f"the choices are `{layer.name}:0`, `{layer.name}:1`, ..."],
            hint=f"`{layer.name}:0` is the first",
        )
    return (Tensor(layer.name, reference.call or 0, output),)


def _layer_at_home(reference: Reference, graph: Graph, home: Graph, at: Pointer) -> Layer:
    """The layer of a reference; refused where it does not lie in the model that reads it."""
    path, nested = reference.path, home.path != graph.path
    if nested and ("/" not in path or path.startswith("$")) and path in home.layers:
        hint: str | None = f"write `{home.path}/{path}`: paths start in the whole model"
    else:
        hint = None
    if path.startswith("$"):
        where = "the whole model's"
        hint = f"name the layer inside: `{home.path}/{home.inputs[0].tensor.layer}`, say"
    else:
        layer = _known(graph, path, hint, at)
        lies_in = graph.home(path)
        if lies_in.path == home.path and "/" not in home.within(path):
            return layer
        where = f"that of `{lies_in.path}`" if lies_in.path else "the whole model's"
        if lies_in.path.startswith(home.path):
            hint = "`op: expose-output` makes an output of it, which the model around it can read"
    wanted = f"`{home.path}`" if home.path else "the model around it"
    refuse(
        "PS415",
        f"`{reference}` is a tensor of another model, {where}, and cannot be read in {wanted}",
        at=at,
        hint=hint or f"a layer in `{home.path}` reads tensors of `{home.path}` alone",
    )


def _known(graph: Graph, path: str, hint: str | None, at: Pointer) -> Layer:
    if hint is not None and path not in graph.layers:
        refuse("PS301", f"no layer is called `{path}`", at=at, hint=hint)
    return graph.layer(path, at=at)


def _check_output(layer: Layer, output: int, at: Pointer) -> None:
    """Refuse an output that a nested model does not have; of other layers only Keras knows."""
    inner = layer.inner
    if inner is not None and output >= len(inner.outputs):
        count = len(inner.outputs)
        refuse(
            "PS305",
            f"output {output} of `{layer.path}` is named, which has {count}",
            at=at,
            hint="outputs count from 0",
        )


def _check_call(layer: Layer, reference: Reference, at: Pointer) -> None:
    count = len(layer.calls)
    if reference.call is None and count > 1:
        refuse(
            "PS304",
            f"`{layer.name}` is called {count} times; say which call",
            at=at,
            notes=[f"the choices are {', '.join(f'`{layer.name}@{i}`' for i in range(count))}"],
            hint=f"`{layer.name}@0` is the first call; `@*` means all, where a list stands",
        )
    if isinstance(reference.call, int) and reference.call >= count:
        times = "once" if count == 1 else f"{count} times"
        refuse(
            "PS305",
            f"`{reference}` names call {reference.call}, but `{layer.name}` is called {times}",
            at=at,
            hint="calls count from 0",
        )


def _end(reference: Reference, graph: Graph, at: Pointer) -> Tensor:
    slots = graph.inputs if reference.layer == "$input" else graph.outputs
    names = end_names(slots)
    what = reference.layer[1:]
    if reference.output is None:
        if len(slots) > 1:
            refuse(
                "PS304",
                f"the model has {len(slots)} {what}s; say which",
                at=at,
                notes=[f"the choices are {', '.join(f'`${what}:{name}`' for name in names)}"],
            )
        return slots[0].tensor
    if isinstance(reference.output, int):
        if reference.output >= len(slots):
            refuse(
                "PS305",
                f"`{reference}` names {what} {reference.output}, but the model has {len(slots)}",
                at=at,
                hint=f"{what}s count from 0: {some(names)}",
            )
        return slots[reference.output].tensor
    if reference.output not in names:
        refuse(
            "PS305",
            f"no {what} of the model is called `{reference.output}`",
            at=at,
            hint=did_you_mean(reference.output, names) or f"the {what}s are {some(names)}",
        )
    return slots[names.index(reference.output)].tensor


def end_names(slots: tuple[Slot, ...]) -> list[str]:
    """What the inputs or outputs are called: the key in a dict, else the layer's name."""
    return [
        str(slot.key[-1]) if slot.key and isinstance(slot.key[-1], str) else slot.tensor.layer
        for slot in slots
    ]
