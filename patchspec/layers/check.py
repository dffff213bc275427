"""Checking a new layer's class and arguments, with pointers into what the author wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from patchspec.layers.table import (
    LayerClass,
    Parameter,
    activations,
    layer_class,
    layer_names,
    objects,
    refusal,
)
from patchspec.problems import Pointer, Problem, did_you_mean, nearest, some

EVERYWHERE = ("name", "trainable", "dtype")
OBJECT_KINDS = ("initializer", "regularizer", "constraint")
CODE = ("__lambda__", "__function__", "Lambda")
FILES = {"StringLookup", "IntegerLookup", "TextVectorization"}
"""Layers whose `vocabulary` may be a path, which a patch may not give."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}
_WORDS = {"boolean": "true or false", "integer": "an integer", "number": "a number"}


def is_registered(name: str) -> bool:
    """Whether the name is that of a class or function registered with Keras: `package>Name`."""
    return ">" in name


def check_layer(
    class_name: str, config: Mapping[str, Any], *, partial: bool = False
) -> Iterator[Problem]:
    """What is wrong with a new layer; pointers are relative to `{class, config}`.

    With `partial` nothing is said of required arguments that are missing. Of a registered class
    only what holds for all layers is checked.
    """
    if class_name == INPUT:
        yield from _input(config, partial=partial)
        return
    reason = refusal(class_name)
    if reason is not None:
        yield Problem(
            code="PS701" if _brings_code(class_name) else "PS210",
            message=f"a patch may not bring a `{class_name}`: {reason}",
            at=("class",),
        )
        return
    yield from _own_place(config)
    found = layer_class(class_name)
    if found is not None:
        yield from _arguments(found, config)
        if not partial:
            yield from _missing(found, config)
    elif not is_registered(class_name):
        yield Problem(
            code="PS210",
            message=f"Keras has no layer class `{class_name}`",
            at=("class",),
            hint=did_you_mean(class_name, layer_names())
            or "a class of your own is named as registered: `package>Name`",
        )
    yield from _code(config, ("config",))


INPUT = "InputLayer"
INPUT_KEYS = ("shape", "batch_size", "dtype")
DTYPES = (
    "float16", "bfloat16", "float32", "float64", "bool", "string",
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
)  # fmt: skip
"""What `keras.Input` takes: dtypes, not policies."""


def _input(config: Mapping[str, Any], *, partial: bool) -> Iterator[Problem]:
    """What is wrong with a new input of the model: it takes what `keras.Input` takes."""
    for key in config:
        if key not in INPUT_KEYS:
            yield Problem(
                code="PS211",
                message=f"an InputLayer has no argument `{key}` here",
                at=("config", key),
                on="key",
                notes=(f"it takes: {some(INPUT_KEYS)}",),
                hint=did_you_mean(key, INPUT_KEYS),
            )
    shape = config.get("shape")
    if "shape" not in config and not partial:
        yield Problem(
            code="PS213",
            message="an InputLayer needs the argument `shape`",
            at=("config",) if config else ("class",),
            hint="`config: {shape: [224, 224, 3]}`, without the batch; null is an open size",
        )
    elif "shape" in config and not _is_shape(shape):
        yield Problem(
            code="PS214",
            message="`shape` of an InputLayer is a list of sizes, null where one is open",
            at=("config", "shape"),
        )
    if "dtype" in config and config["dtype"] not in DTYPES:
        yield Problem(
            code="PS214",
            message=f"`dtype` of an InputLayer is {config['dtype']}, wanted is a dtype",
            at=("config", "dtype"),
            hint=did_you_mean(str(config["dtype"]), DTYPES),
        )
    if not _is_size(config.get("batch_size")):
        yield Problem(
            code="PS214",
            message="`batch_size` of an InputLayer is an integer or null",
            at=("config", "batch_size"),
        )


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(_is_size(n) for n in value)


