"""Layer entries as a config holds them, without regard to how they are wired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.problems import Pointer

OPERATION_MODULES = ("keras.src.ops.", "keras.ops")

Entry = Mapping[str, Any]


def entry_name(entry: Entry) -> str:
    """The name by which the config refers to the layer; a Sequential says it only inside."""
    return str(entry.get("name") or entry["config"].get("name"))


def is_operation_entry(entry: Entry) -> bool:
    """Whether the entry is a bare operation."""
    return str(entry.get("module") or "").startswith(OPERATION_MODULES)


def call_offset(entry: Entry) -> int:
    """What Keras adds to a call of this layer where a model's inputs or outputs name it."""
    functional = "input_layers" in entry["config"] or (
        entry.get("build_config") == {"input_shape": None} and not is_operation_entry(entry)
    )
    return int(functional and entry["class_name"] != "InputLayer")


def inner_configs(config: Mapping[str, Any], at: Pointer) -> Iterator[tuple[Pointer, Entry]]:
    """The layer entries that stand inside a layer's config: of a nested model, of a wrapper."""
    for key, value in config.items():
        for i, item in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if _is_layer_entry(item):
                yield ((*at, key) if i is None else (*at, key, i)), item


def leaf_configs(
    config: Mapping[str, Any], at: Pointer
) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """The configs that hold a trainable flag of their own, and where they stand.

    A nested model's layers and a wrapper's inner layer are leaves, the container is not.
    """
    inner = list(inner_configs(config, at))
    if not inner:
        yield at, config
    for pointer, entry in inner:
        if not is_operation_entry(entry) and entry.get("class_name") != "InputLayer":
            yield from leaf_configs(entry["config"], (*pointer, "config"))


def _is_layer_entry(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("config"), Mapping):
        return False
    holds_flag = "trainable" in value["config"] or value.get("class_name") == "InputLayer"
    return "class_name" in value and (holds_flag or is_operation_entry(value))
