"""The table of layer classes that `tools/layer_table.py` made by constructing each of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("table.json")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A constructor argument that `get_config` keeps."""

    name: str
    kind: str | None = None
    """`boolean`, `integer`, `number`, or what object stands there; none where anything may."""
    choices: tuple[str, ...] = ()
    """The strings that are taken, where no others are."""
    spread: int | None = None
    """How many times Keras writes a lone integer in a list."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """A default that is not always the same."""

    on: tuple[str, ...]
    """The parameters that it depends on."""
    copies: bool
    """Whether it has the value of the one parameter; else Keras derives it in the constructor."""


@dataclass(frozen=True, slots=True)
class LayerClass:
    """One class of `keras.layers`."""

    name: str
    parameters: Mapping[str, Parameter]
    required: tuple[str, ...]
    dropped: frozenset[str]
    """Arguments that the constructor takes and `get_config` forgets."""
    drawn: frozenset[str]
    """Seeds that the constructor draws at random where none is given."""
    dtype: str | None
    """The dtype policy that the class sets itself; none where it takes the global one."""
    common: frozenset[str]
    """Which of `trainable` and `dtype` its config holds; a few classes refuse what they do not."""
    defaults: Mapping[str, Any]
    """What `get_config` writes when only the required arguments are given, without those."""
    depends: Mapping[str, Dependence]
    """Which of those hold only while other arguments are not given."""
    call_arguments: tuple[str, ...]
    takes_list: bool
    """Whether a call takes its tensors as one list."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The initializers, regularizers or constraints that a config may name."""

    kind: str
    module: str
    defaults: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]
    """Every name that Keras takes, and the class that it means."""


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table


def keras_version() -> str:
    """The version of Keras, to the minor, that the table was made with."""
    return str(_table()["keras"])


def layer_names() -> tuple[str, ...]:
    """Every class that a patch may name, aliases included."""
    return (*_table()["layers"], *_table()["aliases"])


def refusal(name: str) -> str | None:
    """Why a patch may not bring this class; none where it may, or where nobody knows it."""
    reason: str | None = _table()["refused"].get(name)
    return reason


@cache
def layer_class(name: str) -> LayerClass | None:
    """What the class takes; none for a class that is not in the table."""
    table = _table()
    own = table["aliases"].get(name, name)
    said = table["layers"].get(own)
    if said is None:
        return None
    return LayerClass(
        own,
        {
            key: Parameter(key, f.get("kind"), tuple(f.get("choices", ())), f.get("spread"))
            for key, f in said["parameters"].items()
        },
        tuple(said["required"]),
        frozenset(said["dropped"]),
        frozenset(said["drawn"]),
        said["dtype"],
        frozenset(said["common"]),
        said["defaults"],
        {key: Dependence(tuple(d["on"]), d["copy"]) for key, d in said["depends"].items()},
        tuple(said["call"]),
        said["takes_list"],
    )


@cache
def objects(kind: str) -> Objects:
    """The objects of a kind: `initializer`, `regularizer` or `constraint`."""
    said = _table()[f"{kind}s"]
    classes = said["classes"]
    return Objects(
        kind,
        f"keras.{kind}s",
        {name: facts["defaults"] for name, facts in classes.items()},
        {name: tuple(facts["parameters"]) for name, facts in classes.items()},
        said["aliases"],
    )


def activations() -> tuple[str, ...]:
    """The activations that Keras knows by name."""
    return tuple(_table()["activations"])
