"""The one door: every Keras object that comes from a config is made here, in safe mode."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
from keras.src.backend.common import global_state

from patchspec.graph.edits import plain
from patchspec.inferring.installed import MINIMUM, version_of
from patchspec.problems import refuse

_COLOUR = re.compile("\x1b\\[[0-9;]*m")
"""What Keras puts around some of its messages."""


def check_keras() -> None:
    """Refuse a Keras that is too old to be safe or to write what this package reads."""
    if version_of(keras.__version__) < MINIMUM:
        refuse(
            "PS901",
            f"Keras {keras.__version__} is installed, patchspec needs 3.15.1 or later",
            hint="pip install -U keras",
        )


def make(entry: Mapping[str, Any], custom_objects: Mapping[str, Any]) -> Any:
    """The object that `entry` describes, as `keras.saving` makes it in safe mode.

    Whatever Keras raises comes out as it is; callers translate it.
    """
    return keras.saving.deserialize_keras_object(
        plain(entry), custom_objects=dict(custom_objects), safe_mode=True
    )


def load_whole(path: Path, custom_objects: Mapping[str, Any], *, compiled: bool) -> Any:
    """The model in a file as Keras itself loads it, in safe mode.

    For what no config describes. Whatever Keras raises comes out as it is.
    """
    return keras.saving.load_model(
        path, custom_objects=dict(custom_objects), compile=compiled, safe_mode=True
    )


def known_custom_objects(custom_objects: Mapping[str, Any]) -> set[str]:
    """The names under which the user's objects go, those registered with Keras included."""
    registered = keras.saving.get_custom_objects()
    return {*custom_objects, *registered}


def objects_in_scope() -> Mapping[str, Any]:
    """What Keras now looks up before its own classes: objects registered, and those of a scope."""
    scoped = global_state.get_global_attribute("custom_objects_scope_dict") or {}
    return {**scoped, **keras.saving.get_custom_objects()}


def import_custom_objects(modules: Iterable[str]) -> dict[str, Any]:
    """The layers, functions and other Keras objects that modules define, by name.

    Importing is what runs the code of such a module: it is the user who names it.
    """
    found: dict[str, Any] = {}
    for name in modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            refuse(
                "PS906",
                f"`--custom-objects {name}` cannot be imported: {error}",
                hint="give the dotted name of an importable module; the current folder counts "
                "with `python -m patchspec`",
            )
        found |= {
            attribute: value
            for attribute, value in vars(module).items()
            if _is_own(value, module.__name__) and not attribute.startswith("_")
        }
    return found


def _is_own(value: object, module: str) -> bool:
    made_here = getattr(value, "__module__", "").split(".")[0] == module.split(".", maxsplit=1)[0]
    return made_here and (inspect.isclass(value) or inspect.isfunction(value))


def said_by(error: BaseException) -> str:
    """What Keras says is wrong, without the listing of arguments that it adds."""
    text = _COLOUR.sub("", str(error)).strip() or type(error).__name__
    for marker in ("\nArguments received", "config={", "\n\nException", " using config="):
        text = text.partition(marker)[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = " ".join(lines[:4])
    return shown if len(shown) <= 400 else shown[:397] + "..."  # noqa: PLR2004 (a readable length)
