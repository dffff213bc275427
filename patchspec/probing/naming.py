"""Finding the tensors that somebody named: by reference, by glob, or by a selector over layers.

As in a patch, with two parts of a call more: `dense:in` is what it reads, `dense:pre` what it hands
to its own activation. Where a layer or a nested model is called several times and no call is said,
all are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from keras.src import tree

from patchspec.building.live import base_of
from patchspec.graph.selectors import select
from patchspec.language.schema import selector_problems
from patchspec.language.source import read_text
from patchspec.probing.calls import Call, Tensor, calls_of, reads, walk, written
from patchspec.problems import PatchError, did_you_mean, nearest, refuse, some

_STEP = re.compile(r"(?P<name>[^/@:]+)(?:@(?P<call>\d+|\*))?(?P<end>/|\Z|(?=:))")
_PART = re.compile(r":(?:(?P<output>\d+)|in(?P<input>\d*)|(?P<pre>pre))\Z")
_END = re.compile(r"\$(?P<end>input|output)(?::(?P<which>.+))?\Z", re.DOTALL)
_GLOB = {"*": "[^/@]*", "**": ".*", "**/": "(?:.*/)?"}
_FORMS = (
    "the forms are `layer`, `layer@1` (second call), `layer:1` (second output), `layer:in`, "
    "`layer:in1` (what it reads), `layer:pre` (before its activation), `nested@1/layer`, globs; a "
    'name with `@` or `:` in it is written `{layer: "name"}`'
)


def find_tensors(said: Sequence[Any], model: Any, function: Any) -> tuple[Tensor, ...]:
    """The tensors that references and selectors mean, each once, in the order they are computed.

    Nothing said means all that calls make, those of operations included. PS301, PS303 or PS305
    where one of them names nothing, PS311 where it has none of the forms, PS943 for `:pre` of a
    layer that has no activation of its own.
    """
    calls = tuple(walk(calls_of(function)))
    if not said:
        return tuple(tensor for call in calls for tensor in _made(call))
    found = {tensor for one in said for tensor in _found(one, model, function, calls)}
    order = {call: i for i, call in enumerate(calls)}

    def rank(tensor: Tensor) -> tuple[float, int, int]:
        # What a nested model reads is there before its layers run, what it makes after.
        if tensor.part == "in":
            return (
                order[next(walk([tensor.call]))] - 0.5,
                len(calls) - order[tensor.call],
                tensor.index,
            )
        return order[tensor.call], tensor.part == "out", tensor.index

    return tuple(sorted(found, key=rank))


def find_one(said: str, model: Any, function: Any) -> Tensor:
    """The one tensor that a reference means; PS304 where it means several."""
    found = find_tensors([said], model, function)
    if len(found) > 1:
        refuse(
            "PS304",
            f"`{said}` means {len(found)} tensors where one is wanted",
            notes=[f"the choices are {some(tensor.key for tensor in found)}"],
        )
    return found[0]


def find_layers(said: Sequence[Any], model: Any, function: Any) -> tuple[str, ...]:
    """The paths of the layers that names, globs and selectors mean."""
    calls = tuple(walk(calls_of(function)))
    found: dict[str, None] = {}
    for one in said:
        form = read_said(one)
        matched = (
            _by_name(form, calls)[0] if isinstance(form, str) else _selected(form, model, calls)
        )
        found |= dict.fromkeys(call.path for call in matched)
    return tuple(found)


def read_said(said: Any) -> Any:
    """What was said: a reference as it stands, a selector in YAML as its value."""
    if isinstance(said, str) and said.lstrip().startswith(("{", "[")):
        source = read_text(said, "selector")
        try:
            return _checked(source.data)
        except PatchError as error:
            raise PatchError(source.place(error.problems)) from None
    return said if isinstance(said, str) else _checked(said)


def _checked(data: Any) -> Any:
    if isinstance(data, Mapping) and "layer" in data:
        return data
    problems = list(selector_problems(data))
    if problems:
        raise PatchError(problems)
    return data


def _found(said: Any, model: Any, function: Any, calls: Sequence[Call]) -> Iterable[Tensor]:
    form = read_said(said)
    if isinstance(form, Mapping) and "layer" in form:
        steps = "/".join(map(written, str(form["layer"]).split("/")))
        form = f"{steps}@{form.get('call', 0)}:{form.get('output', 0)}"
    if not isinstance(form, str):
        if isinstance(form, list) and all(isinstance(one, str) for one in form):
            return [t for one in form for t in _found(one, model, function, calls)]
        return [t for call in _selected(form, model, calls) for t in _made(call)]
    end = _END.match(form)
    if end is not None:
        return [_end(form, end, function, calls)]
    matched, part = _by_name(form, calls)
    lone = "*" not in form
    found = [tensor for call in matched for tensor in _parts(call, part, form, lone=lone)]
    if not found and part is not None:
        refuse("PS303", f"no layer that `{form}` matches has what `{part[0]}` means", hint=_FORMS)
    return found


def _made(call: Call) -> Iterator[Tensor]:
    for index in range(len(call.node.outputs)):
        yield Tensor(call, "out", index)


def _selected(said: Any, model: Any, calls: Sequence[Call]) -> list[Call]:
    """The calls of the layers that a selector matches, through the config of the model."""
    paths = {match.layer.path for match in select(said, base_of(model).graph)}
    found = [call for call in calls if call.path in paths]
    if not found:
        refuse(
            "PS943",
            f"{some(paths)}: what a wrapper holds is run by the wrapper, which makes the tensors",
            hint="name the wrapper",
        )
    return found


def _by_name(said: str, calls: Sequence[Call]) -> tuple[list[Call], re.Match[str] | None]:
    """The calls that a reference or glob means, and what follows the `:` in it."""
    steps, rest = _steps(said)
    part = _PART.match(rest) if rest else None
    if not steps or (rest and part is None):
        refuse("PS311", f"`{said}` is not a tensor reference", hint=_FORMS)
    pattern = re.compile("".join(_expression(*step) for step in steps) + r"\Z", re.DOTALL)
    found = [call for call in calls if pattern.match(_spelled(call))]
    if "*" in "".join(name for name, _, _ in steps):
        # A glob matches what `model.layers` lists.
        found = [call for call in found if not call.is_operation]
    if not found:
        _refuse_name(said, steps, calls)
    return found, part


def _steps(said: str) -> tuple[list[tuple[str, str | None, str]], str]:
    """The steps of a path (a name, a call, what ends it), and what is left of the text."""
    found, at = [], 0
    while at < len(said) and (step := _STEP.match(said, at)) is not None:
        found.append((step["name"], step["call"], step["end"]))
        at = step.end()
        if step["end"] != "/":
            return found, said[at:]
    return [], said


def _expression(name: str, call: str | None, end: str) -> str:
    if name == "**" and call is None and end == "/":
        return _GLOB["**/"]
    parts = re.split(r"(\*\*|\*)", name)
    text = "".join(_GLOB.get(part) or re.escape(written(unquote(part))) for part in parts if part)
    number = r"\d+" if call in (None, "*") else call
    return f"{text}@{number}{end}"


def _spelled(call: Call) -> str:
    """The call as its path is matched: every step with its number."""
    return "/".join(f"{written(step.name)}@{step.call}" for step in call.steps)


def _refuse_name(
    said: str, steps: Sequence[tuple[str, str | None, str]], calls: Sequence[Call]
) -> None:
    paths = list(dict.fromkeys("/".join(written(s.name) for s in call.steps) for call in calls))
    wanted = "/".join(name for name, _, _ in steps)
    if "*" in wanted:
        near = nearest(wanted.replace("*", ""), paths)
        refuse(
            "PS303",
            f"`{said}` matches no layer",
            notes=[f"the nearest names are {some(near)}"] if near else (),
            hint="a glob matches whole names; `*` stays within one level, `**` goes into nested "
            "models",
        )
    there = [str(call) for call in calls if call.path == unquote(wanted)]
    if there:
        refuse(
            "PS305",
            f"`{said}` names a call that `{wanted}` does not have",
            notes=[f"the calls are {some(there)}"],
            hint="calls count from 0",
        )
    refuse(
        "PS301",
        f"no layer is called `{wanted}`",
        hint=did_you_mean(wanted, paths) or f"the layers are {some(paths)}",
    )


def _parts(call: Call, part: re.Match[str] | None, said: str, *, lone: bool) -> Iterator[Tensor]:
    """The tensors of a call that are meant; a call without them is refused if it is named alone."""
    if part is None:
        yield from _made(call)
    elif part["output"] is not None:
        yield from _numbered(call, "out", int(part["output"]), len(call.node.outputs), said, lone)
    elif part["pre"] is not None:
        if has_activation(call.layer):
            yield Tensor(call, "pre")
        elif lone:
            refuse(
                "PS943",
                f"`{said}`: `{call}` ({type(call.layer).__name__}) hands nothing to an activation "
                "of its own",
                hint=f"`{call}:in` is what it reads",
            )
    elif part["input"]:
        yield from _numbered(call, "in", int(part["input"]), len(reads(call)), said, lone)
    else:
        if lone and not reads(call):
            refuse("PS305", f"`{said}`: `{call}` reads nothing", hint="it is an input of the model")
        for index in range(len(reads(call))):
            yield Tensor(call, "in", index)


def _numbered(  # noqa: PLR0917 (what a tensor is, and how it was named)
    call: Call, part: Any, index: int, count: int, said: str, lone: bool
) -> Iterator[Tensor]:
    if index < count:
        yield Tensor(call, part, index)
    elif lone:
        what = "output" if part == "out" else "input"
        refuse(
            "PS305",
            f"`{said}` names {what} {index}, but `{call}` has {count}",
            hint=f"{what}s count from 0",
        )


def has_activation(layer: Any) -> bool:
    """Whether a layer hands its result to an activation of its own, and does so itself.

    What recurrent layers call so is their cells', which use it inside of a loop.
    """
    return callable(getattr(layer, "activation", None)) and not hasattr(type(layer), "activation")


def _end(said: str, end: re.Match[str], function: Any, calls: Sequence[Call]) -> Tensor:
    """The tensor of an input or output of the model."""
    what = end["end"]
    struct = function._inputs_struct if what == "input" else function._outputs_struct
    names, symbols = end_names(struct), tree.flatten(struct)
    which = end["which"]
    if which is None and len(names) == 1:
        place = 0
    elif which in names:
        place = names.index(which)
    elif which is not None and which.isdigit() and int(which) < len(names):
        place = int(which)
    elif which is None:
        refuse(
            "PS304",
            f"the model has {len(names)} {what}s; say which",
            notes=[f"the choices are {', '.join(f'`${what}:{name}`' for name in names)}"],
        )
    else:
        hint = did_you_mean(which, names) or f"the {what}s are {some(names)}"
        refuse("PS305", f"no {what} of the model is called `{which}` (`{said}`)", hint=hint)
    symbol = symbols[place]
    made = ((call, i) for call in calls for i, x in enumerate(call.node.outputs) if x is symbol)
    call, index = next((call, i) for call, i in made if len(call.steps) == 1)
    return Tensor(call, "out", index)


def end_names(struct: Any) -> list[str]:
    """What a model's inputs or outputs are called: the key in a dict, else the layer's name."""
    return [
        str(path[-1])
        if path and isinstance(path[-1], str)
        else symbol._keras_history.operation.name
        for path, symbol in tree.flatten_with_path(struct)
    ]
