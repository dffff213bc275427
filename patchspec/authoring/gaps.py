"""What is left to do: in what a model still differs from the one that is wanted, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.graph.tensors import TENSOR, Tensor
from patchspec.planning.summary import meant_value

ABSENT = object()
"""Stands for a key that a config does not have."""
_WIRING = ("layers", "input_layers", "output_layers", "build_input_shape")
_LAYER = 4
"""What a layer too many or too few weighs against one key of a config."""


@dataclass(frozen=True)
class Gaps:
    """How far one model is from another."""

    now: Graph
    wanted: Graph
    seed: int = 0
    """Of the patch that is being written."""

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Layers that are wanted and not there, or of another class."""
        return tuple(path for path in self.wanted.by_path if not self.is_kept(path))

    @cached_property
    def extra(self) -> tuple[str, ...]:
        """Layers that are there and not wanted, or of another class."""
        return tuple(path for path in self.now.by_path if not self.is_kept(path))

    def is_kept(self, path: str) -> bool:
        """Whether both models have a layer of this path and one class."""
        return path in self.kept

    @cached_property
    def kept(self) -> frozenset[str]:
        """The layers that both models have."""
        before, after = self.now.by_path, self.wanted.by_path
        return frozenset(
            path
            for path, layer in after.items()
            if path in before and before[path].class_names == layer.class_names
        )

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, Any]]:
        """For every layer with another config, the keys that differ with the value wanted."""
        found = {}
        for path in self.wanted.by_path:
            if path not in self.kept:
                continue
            keys = dict(config_gaps(self.now.by_path[path], self.wanted.by_path[path]))
            if keys:
                found[path] = keys
        return found

    @cached_property
    def rewired(self) -> Mapping[str, int]:
        """For every layer that reads something else, how many of its arguments differ."""
        found = {}
        for path in self.wanted.by_path:
            if path in self.kept:
                count = _calls_apart(self.now.by_path[path], self.wanted.by_path[path])
                if count:
                    found[path] = count
        return found

    @cached_property
    def ends(self) -> int:
        """How far inputs, outputs and what models say of themselves are apart."""
        count = 0
        pairs = [(self.now.config, self.wanted.config)]
        for path in self.kept:
            was, now = self.now.by_path[path], self.wanted.by_path[path]
            if was.inner is not None and now.inner is not None:
                pairs.append((was.inner.config, now.inner.config))
        for old, new in pairs:
            count += 2 * sum(old.get(k) != new.get(k) for k in ("input_layers", "output_layers"))
        trains = [graph.config.get("trainable", True) is True for graph in (self.now, self.wanted)]
        return count + int(trains[0] != trains[1])

    @cached_property
    def size(self) -> int:
        """One number for all of it; 0 where nothing is left."""
        layers = _LAYER * (len(self.missing) + len(self.extra))
        keys = sum(len(keys) for keys in self.configs.values())
        return layers + keys + sum(self.rewired.values()) + self.ends


def config_gaps(now: Layer, wanted: Layer) -> Iterator[tuple[str, Any]]:
    """The keys of a config that have another value, with the one wanted; `ABSENT` for none."""
    skipped = ("name", *_WIRING) if wanted.is_model else ("name",)
    if wanted.is_model:
        skipped = (*skipped, "dtype", "trainable")
    was, new = now.config, wanted.config
    for key in {**new, **was}:
        if key in skipped:
            continue
        old, value = was.get(key, ABSENT), new.get(key, ABSENT)
        if not same_value(old, value):
            yield key, value


def same_value(now: Any, wanted: Any) -> bool:
    """Whether two values say the same; a seed that is not wanted in particular may be any."""
    if isinstance(wanted, Mapping) and isinstance(now, Mapping):
        now, wanted = meant_value(now), meant_value(wanted)
        return now.keys() == wanted.keys() and all(
            (key == "seed" and wanted[key] is None) or same_value(now[key], wanted[key])
            for key in wanted
        )
    if isinstance(wanted, list) and isinstance(now, list):
        return len(now) == len(wanted) and all(map(same_value, now, wanted))
    return type(now) is type(wanted) and bool(now == wanted)


def _calls_apart(now: Layer, wanted: Layer) -> int:
    count = 2 * abs(len(now.calls) - len(wanted.calls))
    for was, new in zip(now.calls, wanted.calls, strict=False):
        old = {slot.key: slot.tensor for slot in was.slots}
        reads = {slot.key: slot.tensor for slot in new.slots}
        count += sum(old.get(key) != tensor for key, tensor in reads.items())
        count += len(old.keys() - reads.keys())
        count += _plain(was.data) != _plain(new.data)
    return count


def _plain(data: Any) -> Any:
    """The arguments of a call without its tensors; what is null is not said."""
    if isinstance(data, Mapping):
        if data.get("class_name") == TENSOR:
            return TENSOR
        said = {key: _plain(value) for key, value in data.items()}
        return {key: value for key, value in said.items() if value not in (None, False)}
    return [_plain(item) for item in data] if isinstance(data, list) else data


def reference(graph: Graph, tensor: Tensor) -> Any:
    """How a patch names a tensor of this model."""
    path = "/".join((*graph.parents, tensor.layer))
    if set("@:") & set(tensor.layer) or tensor.layer.startswith("$"):
        said: dict[str, Any] = {"layer": path}
        said |= {"call": tensor.call} if tensor.call else {}
        return said | ({"output": tensor.output} if tensor.output else {})
    lone = len(graph.layers[tensor.layer].calls) == 1
    call = "" if lone else f"@{tensor.call}"
    output = f":{tensor.output}" if tensor.output else ""
    return f"{path}{call}{output}"
