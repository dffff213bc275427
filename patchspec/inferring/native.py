"""One layer whose shapes and variables are computed here, as Keras would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from patchspec.graph.tensors import Spec
from patchspec.inferring.arguments import boolean, regularizer
from patchspec.inferring.kinds import Config, Kind, Merging, Weight, decline
from patchspec.inferring.merging import PAIR
from patchspec.inferring.policies import NUMBERS, Policy, policy_of
from patchspec.inferring.registry import KINDS
from patchspec.layers.table import LayerClass, layer_class
from patchspec.planning.shapes import VariableSpec

_ENTRY_KEYS = {
    "module", "class_name", "config", "registered_name", "name", "inbound_nodes", "build_config",
    "shared_object_id",
}  # fmt: skip


@dataclass(frozen=True)
class Known:
    """A layer of a known kind, whose arguments Keras surely takes."""

    entry: Mapping[str, Any]
    kind: Kind | Merging
    config: Config
    """With the default of every argument that is not given."""
    policy: Policy
    call_arguments: tuple[str, ...]


def known_layer(entry: Mapping[str, Any]) -> Known | None:
    """The layer of an entry, if all that it says is plain."""
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
        set(entry) <= _ENTRY_KEYS
        and entry.get("module") == "keras.layers"
        and entry.get("registered_name", "") in (None, name)
        and isinstance(config, Mapping)
        and isinstance(config.get("name"), str)
        and "/" not in config["name"]
    )


def _complete(table: LayerClass, given: Config, kind: Kind | Merging) -> Config | None:
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
    return config if isinstance(kind, Merging) or kind.sound(config) else None


def _is(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


@dataclass(frozen=True)
class Answer:
    """What one call of a layer gives."""

    output: Spec
    weights: tuple[Weight, ...]
    built_on: Any
    """The shapes that were read, as Keras writes them."""


def answer(layer: Known, args: Any, kwargs: Any) -> Answer:
    """What a call gives; `DeclinedError` where Keras might not take it."""
    reads = _read(args, kwargs, layer.call_arguments)
    if isinstance(layer.kind, Merging):
        specs = _listed(reads)
        shapes = [spec.shape for spec in specs]
        output = Spec(layer.kind.output(layer.config, shapes), layer.policy.compute)
        return Answer(output, (), [list(shape) for shape in shapes])
    if not isinstance(reads, Spec) or not _fits(reads) or not layer.kind.takes(reads.dtype):
        decline()
    shape = layer.kind.output(layer.config, reads.shape)
    kept = layer.policy.converted(reads.dtype)
    dtype = kept if layer.kind.keeps_dtype else layer.policy.compute
    weights = layer.kind.weights(layer.config, reads.shape)
    return Answer(Spec(shape, dtype), weights, list(reads.shape))


def _read(args: Any, kwargs: Any, takes: Sequence[str]) -> Any:
    """The one positional argument, where the others are plain."""
    if not isinstance(args, list) or len(args) != 1:
        decline()
    for key, value in kwargs.items():
        training = key == "training" and (value is None or isinstance(value, bool))
        mask = key == "mask" and "mask" in takes
        masked = mask and (value is None or (isinstance(value, Spec) and value.dtype == "bool"))
        if not training and not masked:
            decline()
    return args[0]


def _listed(value: Any) -> list[Spec]:
    """The several tensors of one list; of a single one Keras's own layers do not think alike."""
    specs = [one for one in value if isinstance(one, Spec)] if isinstance(value, list) else []
    if len(specs) < PAIR or len(specs) != len(value) or not all(map(_fits, specs)):
        decline()
    return specs


def _fits(spec: Spec) -> bool:
    return spec.dtype in NUMBERS and all(n is None or n > 0 for n in spec.shape)


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
        kind = self.layer.kind
        return isinstance(kind, Merging) or kind.carries_masks(self.layer.config)

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The spec of the output; `DeclinedError` where Keras is to be asked."""
        found = answer(self.layer, args, kwargs)
        if self.built is None:
            self.built = found
        elif not _alike(self.built, found):
            decline()
        return (found.output,)

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables, in Keras's order of saving."""
        weights = () if self.built is None else self.built.weights
        trains = self.layer.config.get("trainable", True)
        own = self.layer.policy.variable
        return tuple(
            VariableSpec(
                f"vars/{number}",
                weight.name,
                weight.shape,
                {None: own, "int": self.integer}.get(weight.dtype, own),
                bool(trains and weight.trains),
                weight.initializer,
            )
            for number, weight in enumerate(weights)
        )

    def entry(self) -> Mapping[str, Any]:
        """The layer with what Keras derives in building it."""
        left_out = ("inbound_nodes", "build_config")
        entry = {key: value for key, value in self.layer.entry.items() if key not in left_out}
        kind = self.layer.kind
        if self.built is not None and (isinstance(kind, Merging) or kind.records_build):
            entry["build_config"] = {"input_shape": self.built.built_on}
        return entry


def _alike(built: Answer, found: Answer) -> bool:
    """Whether a later call fits what the first one built, whatever Keras checks of it."""
    before, now = built.built_on, found.built_on
    return built.weights == found.weights and _rank(before) == _rank(now)


def _rank(shape: Any) -> Any:
    return [_rank(one) if isinstance(one, list) else None for one in shape]
