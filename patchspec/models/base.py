"""A model to start from: its config document, its variables by path, and what identifies it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from patchspec.graph.edits import plain
from patchspec.graph.graph import Graph
from patchspec.models.dialects.notes import UpgradeStep

if TYPE_CHECKING:
    import numpy as np

    from patchspec.models.content import Span


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that Keras saves: its path by layer names, its shape and dtype, and its value."""

    path: str
    """The layer's path, then Keras's saving path inside it: `encoder/bi/cell/vars/0`."""
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray[Any, Any]] = field(repr=False, compare=False)
    """Gives the value; may be a view of the file."""
    name: str | None = None
    """What Keras calls it (`kernel`), where known."""
    trainable: bool | None = None
    span: Span | None = field(default=None, repr=False, compare=False)
    """Where its bytes lie in a file, as they would in any other; none where they do not."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A functional model behind a class of its own that was opened through its graph."""

    path: str
    """Where it is nested; empty for the whole model."""
    class_name: str
    classes: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The classes of its own layers, which came with it."""


@dataclass(frozen=True)
class Base:
    """A model to start from. Nothing of it is changed, by anything."""

    document: Mapping[str, Any]
    """The whole `config.json` object as stored."""
    variables: Mapping[str, Variable] | None = None
    """By path; none where only the structure is known."""
    origin: str = "a live model"
    """Where the model came from, for reports."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """What the file says beside it: Keras's version, when it was saved."""
    optimizer: Mapping[str, Variable] = field(default_factory=dict)
    """The saved state of the optimizer, by its path in the file."""
    trained: tuple[str, ...] | None = None
    """The variables that the optimizer has slots for, in its order, where a live model tells."""
    assets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Files that layers saved beside their weights, by path."""
    live: Any = field(default=None, repr=False, compare=False)
    """The live model, where the base is one."""
    opened: tuple[Opened, ...] = ()
    """Subclasses that became plain functional models, so that their layers could be reached."""
    stored: Base | None = field(default=None, repr=False, compare=False)
    """The base before nested subclasses were opened: what its digests are of."""
    weights: str | None = None
    """The file that the weights came from, where it is not the one of the architecture."""
    no_weights: str | None = None
    """Why there are no variables, where the file should have brought them, and what to do."""
    upgrades: tuple[UpgradeStep, ...] = ()
    """What was done to bring an old config into the current form; empty for a current file."""
    lens: Graph | None = field(default=None, repr=False, compare=False)
    """The lens over the document, where somebody has looked through it already."""

    @property
    def files(self) -> tuple[str | None, ...]:
        """The files that it was read from."""
        return (self.origin, self.weights)

    def _repr_html_(self) -> str:
        # What a notebook shows is the page of a plan that changes nothing; later rooms make it.
        from patchspec.planning.resolve import resolve  # noqa: PLC0415
        from patchspec.review.report.notebook import framed_page  # noqa: PLC0415

        return framed_page(resolve((), self))

    @cached_property
    def graph(self) -> Graph:
        """The lens over the document."""
        if self.lens is not None and self.lens.source is self.document["config"]:
            return self.lens
        return Graph.of(self.document)

    @cached_property
    def by_layer(self) -> Mapping[str, tuple[Variable, ...]]:
        """The variables of each layer that has any, by its path, in the order of their paths.

        A nested model has none of its own: they are those of the layers inside.
        """
        found: dict[str, list[Variable]] = {}
        for variable in (self.variables or {}).values():
            found.setdefault(self._owner(variable.path), []).append(variable)
        return {
            layer: tuple(sorted(vs, key=lambda v: natural(v.path))) for layer, vs in found.items()
        }

    def _owner(self, path: str) -> str:
        parts = path.split("/")
        for end in range(1, len(parts)):
            layer = self.graph.by_path.get("/".join(parts[:end]))
            if layer is not None and layer.inner is None:
                return layer.path
        return parts[0]

    @cached_property
    def architecture(self) -> str:
        """The digest of the canonical config."""
        if self.stored is not None:
            return self.stored.architecture
        return architecture_digest(self.document)

    @cached_property
    def state(self) -> str | None:
        """The digest of every variable; none where only the structure is known."""
        if self.stored is not None:
            return self.stored.state
        return None if self.variables is None else state_digest(self.variables.values())


_NUMBER = re.compile("[0-9]{1,18}")


def natural(path: str) -> tuple[tuple[int, str], ...]:
    """Paths in reading order: `vars/2` before `vars/10`."""
    parts = path.split("/")
    return tuple((int(part), "") if _NUMBER.fullmatch(part) else (-1, part) for part in parts)


def architecture_digest(document: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical config: what the model is, names included.

    Layers stand in Keras's graph order; sharing ids, build and compile configurations, and the
    shapes and dtypes recorded beside tensors are left out, since Keras does not depend on them.
    """
    text = json.dumps(canonical(document), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def canonical(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The canonical form of a model's entry, for digests alone."""
    kept = {key: entry.get(key) for key in ("module", "class_name", "registered_name")}
    return {**kept, "config": _canonical_value(ordered_config(plain(entry["config"])))}


def _canonical_value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            return {"keras_history": value["config"]["keras_history"]}
        skipped = ("shared_object_id", "build_config", "compile_config")
        return {k: _canonical_value(v) for k, v in value.items() if k not in skipped}
    if isinstance(value, list):
        return [_canonical_value(item) for item in value]
    return value


def ordered_config(config: dict[str, Any]) -> dict[str, Any]:
    """The model config with its layers in Keras's graph order, nested models too."""
    if not isinstance(config.get("layers"), list):
        return config
    layers = [
        {**entry, "config": ordered_config(entry["config"])}
        if isinstance(entry.get("config"), dict)
        else entry
        for entry in config["layers"]
    ]
    if "input_layers" not in config:
        return {**config, "layers": layers}
    graph = Graph({**config, "layers": layers})
    by_name = {layer.name: layer.entry for layer in graph.layers.values()}
    return {**config, "layers": [by_name[name] for name in (*graph.order.layers, *graph.dead)]}


def state_digest(variables: Iterable[Variable]) -> str:
    """SHA-256 over sorted lines `path dtype shape sha256(bytes)`, so that live and file agree."""
    lines = sorted(variable_line(v) for v in variables)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def variable_line(variable: Variable) -> str:
    """One line of the state digest; the bytes are little-endian, in C order."""
    value = variable.read()
    if value.dtype.byteorder == ">":
        value = value.astype(value.dtype.newbyteorder("<"))
    import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

    content = np.ascontiguousarray(value)
    digest = hashlib.sha256(content.view(np.uint8).data if content.size else b"").hexdigest()
    shape = "x".join(map(str, variable.shape))
    return f"{variable.path} {variable.dtype} {shape} {digest}\n"
