"""What a config would have Keras load, looked at as data before Keras sees it.

In safe mode Keras still lets a config pick any class that is registered in the process, any of its
public functions, and any submodule of four packages. Here a config may name layers, operations and
the objects that belong to them; the rest must be given by the user, and code is always refused.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from patchspec.problems import PatchError, Problem, some

CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
CODE_OBJECTS = {"__lambda__", "__function__"}
DATA_OBJECTS = {"__keras_tensor__", "__numpy__", "__tensor__", "__slice__", "__ellipsis__"}
MODULES = (
    "keras",
    "keras.layers",
    "keras.initializers",
    "keras.regularizers",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.quantizers",
    "keras.models",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.losses",
    "keras.metrics",
    "keras.src.models.functional",
    "keras.src.models.sequential",
)
MODULE_PREFIXES = ("keras.src.ops.", "keras.ops.", "keras.src.applications.", "keras.src.layers.")
_LEAVES = (str, int, float, bool, type(None))
"""The types of values that most of a config is; nothing is named inside them."""
_MAX_CONSTANT = 1 << 24
_FUNCTIONS = ("keras.activations", "keras.ops", "keras.losses", "keras.metrics", "builtins")


@dataclass(frozen=True, slots=True)
class Named:
    """An object that a config names: its class, and the layer whose config names it."""

    name: str
    layer: str


def check_code(document: Mapping[str, Any], origin: str) -> None:
    """Refuse what carries code (PS704): nothing of it may even be planned with."""
    problems = list(_code_in(_objects(document, ""), origin))
    if problems:
        raise PatchError(dict.fromkeys(problems))


def check_safe(document: Mapping[str, Any], custom: Collection[str], origin: str) -> None:
    """Refuse code (PS704), and name all classes at once that nobody gave (PS906).

    `custom` are the names of the custom objects that the user gave or registered.
    """
    named = _objects(document, "")
    problems = list(_code_in(named, origin))
    missing: dict[str, list[str]] = {}
    for found, entry in named:
        name = str(entry.get("class_name"))
        if name not in CODE | CODE_OBJECTS and not _is_known(entry, custom):
            wanted = str(entry.get("registered_name") or name)
            if name == "function":
                wanted = str(entry.get("config"))
            missing.setdefault(wanted, []).append(found.layer)
    if missing:
        notes = [f"`{name}`, of {some(dict.fromkeys(users))}" for name, users in missing.items()]
        problems.append(
            Problem(
                code="PS906",
                message=f"`{origin}` needs {len(missing)} custom "
                f"{'class or function' if len(missing) == 1 else 'classes or functions'} that "
                "nobody gave",
                notes=tuple(notes),
                hint="give the module that defines them: `--custom-objects package.module`, or "
                "`custom_objects={...}` in Python",
            )
        )
    if problems:
        raise PatchError(dict.fromkeys(problems))


def _code_in(named: Iterable[tuple[Named, Mapping[str, Any]]], origin: str) -> Iterator[Problem]:
    for found, entry in named:
        name = str(entry.get("class_name"))
        if name in CODE | CODE_OBJECTS:
            yield _code(found.layer, name, origin)
        elif name == "__numpy__" and _length(entry["config"].get("value")) > _MAX_CONSTANT:
            yield Problem(code="PS704", message=f"a constant in `{origin}` is too large to load")


def _code(layer: str, name: str, origin: str) -> Problem:
    return Problem(
        code="PS704",
        message=f"`{layer}` in `{origin}` is a `{name}`, which carries code"
        if name in CODE
        else f"`{layer}` in `{origin}` carries a Python function as code",
        hint="such a layer is always refused; write it as a registered layer class instead",
    )


def _is_known(entry: Mapping[str, Any], custom: Collection[str]) -> bool:
    name, module = str(entry["class_name"]), entry.get("module")
    registered = entry.get("registered_name")
    if name in DATA_OBJECTS:
        return True
    if registered in custom or (name in custom and registered in (None, name)):
        return True
    if module == "builtins" and name == "function":
        return entry.get("config") in custom
    if registered is not None and registered != name:
        return False
    if module is None:
        return "module" not in entry and name in ("Functional", "Sequential", "Model")
    return module in MODULES or str(module).startswith(MODULE_PREFIXES)


def _objects(value: Any, layer: str) -> list[tuple[Named, Mapping[str, Any]]]:
    """Every object that the config names, at any depth, and the layer that names it."""
    found: list[tuple[Named, Mapping[str, Any]]] = []
    _collect(value, layer, found)
    return found


def _collect(value: Any, layer: str, found: list[tuple[Named, Mapping[str, Any]]]) -> None:
    if isinstance(value, Mapping):
        if "class_name" in value and ("config" in value or "module" in value):
            config = value.get("config")
            if isinstance(config, Mapping) and "name" in config and "trainable" in config:
                layer = str(config["name"])
            layer = str(value.get("name") or layer)
            found.append((Named(str(value["class_name"]), layer), value))
        for key, item in value.items():
            if type(item) not in _LEAVES and key != "compile_config":
                _collect(item, layer, found)
    elif isinstance(value, list):
        for item in value:
            if type(item) not in _LEAVES:
                _collect(item, layer, found)


def _length(value: Any) -> int:
    return sum(_length(item) for item in value) if isinstance(value, list) else 1
