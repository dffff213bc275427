"""The union of two graphs, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.references import end_names
from patchspec.planning.summary import Lineage, names_after
from patchspec.review.rows import config_changes

Status = Literal["same", "added", "removed", "replaced", "changed", "rewired", "renamed"]
Kind = Literal["input", "output", "layer", "operation", "model"]
SIGNS: Mapping[Status, str] = {
    "same": "",
    "added": "+",
    "removed": "\u2212",
    "replaced": "\u2212/+",
    "changed": "~",
    "rewired": "\u00bb",
    "renamed": "\u2248",
}
"""What stands on a node beside its colour, which not everybody sees."""


@dataclass(frozen=True, slots=True)
class Node:
    """A layer of either model, or of both where it is one; or an output of the whole."""

    key: str
    """The path afterwards; of what is gone, the one before with `-` in front."""
    kind: Kind
    status: Status
    before: str | None
    """Its path before; none where it is new."""
    after: str | None
    class_name: str
    """Both, with an arrow, where one replaces the other."""
    home: str
    """The key of the nested model that it lies in; empty for the whole."""
    is_flag: bool = False
    """Whether nothing but whether it trains has changed."""


@dataclass(frozen=True, slots=True)
class Edge:
    """A layer that reads another, on one level."""

    source: str
    target: str
    status: Literal["same", "added", "removed"]


@dataclass(frozen=True)
class Overlay:
    """All nodes, in an order in which they can run, and what flows between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    @property
    def is_changed(self) -> bool:
        """Whether there is anything but what stayed."""
        return any(node.status != "same" for node in self.nodes) or any(
            edge.status != "same" for edge in self.edges
        )


def overlay_of(lineage: Lineage) -> Overlay:
    """The two models of a lineage as one."""
    work = _Work(lineage)
    return Overlay(tuple(work.nodes()), tuple(work.edges()))


class _Work:
    def __init__(self, lineage: Lineage) -> None:
        self.lineage = lineage
        summary = lineage.layers
        self.replaced = dict(summary.replaced)
        after: Mapping[str, str] = {**names_after(lineage.origins), **self.replaced}
        self.key_before = {path: after.get(path, f"-{path}") for path in lineage.before.by_path}
        status: dict[str, Status] = dict.fromkeys(lineage.after.by_path, "same")
        status |= {new: "renamed" for _, new in summary.renamed}
        status |= dict.fromkeys(summary.rewired, "rewired")
        status |= dict.fromkeys(summary.changed, "changed")
        status |= {new: "replaced" for _, new in summary.replaced}
        status |= dict.fromkeys(summary.added, "added")
        self.status = status
        self.came_from = {new: old for old, new in self.replaced.items()}

    def nodes(self) -> Iterator[Node]:
        """Those that are there afterwards in graph order, each gone one where it stood."""
        lineage = self.lineage
        order = list(lineage.before.by_path)
        gone = [path for path in order if self.key_before[path].startswith("-")]
        waiting: dict[str, list[str]] = {}
        for path in gone:
            place = order.index(path)
            stayed = [p for p in order[:place] if not self.key_before[p].startswith("-")]
            waiting.setdefault(self.key_before[stayed[-1]] if stayed else "", []).append(path)
        yield from (self._gone(path) for path in waiting.get("", ()))
        for path, layer in lineage.after.by_path.items():
            yield self._there(path, layer)
            yield from (self._gone(path) for path in waiting.get(path, ()))
        yield from self._outputs()

    def _there(self, path: str, layer: Layer) -> Node:
        lineage, status = self.lineage, self.status[path]
        before = lineage.origins.get(path) or self.came_from.get(path)
        class_name = layer.class_name
        if before is not None:
            old = lineage.before.by_path[before].class_name
            class_name = class_name if old == class_name else f"{old} \u2192 {class_name}"
        keys = [key for key, _, _ in config_changes(lineage, path)] if status == "changed" else []
        is_flag = keys == ["trainable"] and path not in lineage.layers.rewired
        return Node(path, _kind(layer), status, before, path, class_name, layer.home, is_flag)

    def _gone(self, path: str) -> Node:
        layer = self.lineage.before.by_path[path]
        home = self.key_before[layer.home] if layer.home else ""
        return Node(f"-{path}", _kind(layer), "removed", path, None, layer.class_name, home)

    def _ends(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The outputs of both, by name, with the key of the layer that makes each."""
        before, after = self.lineage.before, self.lineage.after
        was = {
            name: self.key_before[slot.tensor.layer]
            for name, slot in zip(end_names(before.outputs), before.outputs, strict=True)
        }
        now = {
            name: slot.tensor.layer
            for name, slot in zip(end_names(after.outputs), after.outputs, strict=True)
        }
        return was, now

    def _outputs(self) -> Iterator[Node]:
        was, now = self._ends()
        renamed = self._renamed_outputs()
        for name in now:
            old = renamed.get(name, name if name in was else None)
            status: Status = "added" if old is None else "same" if old == name else "renamed"
            key = f"$output:{name}"
            yield Node(key, "output", status, old, name, "output", "")
        for name in was:
            if name not in now and name not in renamed.values():
                yield Node(f"-$output:{name}", "output", "removed", name, None, "output", "")

    def _renamed_outputs(self) -> Mapping[str, str]:
        """Outputs with another name that the same layer makes, or the one in its place."""
        was, now = self._ends()
        made = {key: name for name, key in was.items()}
        return {name: made[key] for name, key in now.items() if name not in was and key in made}

    def edges(self) -> Iterator[Edge]:
        """Each once; one that both models have stayed."""
        was = set(self._read(self.lineage.before, self.key_before))
        now = set(self._read(self.lineage.after, {p: p for p in self.lineage.after.by_path}))
        ends_was, ends_now = self._ends()
        renamed = self._renamed_outputs()
        named = {old: new for new, old in renamed.items()}
        for name, key in ends_was.items():
            new = named.get(name, name)
            was.add((key, f"$output:{new}" if new in ends_now else f"-$output:{name}"))
        now |= {(key, f"$output:{name}") for name, key in ends_now.items()}
        for source, target in sorted(was | now):
            pair = (source, target)
            status: Literal["same", "added", "removed"] = (
                "same" if pair in was and pair in now else "added" if pair in now else "removed"
            )
            yield Edge(source, target, status)

    def _read(self, graph: Graph, keys: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for model in graph.models():
            for layer in model.layers.values():
                for call in layer.calls:
                    for slot in call.slots:
                        source = "/".join((*model.parents, slot.tensor.layer))
                        yield keys[source], keys[layer.path]


def _kind(layer: Layer) -> Kind:
    if layer.is_input:
        return "input"
    if layer.is_operation:
        return "operation"
    return "model" if layer.inner is not None else "layer"