def _is_size(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


def check_arguments(class_name: str, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the call arguments of a new layer; of a registered class nobody knows."""
    found = layer_class(class_name)
    for name in arguments if found is not None else ():
        if found is not None and name not in found.call_arguments:
            yield Problem(
                code="PS211",
                message=f"a call of `{found.name}` takes no argument `{name}`",
                at=("arguments", name),
                on="key",
                notes=(f"it takes: {some(found.call_arguments)}",),
                hint=did_you_mean(name, found.call_arguments),
            )


def _own_place(config: Mapping[str, Any]) -> Iterator[Problem]:
    places = {"name": "`name` of the new layer", "trainable": "`op: freeze`"}
    for key, place in places.items():
        if key in config:
            yield Problem(
                code="PS215",
                message=f"`{key}` does not belong in `config`",
                at=("config", key),
                on="key",
                hint=f"that is {place}",
            )


def _arguments(layer: LayerClass, config: Mapping[str, Any]) -> Iterator[Problem]:
    for key, value in config.items():
        at: Pointer = ("config", key)
        if key in EVERYWHERE:
            continue
        if key in layer.parameters:
            yield from _value(layer, layer.parameters[key], value, at)
        elif key in layer.dropped:
            yield Problem(
                code="PS212",
                message=f"`{layer.name}` takes `{key}`, but Keras does not save it",
                at=at,
                on="key",
                hint="the variant would lose it when it is loaded: leave it out",
            )
        else:
            yield Problem(
                code="PS211",
                message=f"`{layer.name}` has no argument `{key}`",
                at=at,
                on="key",
                notes=(f"{layer.name} takes: {some(layer.parameters, 40)}",),
                hint=did_you_mean(key, layer.parameters),
            )


def _missing(layer: LayerClass, config: Mapping[str, Any]) -> Iterator[Problem]:
    unknown = [key for key in config if key not in layer.parameters]
    misspelt = {name for key in unknown for name in nearest(key, layer.parameters, n=1)}
    for key in layer.required:
        if key not in config and key not in misspelt:
            yield Problem(
                code="PS213",
                message=f"`{layer.name}` needs the argument `{key}`",
                at=("config",) if config else ("class",),
                hint=f"`config: {{{key}: ...}}`",
            )


def _value(layer: LayerClass, known: Parameter, value: Any, at: Pointer) -> Iterator[Problem]:
    if known.name == "vocabulary" and layer.name in FILES and isinstance(value, str):
        yield Problem(
            code="PS701",
            message="a patch may not name a file as a vocabulary",
            at=at,
            hint="write the vocabulary out as a list",
        )
    elif known.kind in _KINDS:
        yield from _scalar(layer, known, value, at)
    elif known.choices and (not isinstance(value, str) or value.lower() not in known.choices):
        if isinstance(value, str) or known.name != "padding":
            yield _wrong(layer, known, value, at, f"one of {some(known.choices, 12)}")
    elif known.kind == "activation":
        yield from _activation(value, at)
    elif known.kind in OBJECT_KINDS:
        yield from _object(str(known.kind), value, at)
    elif known.kind == "layer" and isinstance(value, Mapping):
        yield from _inner_layer(value, at)


def _scalar(layer: LayerClass, known: Parameter, value: Any, at: Pointer) -> Iterator[Problem]:
    kind = str(known.kind)
    fits = isinstance(value, _KINDS[kind]) and (kind == "boolean") == isinstance(value, bool)
    if value is None and layer.defaults.get(known.name, 0) is None:
        return
    if not fits:
        yield _wrong(layer, known, value, at, _WORDS[kind])
    elif kind == "integer" and value < 1:
        yield _wrong(layer, known, value, at, "at least 1")
    elif known.name in ("rate", "dropout", "recurrent_dropout") and not 0 <= value <= 1:
        yield _wrong(layer, known, value, at, "between 0 and 1")


def _wrong(layer: LayerClass, known: Parameter, value: Any, at: Pointer, wanted: str) -> Problem:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    hint = None
    if isinstance(value, str) and known.choices:
        hint = did_you_mean(value, known.choices)
    elif isinstance(value, str) and known.kind in _KINDS:
        hint = "without quotes it is not text"
    return Problem(
        code="PS214",
        message=f"`{known.name}` of `{layer.name}` is {shown}, wanted is {wanted}",
        at=at,
        hint=hint,
    )


def _activation(value: Any, at: Pointer) -> Iterator[Problem]:
    if value is None or (
        isinstance(value, str) and (is_registered(value) or value in activations())
    ):
        return
    if isinstance(value, str):
        yield Problem(
            code="PS214",
            message=f"Keras has no activation `{value}`",
            at=at,
            hint=did_you_mean(value, activations())
            or "a function of your own is named as registered: `package>name`",
        )
    elif isinstance(value, Mapping) and "class" in value:
        yield from _inner_layer(value, at)
    else:
        yield Problem(code="PS214", message="an activation is a name, or `{class, config}`", at=at)


def _object(kind: str, value: Any, at: Pointer) -> Iterator[Problem]:
    known = objects(kind)
    if value is None:
        return
    if isinstance(value, str):
        if not is_registered(value) and value not in known.aliases:
            yield _no_object(kind, value, at)
        return
    name = value.get("class", value.get("class_name")) if isinstance(value, Mapping) else None
    if not isinstance(name, str):
        yield Problem(code="PS214", message=f"{_a(kind)} is a name, or `{{class, config}}`", at=at)
        return
    place = (*at, "class" if "class" in value else "class_name")
    if is_registered(name):
        return
    own = known.aliases.get(name)
    if own is None:
        yield _no_object(kind, name, place)
        return
    for key in value.get("config", {}):
        if key not in known.parameters[own]:
            yield Problem(
                code="PS211",
                message=f"`{own}` has no argument `{key}`",
                at=(*at, "config", key),
                on="key",
                hint=did_you_mean(key, known.parameters[own]),
            )


def _no_object(kind: str, name: str, at: Pointer) -> Problem:
    return Problem(
        code="PS210",
        message=f"Keras has no {kind} `{name}`",
        at=at,
        hint=did_you_mean(name, objects(kind).aliases)
        or f"{_a(kind)} of your own is named as registered: `package>Name`",
    )


def _a(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _inner_layer(value: Mapping[str, Any], at: Pointer) -> Iterator[Problem]:
    key = "class" if "class" in value else "class_name"
    name = value.get(key)
    if not isinstance(name, str):
        yield Problem(code="PS214", message="an inner layer is `{class, config}`", at=at)
        return
    inner = {k: v for k, v in value.get("config", {}).items() if k not in EVERYWHERE}
    for problem in check_layer(name, inner):
        place = (key, *problem.at[1:]) if problem.at[:1] == ("class",) else problem.at
        yield replace(problem, at=(*at, *place))


def _code(value: Any, at: Pointer) -> Iterator[Problem]:
    """Objects that carry code, wherever in the config they stand."""
    if isinstance(value, Mapping):
        for key in ("class", "class_name"):
            name = value.get(key)
            if name in CODE or (isinstance(name, str) and name != "" and _brings_code(name)):
                yield Problem(
                    code="PS701",
                    message=f"a patch may not bring a `{name}`: it carries code",
                    at=(*at, key),
                )
        for key, item in value.items():
            yield from _code(item, (*at, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _code(item, (*at, i))


def _brings_code(name: str) -> bool:
    return refusal(name) is not None and name not in ("Layer", "Wrapper", "InputLayer")


def takes_list(class_name: str) -> bool:
    """Whether several tensors go into one call as a list; also assumed of registered classes."""
    found = layer_class(class_name)
    return found is None or found.takes_list


def takes_mask(class_name: str) -> bool:
    """Whether a call of the class takes `mask`."""
    found = layer_class(class_name)
    return found is not None and "mask" in found.call_arguments


def accepts_argument(class_name: str, argument: str) -> bool:
    """Whether a call of the class takes the argument; assumed of registered classes."""
    found = layer_class(class_name)
    return found is None or argument in found.call_arguments
