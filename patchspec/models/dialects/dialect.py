"""Which dialect a config is in, and the way from there to what Keras 3.15 writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from patchspec.models.dialects.entries import is_model
from patchspec.models.dialects.notes import Conversion, Upgraded
from patchspec.problems import refuse

_KERAS1_ONLY = {
    "nb_filter", "border_mode", "dim_ordering", "inner_activation", "W_regularizer", "W_constraint",
    "nb_row", "filter_length", "consume_less", "pool_length", "input_dtype", "subsample",
}  # fmt: skip
_OLD_MODULES = ("tf_keras", "keras.src.engine", "keras.engine", "tensorflow")


def upgraded(document: Any, origin: str, version: str | None = None) -> Upgraded:
    """The document in the current form, with the steps that led there; none for a current one.

    `version` is the version of Keras that the file names, if it does. What is no model in any
    dialect comes back as it is. PS911 and PS912 for what Keras 3 cannot express, PS903 for a
    config that is broken.
    """
    try:
        return _upgraded(document, origin, version)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        refuse(
            "PS903",
            f"the config in `{origin}` is not whole: {type(error).__name__} {error}",
            hint="it is not as any version of Keras writes it",
        )


def _upgraded(document: Any, origin: str, version: str | None) -> Upgraded:
    document = unwrapped(document)
    if not isinstance(document, Mapping):
        return Upgraded(document)
    if _lists_layers(document) and _is_current(document):
        return Upgraded(dict(document))
    # Most files are current ones, which need none of the others.
    from patchspec.models.dialects import keras0, keras2, keras3  # noqa: PLC0415

    if keras0.is_keras0(document):
        first = keras0.upgrade(document, origin)
        return _then(first, _from_keras1(first.document, origin, "0"))
    if not _lists_layers(document):
        return Upgraded(dict(document))
    said = str(document.get("keras_version") or version or "")
    if said.startswith("3.") or (not said and _is_keras3(document)):
        return keras3.upgrade(_bare(document), origin)
    if said.startswith("1.") or (not said and _is_keras1(document)):
        return _from_keras1(_bare(document), origin, said or None)
    return keras2.upgrade(_bare(document), origin)


def unwrapped(document: Any) -> Any:
    """The config inside what TensorFlow.js and others put around it."""
    for key in ("modelTopology", "model_config"):
        if isinstance(document, Mapping) and isinstance(document.get(key), Mapping):
            said = document[key]
            version = document.get("keras_version")
            document = {**said, "keras_version": version} if version else said
    return document


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """The config without what only says who wrote it."""
    return {k: v for k, v in document.items() if k not in ("keras_version", "backend")}


def _from_keras1(document: Mapping[str, Any], origin: str, version: str | None) -> Upgraded:
    from patchspec.models.dialects import keras1, keras2  # noqa: PLC0415 (as above)

    first = keras1.upgrade(document, origin, version)
    return _then(first, keras2.upgrade(first.document, origin))


def _then(first: Upgraded, second: Upgraded) -> Upgraded:
    """Two upgrades one after the other; a later source leads through an earlier one."""
    earlier = dict(first.sources)
    later = [(path, earlier.get(source, source)) for path, source in second.sources]
    return Upgraded(
        second.document,
        (*first.steps, *second.steps),
        (*_moved(first, second), *second.conversions),
        (*first.sources, *later),
    )


def _moved(first: Upgraded, second: Upgraded) -> Iterator[Conversion]:
    """Earlier conversions, under the path that the later upgrade gave what they are about."""
    for conversion in first.conversions:
        owner = conversion.owner
        for path, source in second.sources:
            if owner == source or owner.startswith(f"{source}/"):
                owner = path + owner[len(source) :]
        yield replace(conversion, owner=owner)


def _lists_layers(document: Mapping[str, Any]) -> bool:
    return "class_name" in document and is_model(document)


def entries(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every layer that the config lists, those of nested models too."""
    config = document.get("config")
    listed = config if isinstance(config, list) else (config or {}).get("layers", [])
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):
            yield one
            if isinstance(one.get("config"), (Mapping, list)):
                yield from entries(one)


def _is_current(document: Mapping[str, Any]) -> bool:
    """Whether Keras 3 itself would write the document so."""
    if isinstance(document["config"], list) or "module" not in document:
        return False
    return not str(document["module"]).startswith(_OLD_MODULES) and all(
        _is_current_entry(one) for one in entries(document)
    )


def _is_current_entry(one: Mapping[str, Any]) -> bool:
    nodes, config = one.get("inbound_nodes", []), one.get("config")
    return (
        "module" in one
        and not str(one["module"]).startswith(_OLD_MODULES)
        and isinstance(config, Mapping)
        and "batch_input_shape" not in config
        and isinstance(nodes, list)
        and all(isinstance(node, Mapping) for node in nodes)
    )


def _is_keras3(document: Mapping[str, Any]) -> bool:
    for one in entries(document):
        config, nodes = one.get("config"), one.get("inbound_nodes") or []
        if any(isinstance(node, Mapping) and "args" in node for node in nodes):
            return True
        if isinstance(config, Mapping):
            if "batch_shape" in config:
                return True
            if isinstance(config.get("dtype"), Mapping):
                return bool(config["dtype"].get("class_name") == "DTypePolicy")
    return False


def _is_keras1(document: Mapping[str, Any]) -> bool:
    """Whether any layer uses a word that only Keras 1 had."""
    found: set[str] = set()
    for one in entries(document):
        if isinstance(one.get("config"), Mapping):
            found |= set(one["config"])
    return bool(found & _KERAS1_ONLY)
