"""set: give layers other constructor or call arguments, or their variables other values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import replace as changed
from typing import Any

from patchspec.graph.edits import Edit, add, plain, remove, replace
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.layers.check import INPUT, check_layer
from patchspec.layers.table import LayerClass, layer_class
from patchspec.layers.write import full_config
from patchspec.operations._made import policy
from patchspec.operations._names import fill
from patchspec.operations._operation import (
    Config,
    Each,
    Given,
    Keys,
    Operation,
    Selector,
    Target,
    Weights,
)
from patchspec.problems import PatchError, did_you_mean, refuse, some
from patchspec.weights.lineage import Event, Ruled
from patchspec.weights.pipelines import read_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Set(Operation):
    """Change constructor or call arguments of layers, or the values of their variables.

    Each key given is replaced whole; `unset` puts one back to what the class has by default. An
    input layer takes `shape`, `batch_size` and `dtype`, as `keras.Input` does. `weights` says what
    becomes of the values, by rules; where a shape changes, it must.

    - op: set
      layers: {where: {activation: silu}, count: 1}
      config: {activation: relu}
    """

    layers: Selector
    config: Config = field(default_factory=dict)
    unset: Keys = ()
    arguments: Config = field(default_factory=dict)
    weights: Weights = None
    each: Each = None

    def targets(self, graph: Graph) -> tuple[Target, ...]:
        if not self.config and not self.unset and not self.arguments and self.weights is None:
            said = "`set` needs `config`, `unset`, `arguments` or `weights`"
            refuse("PS213", said, hint="say what to change")
        both = set(self.config) & set(self.unset)
        if both:
            refuse("PS216", f"`{min(both)}` is both set and unset", at=("unset",))
        # Not super(): the class that `slots` makes is another one than `__class__` means.
        found = Operation.targets(self, graph)
        inputs = [target.path for target in found if graph.layer(target.path).is_input]
        if inputs and len(inputs) < len(found):
            # An input layer takes other keys, and its dtype is no policy: never part of a bulk.
            refuse(
                "PS405",
                f"the selector matches input layers among others: {some(inputs)}",
                at=("layers",),
                hint="leave them out: `not: {class: InputLayer}`",
            )
        return found

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        layer = graph.layer(target.path)
        values = fill(plain(self.config), target, at=("config",))
        if self.arguments:
            arguments = fill(plain(self.arguments), target, at=("arguments",))
            yield from _arguments(layer, arguments)
        if layer.is_input:
            if self.weights is not None:
                refuse("PS415", f"`{layer.path}` is an input: it has no variables", at=("weights",))
            yield from self._input(layer, values)
            return
        self._check(layer, values)
        for key, value in values.items():
            yield _edit(layer, key, _written(layer, key, value))
        for key in self.unset:
            yield from self._unset(layer, key)
        if self.weights is not None:
            yield self._ruled(layer, graph, target)

    def _ruled(self, layer: Layer, graph: Graph, target: Target) -> Ruled:
        """What is said of the variables, where the layer holds them itself."""
        if layer.inner is not None or layer.path not in graph.by_path:
            holder = "the layers in it do" if layer.inner is not None else "its wrapper does"
            refuse(
                "PS415",
                f"`{layer.path}` holds no variables itself, {holder}",
                at=("weights",),
                on="key",
                hint="name that under `layers`",
            )
        rules = fill(plain(self.weights), target, at=("weights",))
        return Ruled(layer.path, read_weights(rules, ("weights",)))

    def _input(self, layer: Layer, values: Mapping[str, Any]) -> Iterator[Edit]:
        if self.unset:
            refuse("PS405", f"`{layer.path}` is an input layer: nothing is unset", at=("unset",))
        problems = list(check_layer(INPUT, values, partial=True))
        if problems:
            raise PatchError(problems)
        batch, *shape = layer.config["batch_shape"]
        wanted = [values.get("batch_size", batch), *values.get("shape", shape)]
        if wanted != layer.config["batch_shape"]:
            yield replace((*layer.pointer, "config", "batch_shape"), wanted)
        if "dtype" in values:
            yield replace((*layer.pointer, "config", "dtype"), values["dtype"])

    def _check(self, layer: Layer, values: Mapping[str, Any]) -> None:
        for key in ("name", "trainable"):
            if key in values or key in self.unset:
                refuse(
                    "PS215",
                    f"`set` does not change `{key}`",
                    at=("config", key) if key in values else ("unset",),
                    on="key" if key in values else "value",
                    hint="that is `op: rename`" if key == "name" else "that is `op: freeze`",
                )
        known = _known(layer) is not None or ">" in class_of(layer)
        problems = []
        if known:
            found = check_layer(class_of(layer), values, partial=True)
            problems = [p for p in found if p.code not in ("PS211", "PS212") or _new(layer, p.at)]
        else:
            for key in values:
                if key not in layer.config:
                    refuse(
                        "PS420",
                        f"the config of `{layer.path}` has no key `{key}`",
                        at=("config", key),
                        on="key",
                        notes=[f"it has {some(layer.config, 12)}"],
                        hint=did_you_mean(key, layer.config),
                    )
        if problems:
            raise PatchError(
                changed(p, notes=(*p.notes, f"the layer is `{layer.path}`")) for p in problems
            )

    def _unset(self, layer: Layer, key: str) -> Iterator[Edit]:
        at = ("unset", self.unset.index(key))
        if key not in layer.config:
            refuse(
                "PS420",
                f"the config of `{layer.path}` has no key `{key}`",
                at=at,
                hint=did_you_mean(key, layer.config),
            )
        if _known(layer) is None:
            yield remove((*layer.pointer, "config", key))
            return
        default = full_config(class_of(layer), {}, seed_of=None, data_format=None)
        if key not in default:
            refuse(
                "PS420",
                f"`{key}` of `{layer.path}` has no default to go back to",
                at=at,
                hint="`config` gives it a value",
            )
        yield _edit(layer, key, default[key])


def _arguments(layer: Layer, values: Mapping[str, Any]) -> Iterator[Edit]:
    """The call arguments, in every call of the layer; tensors are for `rewire`."""
    known = _known(layer)
    for key, value in values.items():
        at = ("arguments", key)
        if layer.is_input or (known is not None and key not in known.call_arguments):
            takes = () if known is None or layer.is_input else known.call_arguments
            refuse(
                "PS408",
                f"a call of `{layer.path}` takes no argument `{key}`",
                at=at,
                on="key",
                hint=did_you_mean(key, takes) or (f"it takes {some(takes)}" if takes else None),
            )
        for call in layer.calls:
            if any(slot.key[:2] == ("kwargs", key) for slot in call.slots):
                refuse(
                    "PS408",
                    f"`{key}` of `{layer.path}` is a tensor",
                    at=at,
                    on="key",
                    hint="`op: rewire` gives it another",
                )
            edit = replace if key in call.data.get("kwargs", {}) else add
            yield edit((*call.pointer, "kwargs", key), value)


def class_of(layer: Layer) -> str:
    """The class by which the table, or nobody, knows the layer."""
    registered = layer.entry.get("registered_name")
    return str(registered) if registered and ">" in registered else layer.class_name


def _known(layer: Layer) -> LayerClass | None:
    """What the table says of the class; a bare operation may have the name of a layer class."""
    return None if layer.is_operation else layer_class(class_of(layer))


def _new(layer: Layer, at: tuple[str | int, ...]) -> bool:
    return len(at) != 2 or at[1] not in layer.config  # noqa: PLR2004 (config, key)


def _written(layer: Layer, key: str, value: Any) -> Any:
    """The value as Keras writes it in a config."""
    if key == "dtype" and not layer.is_operation:
        return policy(value)
    if layer.is_operation:
        return value
    written: Mapping[str, Any] = full_config(
        class_of(layer), {key: value}, seed_of=None, data_format=None
    )
    return written[key]


def _edit(layer: Layer, key: str, value: Any) -> Edit:
    return (replace if key in layer.config else add)((*layer.pointer, "config", key), value)
