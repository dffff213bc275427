"""The constructor arguments of Keras's layers as JSON Schema, for editors.

Nothing here refuses what `patchspec.layers.check` accepts: where a placeholder may stand, it does,
and a registered `package>Name` is never unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from patchspec.layers.check import DTYPES, INPUT, INPUT_KEYS, OBJECT_KINDS
from patchspec.layers.table import (
    LayerClass,
    Parameter,
    activations,
    layer_class,
    layer_names,
    objects,
)
from patchspec.layers.texts import class_text, parameter_text

PLACEHOLDER = r"\$\("
"""Where this is found in a text, what it will be is not known yet."""
_OPEN = f">|{PLACEHOLDER}"
WORDS = {
    "boolean": "true or false",
    "integer": "an integer",
    "number": "a number",
    "array": "a list",
    "null": "null",
}
_ARTICLES = {"initializer": "An initializer", "regularizer": "A regularizer",
             "constraint": "A constraint"}  # fmt: skip
_FRACTIONS = ("rate", "dropout", "recurrent_dropout")


def offered(texts: Mapping[str, str], *, first: int | None = None) -> list[dict[str, Any]]:
    """Values, with what is said of each, that an editor proposes and no validator looks at.

    An editor sorts them by name, or as they come where the place of the `first` is given.
    """
    return [
        {
            "label": value,
            "body": _snippet(value),
            **({"description": text} if text else {}),
            **({} if first is None else {"sortText": f"{first + i:05}"}),
        }
        for i, (value, text) in enumerate(texts.items())
    ]


def _snippet(value: str) -> str:
    """The text as an editor's snippet that is a YAML scalar: quoted where YAML needs it."""
    plain = _PLAIN.match(value) and value.lower() not in ("true", "false", "null")
    return re.sub(r"[\\$}]", r"\\\g<0>", value if plain else json.dumps(value))


_PLAIN = re.compile(r"[A-Za-z_$][\w./$:>-]*(?<!:)\Z")


def choice(values: Iterable[str], *, any_case: bool = False) -> dict[str, Any]:
    """One of these words, or a placeholder."""
    names = list(values)
    pattern = "|".join(map(_any_case, names) if any_case else names)
    return {
        "pattern": f"^({pattern})$|{PLACEHOLDER}",
        "patternErrorMessage": f"wanted is {' or '.join(names)}",
        "defaultSnippets": offered(dict.fromkeys(names, "")),
    }


def _any_case(word: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word)


def constructor_definitions() -> dict[str, Any]:
    """Definitions that a new layer refers to: `layerClass`, `constructor` and what those need."""
    names = _own_names()
    shared = _shared([_arguments(_found(name)) for name in names])
    cases = [_case(name, shared) for name in names]
    return {
        "layerClass": _layer_class(),
        "constructor": {"allOf": [_input_case(), *cases]},
        "innerLayer": {
            "properties": {
                "class": {"$ref": "#/definitions/layerClass"},
                "config": {"type": "object", "description": "Constructor arguments."},
            },
            "allOf": [{"$ref": "#/definitions/constructor"}],
        },
        "activation": _activation(),
        **{kind: _object(kind) for kind in OBJECT_KINDS},
        **{name: json.loads(text) for (_, text), name in shared.items()},
    }


def _own_names() -> list[str]:
    return [name for name in layer_names() if _found(name).name == name]


def _found(name: str) -> LayerClass:
    found = layer_class(name)
    assert found is not None
    return found


def class_texts() -> dict[str, str]:
    """Every class that a patch may name, and what it is for."""
    return {
        **{name: class_text(_found(name).name) for name in layer_names()},
        INPUT: "One more input of the model.",
    }


