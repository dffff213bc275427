"""Layers that are made with other arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.authoring.gaps import ABSENT, Gaps
from patchspec.authoring.saying import UnsayableError, said_argument
from patchspec.authoring.selecting import in_graph_order, selector


def proposed(gaps: Gaps, _: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    """The same keys and values for all the layers that want them."""
    inputs: dict[str, Mapping[str, Any]] = {}
    others: dict[str, Mapping[str, Any]] = {}
    for path, keys in gaps.configs.items():
        chosen = inputs if gaps.wanted.by_path[path].is_input else others
        chosen[path] = keys
    for path, keys in inputs.items():
        yield from _input(gaps, path, keys)
    for names, paths in _alike(others).items():
        values = {key: others[paths[0]][key] for key in names}
        yield from _set(gaps, in_graph_order(paths, gaps.now), values)
    yield from _varied(gaps, others)


def _input(gaps: Gaps, path: str, keys: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "/" in path:
        return
    said: dict[str, Any] = {}
    if "batch_shape" in keys:
        batch, *shape = keys["batch_shape"]
        was = gaps.now.by_path[path].config["batch_shape"]
        said |= {"batch_size": batch} if batch != was[0] else {}
        said |= {"shape": shape} if shape != was[1:] else {}
    if "dtype" in keys:
        said["dtype"] = keys["dtype"]
    if said:
        yield {"op": "set", "layers": selector([path], gaps.now), "config": said}


def _alike(configs: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, ...], list[str]]:
    """The keys that go together: wanted with one value each by exactly the same layers."""
    wanting: dict[tuple[str, str], list[str]] = {}
    for path, keys in configs.items():
        for key, value in keys.items():
            if key != "trainable":
                wanting.setdefault((key, _text(value)), []).append(path)
    together: dict[tuple[str, ...], list[str]] = {}
    for (key, _), paths in wanting.items():
        for names, same in list(together.items()):
            if same == paths and key not in names:
                del together[names]
                together[(*names, key)] = paths
                break
        else:
            name: tuple[str, ...] = (key,)
            while name in together:
                # The same key with another value for other layers is an operation of its own.
                name = (*name, key)
            together[name] = paths
    return together


def _text(value: Any) -> str:
    return "" if value is ABSENT else json.dumps(value, sort_keys=True)


def _set(gaps: Gaps, paths: list[str], values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    unset = [key for key, value in values.items() if value is ABSENT]
    try:
        config = {
            key: said_argument(gaps.now.by_path[paths[0]].class_names[-1], key, value)
            for key, value in values.items()
            if value is not ABSENT
        }
    except UnsayableError:
        yield from _written(gaps, paths, values)
        return
    said: dict[str, Any] = {"op": "set", "layers": selector(paths, gaps.now)}
    said |= {"config": config} if config else {}
    yield said | ({"unset": unset} if unset else {})
    if config and not unset and not any(config.values()):
        yield {"op": "set", "layers": selector(paths, gaps.now), "unset": list(config)}
    yield from _written(gaps, paths, values)


def _written(
    gaps: Gaps, paths: list[str], values: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The escape hatch: RFC 6902 inside the config."""
    patch = []
    for key, value in values.items():
        pointer = f"/{key.replace('~', '~0').replace('/', '~1')}"
        has = key in gaps.now.by_path[paths[0]].config
        if value is ABSENT:
            patch.append({"op": "remove", "path": pointer})
        else:
            patch.append({"op": "replace" if has else "add", "path": pointer, "value": value})
    yield {"op": "json", "layers": selector(paths, gaps.now), "patch": patch}


def _varied(gaps: Gaps, configs: Mapping[str, Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """One key, with a value for each layer."""
    by_key: dict[str, list[str]] = {}
    for path, keys in configs.items():
        for key, value in keys.items():
            if key != "trainable" and value is not ABSENT:
                by_key.setdefault(key, []).append(path)
    for key, paths in by_key.items():
        ordered = in_graph_order(paths, gaps.now)
        values = [configs[path][key] for path in ordered]
        plain = all(isinstance(v, (int, float, str)) for v in values)
        if len(ordered) > 1 and plain and len(set(map(_text, values))) > 1:
            yield {
                "op": "set",
                "layers": selector(ordered, gaps.now),
                "config": {key: f"$({key})"},
                "each": {key: column(values)},
            }


def column(values: list[Any]) -> Any:
    """Values in order as `each` takes them: a line where they lie on one."""
    count = len(values)
    if all(isinstance(v, float) for v in values) and count > 2:  # noqa: PLR2004
        first = values[0]
        # The last value of a line is rounded as well; people write the number before that.
        for last in (float(f"{values[-1]:.12g}"), values[-1]):
            if [first + (last - first) * i / (count - 1) for i in range(count)] == values:
                return {"linear": [first, last]}
    return values
