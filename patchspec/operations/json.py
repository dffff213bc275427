"""json: edit one layer's config by RFC 6902, where no other operation says what is meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from patchspec.graph.edits import Edit, fault_of, parse_pointer, plain
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.layers.check import check_layer
from patchspec.operations._operation import Given, Operation, Selector, Target, said
from patchspec.operations.set import class_of
from patchspec.problems import PatchError, Pointer, refuse
from patchspec.weights.lineage import Event

Rfc6902 = Annotated[
    list[Mapping[str, Any]],
    said(
        type="array",
        minItems=1,
        items={
            "type": "object",
            "properties": {
                "op": {"enum": ["test", "add", "remove", "replace"], "description": "RFC 6902."},
                "path": {"type": "string", "pattern": "^/", "description": "From the config on."},
                "value": {"description": "For all but `remove`."},
            },
            "required": ["op", "path"],
            "additionalProperties": False,
        },
        description="RFC 6902 operations on the layer's `config`.",
    ),
]
OWN = {"name": "`op: rename`", "trainable": "`op: freeze`"}
"""Keys that another operation changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Json(Operation):
    """Edit the config of layers by RFC 6902, one layer at a time.

    The escape hatch: `set` says the same of whole keys, and checks more.

    - op: json
      layers: stem
      patch: [{op: replace, path: /strides/0, value: 1}]
    """

    layers: Selector
    patch: Rfc6902

    def lower(self, graph: Graph, target: Target, given: Given) -> Iterator[Edit | Event]:
        layer = graph.layer(target.path)
        for i, one in enumerate(self.patch):
            _check(one, ("patch", i))
        wanted = [_edit(one) for one in self.patch]
        config = plain(layer.config)
        for i, edit in enumerate(wanted):
            _try(config, edit, layer, ("patch", i))
        _check_outcome(layer, config)
        for edit in wanted:
            if edit.op != "test":
                yield replace(edit, path=(*layer.pointer, "config", *edit.path))


def _check(one: Mapping[str, Any], at: Pointer) -> None:
    if one["op"] != "remove" and "value" not in one:
        refuse("PS202", f"`{one['op']}` needs a `value`", at=at)
    first = parse_pointer(one["path"])[0]
    if first in OWN:
        refuse(
            "PS215",
            f"`json` does not change `{first}`",
            at=(*at, "path"),
            hint=f"that is {OWN[first]}",
        )


def _edit(one: Mapping[str, Any]) -> Edit:
    path = tuple(int(part) if part.isdigit() else part for part in parse_pointer(one["path"]))
    return Edit(one["op"], path, one.get("value"))


def _try(config: dict[str, Any], edit: Edit, layer: Layer, at: Pointer) -> None:
    fault = fault_of(config, edit)
    if fault is not None:
        refuse(
            "PS427",
            f"this does not apply to the config of `{layer.path}`: {fault}",
            at=at,
            hint="`patchspec inspect --config` prints the config",
        )


def _check_outcome(layer: Layer, config: Mapping[str, Any]) -> None:
    """Refuse what the class does not take; what Keras itself wrote there is taken as it is."""
    new = {k: v for k, v in config.items() if k not in ("name", "trainable", "dtype")}
    problems = [
        replace(problem, at=("patch",), notes=(*problem.notes, f"the layer is `{layer.path}`"))
        for problem in (() if layer.is_operation else check_layer(class_of(layer), new))
        if problem.code == "PS701" or _is_changed(problem.at, layer, config)
    ]
    if problems:
        raise PatchError(problems)


def _is_changed(at: Pointer, layer: Layer, config: Mapping[str, Any]) -> bool:
    if at[:1] != ("config",) or len(at) == 1:
        return False
    key = str(at[1])
    return config.get(key) != layer.config.get(key)