def _layer_class() -> dict[str, Any]:
    texts = class_texts()
    names = sorted(texts)
    return {
        "type": "string",
        "minLength": 1,
        "description": "A `keras.layers` class, or a registered `package>Name`.",
        "pattern": f"^({'|'.join(names)})$|{_OPEN}",
        "patternErrorMessage": "Keras has no layer class of this name that a patch may bring; "
        "a class of your own is named as registered: package>Name",
        "defaultSnippets": offered({name: texts[name] for name in names}),
    }


def _arguments(layer: LayerClass) -> dict[str, str]:
    """The schema of every constructor argument, as text: equal ones are written once."""
    return {key: json.dumps(_argument(layer, known)) for key, known in layer.parameters.items()}


def _shared(arguments: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], str]:
    """What the definition of each distinct argument and schema is called."""
    distinct: dict[str, dict[str, None]] = {}
    for one in arguments:
        for key, text in one.items():
            distinct.setdefault(key, {})[text] = None
    return {
        (key, text): f"{key}.{number}"
        for key, texts in distinct.items()
        for number, text in enumerate(texts, start=1)
    }


def _case(name: str, shared: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """What holds of a new layer of the class."""
    layer = _found(name)
    aliases = [alias for alias in layer_names() if _found(alias).name == name]
    properties = {
        key: {"$ref": f"#/definitions/{shared[key, text]}"}
        for key, text in _arguments(layer).items()
    }
    config = {
        "properties": {**properties, **_everywhere(layer)},
        "additionalProperties": False,
    }
    then: dict[str, Any] = {
        "properties": {
            "class": {"title": f"{name}: {class_text(name)}"},
            "config": config,
            "arguments": {
                "properties": {
                    key: {
                        "description": f"An argument of a call of `{name}`.",
                        **({} if i else {"doNotSuggest": True}),
                    }
                    for i, key in enumerate(layer.call_arguments)
                },
                "additionalProperties": False,
            },
        }
    }
    if layer.required:
        needed = {
            "required": ["config"],
            "properties": {"config": {"required": list(layer.required)}},
        }
        then |= {"if": {"required": ["like"]}, "else": needed}
    return {"if": _is_class(aliases), "then": then}


def _is_class(names: Iterable[str]) -> dict[str, Any]:
    """The condition that `class` is one of these.

    A pattern: while it completes, yaml-language-server takes a `const` for met that merely begins
    as the value does, so that Conv2D would be offered what Conv2DTranspose takes.
    """
    pattern = f"^({'|'.join(names)})$"
    return {"properties": {"class": {"type": "string", "pattern": pattern}}, "required": ["class"]}


def _everywhere(layer: LayerClass) -> dict[str, Any]:
    places = {"name": "`name` of the new layer", "trainable": "`op: freeze`"}
    return {
        "dtype": {"description": f"The dtype policy; {layer.dtype or 'unset, that around it'}."},
        **{
            key: {"description": f"Of a new layer, that is {place}.", "doNotSuggest": True}
            for key, place in places.items()
        },
    }


def _input_case() -> dict[str, Any]:
    texts = {
        "shape": "The sizes without the batch; null is an open one. Required.",
        "batch_size": "The size of the batch; open unless given.",
        "dtype": "The dtype of the tensor.",
    }
    schemas: dict[str, dict[str, Any]] = {
        "shape": {
            "type": ["array", "string"],
            "pattern": PLACEHOLDER,
            "patternErrorMessage": "wanted is a list of sizes",
            "items": _scalar("integer", nullable=True),
        },
        "batch_size": _scalar("integer", nullable=True),
        "dtype": choice(DTYPES),
    }
    config = {
        "properties": {key: {**schemas[key], "description": texts[key]} for key in INPUT_KEYS},
        "additionalProperties": False,
    }
    return {
        "if": _is_class([INPUT]),
        "then": {
            "properties": {"class": {"title": class_texts()[INPUT]}, "config": config},
            "if": {"required": ["like"]},
            "else": {"required": ["config"], "properties": {"config": {"required": ["shape"]}}},
        },
    }


def _argument(layer: LayerClass, known: Parameter) -> dict[str, Any]:
    nullable = layer.defaults.get(known.name, 0) is None
    if known.kind in WORDS:
        schema = _scalar(known.kind, nullable=nullable)
        if known.kind == "number" and known.name in _FRACTIONS:
            schema |= {"minimum": 0, "maximum": 1}
    elif known.choices:
        schema = choice(known.choices, any_case=True)
        if known.name != "padding":
            schema["type"] = ["string", "null"] if nullable else "string"
    elif known.kind == "layer":
        schema = {"allOf": [{"$ref": "#/definitions/innerLayer"}]}
    elif known.kind:
        schema = {"allOf": [{"$ref": f"#/definitions/{known.kind}"}]}
    else:
        schema = {}
    return {"description": " ".join(_said(layer, known)), **schema}


def _scalar(kind: str, *, nullable: bool) -> dict[str, Any]:
    return {
        "type": [kind, *(["null"] if nullable else []), "string"],
        "pattern": PLACEHOLDER,
        "patternErrorMessage": f"wanted is {WORDS[kind]}",
        **({"minimum": 1} if kind == "integer" else {}),
    }


def _said(layer: LayerClass, known: Parameter) -> Iterator[str]:
    text = parameter_text(layer.name, known.name)
    if text:
        yield text if text.endswith((".", "...")) else f"{text}."
    elif known.kind in WORDS:
        yield f"{WORDS[known.kind].capitalize()}."
    elif known.kind in _ARTICLES:
        yield f"{_ARTICLES[known.kind]}."
    elif known.choices:
        yield f"One of {', '.join(known.choices)}."
    else:
        yield f"An argument of `{layer.name}`."
    depends = layer.depends.get(known.name)
    if known.name in layer.required:
        yield "Required."
    elif depends is not None and depends.copies:
        yield f"As `{depends.on[0]}` unless given."
    elif depends is None and known.name in layer.defaults and known.name not in layer.drawn:
        yield f"Default: `{_short(layer.defaults[known.name])}`."


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and "class_name" in value:
        return str(value["class_name"])
    return json.dumps(value)


def _activation() -> dict[str, Any]:
    names = activations()
    return {
        "type": ["string", "object", "null"],
        "pattern": f"^({'|'.join(names)})$|{_OPEN}",
        "patternErrorMessage": "Keras has no activation of this name; "
        "a function of your own is named as registered: package>name",
        "defaultSnippets": offered(dict.fromkeys(names, "")),
        **_inside_object("class", "A layer that is used as the activation."),
    }


def _inside_object(key: str, description: str) -> dict[str, Any]:
    return {
        "properties": {
            key: {"type": "string", "description": description},
            "config": {"type": "object", "description": "Its arguments."},
        }
    }


def _object(kind: str) -> dict[str, Any]:
    known = objects(kind)
    named = {
        "pattern": f"^({'|'.join(known.aliases)})$|{_OPEN}",
        "patternErrorMessage": f"Keras has no {kind} of this name; "
        "one of your own is named as registered: package>Name",
        "defaultSnippets": offered(dict.fromkeys(known.defaults, "")),
    }
    cases = [
        {
            "if": _is_class(alias for alias, own in known.aliases.items() if own == name),
            "then": {
                "properties": {
                    "config": {
                        "properties": {
                            key: {"description": _object_argument(name, key, known.defaults[name])}
                            for key in keys
                        },
                        "additionalProperties": False,
                    }
                }
            },
        }
        for name, keys in known.parameters.items()
    ]
    return {
        "type": ["string", "object", "null"],
        **named,
        "properties": {
            "class": {"type": "string", "description": f"Which {kind}.", **named},
            "config": {"type": "object", "description": "Its arguments."},
        },
        "allOf": cases,
    }


def _object_argument(name: str, key: str, defaults: Mapping[str, Any]) -> str:
    default = f" Default: `{_short(defaults[key])}`." if key in defaults else ""
    return f"An argument of `{name}`.{default}"
