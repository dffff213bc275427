"""One layer whose shapes and variables are computed here, as Keras would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from patchspec.graph.tensors import Spec
from patchspec.inferring.arguments import boolean, regularizer
from patchspec.inferring.kinds import Answer, Config, KnownKind, Read, decline
from patchspec.inferring.operations import operation_of
from patchspec.inferring.policies import Policy, policy_of
from patchspec.inferring.registry import KINDS
from patchspec.layers.table import LayerClass, layer_class
from patchspec.planning.shapes import VariableSpec

ENTRY_KEYS = {
    "module", "class_name", "config", "registered_name", "name", "inbound_nodes", "build_config",
    "shared_object_id",
}  # fmt: skip
_NO_POLICY = Policy("float32", "float32")
"""What an operation has, which casts nothing."""


@dataclass(frozen=True)
class Known:
    """A layer of a known kind, whose arguments Keras surely takes."""

    entry: Mapping[str, Any]
    kind: KnownKind
    config: Config
    """With the default of every argument that is not given."""
    policy: Policy
    call_arguments: tuple[str, ...]


def known_layer(entry: Mapping[str, Any]) -> Known | None:
    """The layer or operation of an entry, if all that it says is plain."""
    operation = operation_of(entry)
    if operation is not None and set(entry) <= ENTRY_KEYS:
        return Known(entry, operation, entry["config"], _NO_POLICY, ())
    name = str(entry.get("class_name"))
    kind, table = KINDS.get(name), layer_class(name)
    if kind is None or table is None or table.name != name or not _is_plain(entry, name):
        return None
    policy = policy_of(entry["config"].get("dtype"))
    config = _complete(table, entry["config"], kind)
    if policy is None or config is None:
        return None
    return Known(entry, kind, config, policy, table.call_arguments)


def _is_plain(entry: Mapping[str, Any], name: str) -> bool:
    config = entry.get("config")
    return (
        set(entry) <= ENTRY_KEYS
        and entry.get("module") == "keras.layers"
        and entry.get("registered_name", "") in (None, name)
        and isinstance(config, Mapping)
        and isinstance(config.get("name"), str)
        and "/" not in config["name"]
    )


def _complete(table: LayerClass, given: Config, kind: KnownKind) -> Config | None:
    """The config with defaults, if every argument is one that Keras surely takes."""
    for key, value in given.items():
        if key == "name" or (key == "dtype" and key in table.common):
            continue
        if key == "trainable" and key in table.common:
            fits = boolean(value)
        elif key == "activity_regularizer" and key in table.parameters:
            fits = regularizer(value)
        elif key in kind.arguments:
            fits = kind.arguments[key](value)
        else:
            fits = key in table.defaults and _is(value, table.defaults[key])
        if not fits:
            return None
    wanting = [key for key in kind.arguments if key not in given]
    derived = any(key in table.depends for key in wanting)
    if derived or "data_format" in wanting or any(key not in table.defaults for key in wanting):
        # What Keras derives, or takes from its global settings, it says itself.
        return None
    config = {**table.defaults, **given}
    return config if kind.sound(config) else None


def _is(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


@dataclass
class NativeLayer:
    """A known layer and what its first call built, as a Keras layer would remember it."""

    layer: Known
    integer: str
    """The dtype that Keras means by `int`, which depends on its backend."""
    built: Answer | None = field(default=None)

    @property
    def carries_masks(self) -> bool:
        """Whether a mask on the input is passed on."""
        return self.layer.kind.carries_masks(self.layer.config)

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The spec of the output; `DeclinedError` where Keras is to be asked."""
        layer = self.layer
        read = Read(layer.config, layer.policy, args, kwargs, layer.call_arguments)
        found = layer.kind.answer(read)
        if self.built is None:
            self.built = found
        elif not found.follows(self.built):
            decline()
        return found.outputs

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables, in Keras's order of saving."""
        weights = () if self.built is None else self.built.weights
        trains = bool(self.layer.config.get("trainable", True))
        dtypes = {None: self.layer.policy.variable, "int": self.integer}
        counts: Counter[str] = Counter()
        found = []
        for weight in weights:
            found.append(
                VariableSpec(
                    f"{weight.part}vars/{counts[weight.part]}",
                    weight.name,
                    weight.shape,
                    dtypes[weight.dtype],
                    weight.trains and (trains or weight.alone),
                    weight.initializer,
                )
            )
            counts[weight.part] += 1
        return tuple(found)

    def entry(self) -> Mapping[str, Any]:
        """The layer with what Keras derives in building it."""
        left_out = ("inbound_nodes", "build_config")
        entry = {key: value for key, value in self.layer.entry.items() if key not in left_out}
        if self.built is not None and self.built.build_config is not None:
            entry["build_config"] = self.built.build_config
        return entry
