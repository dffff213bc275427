"""Keras 2's SavedModel: the config from `keras_metadata.pb`, without TensorFlow.

A message `SavedMetadata` holds nodes (field 1), a `SavedObject` each: its path from the root
(field 3), what it is (4), and JSON with its config (5); tf-keras, `saved_metadata.proto`. The
root's config is that of the whole model. Tuples and shapes are wrapped in the JSON
(`json_utils.py`).

The weights lie in a checkpoint of TensorFlow's, which no part of Keras 3 reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from patchspec.models.document import read_json
from patchspec.models.protobuf import fields
from patchspec.problems import refuse

METADATA = "keras_metadata.pb"
MODEL = "saved_model.pb"
MAX_METADATA = 256 << 20
MAX_NODES = 200_000
NO_WEIGHTS = (
    "opened without weights: those in `variables/` are a checkpoint of TensorFlow's, which Keras 3 "
    "does not read"
)
WHAT_TO_DO = (
    "load it with the Keras 2 or tf-keras that wrote it, `model.save_weights('w.h5')`, then give "
    "`--weights w.h5`"
)
_NODES, _PATH, _IDENTIFIER, _JSON = 1, 3, 4, 5
_WRAPPED = ("__tuple__", "TensorShape")


@dataclass(frozen=True, slots=True)
class _Node:
    path: str
    kind: str
    text: bytes


def is_saved_model(folder: Path) -> bool:
    """Whether a folder is a SavedModel."""
    return (folder / MODEL).is_file() or (folder / METADATA).is_file()


def read_metadata(folder: Path) -> dict[str, Any]:
    """The config document of the model that a SavedModel was saved from, in its own dialect.

    PS926 where the folder does not say it, PS903 where its metadata is broken.
    """
    path = folder / METADATA
    if not path.is_file():
        refuse(
            "PS926",
            f"`{folder}` is a SavedModel without `{METADATA}`: functions of TensorFlow, no layers",
            hint="Keras 3's `model.export`, TensorFlow before 2.5 and TensorFlow itself write such "
            "folders; patch the model that it was exported from (`model.save('m.keras')`)",
        )
    with path.open("rb") as file:
        content = file.read(MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        refuse("PS703", f"`{path}` is longer than {MAX_METADATA} bytes")
    try:
        nodes = list(_nodes(memoryview(content)))
    except (ValueError, UnicodeDecodeError) as error:
        refuse("PS903", f"`{path}` is not whole: {error}", hint="it may be truncated")
    root = next((node for node in nodes if node.path == "root"), None)
    said = _plain(read_json(root.text, f"the config in {path}")) if root is not None else None
    return _document(said, root, folder)


def _document(said: Any, root: _Node | None, folder: Path) -> dict[str, Any]:
    model = said.get("model_config") if isinstance(said, Mapping) else None
    if not isinstance(model, Mapping) and isinstance(said, Mapping) and "config" in said:
        model = {"class_name": said.get("class_name"), "config": said["config"]}
    config = model.get("config") if isinstance(model, Mapping) else None
    layers = config.get("layers") if isinstance(config, Mapping) else config
    if not isinstance(model, Mapping) or not isinstance(layers, list):
        what = f"a `{root.kind}`" if root is not None else "nothing"
        refuse(
            "PS926",
            f"the root of `{folder}` is {what}, whose config lists no layers",
            hint="a functional or Sequential model is needed; if it is built from the functional "
            "API, save `keras.Model(model.input, model.output)`",
        )
    return {**model, "keras_version": str(said.get("keras_version") or "2.")}


def _nodes(content: memoryview) -> Iterator[_Node]:
    count = 0
    for number, value in fields(content):
        if number != _NODES or not isinstance(value, memoryview):
            continue
        count += 1
        if count > MAX_NODES:
            raise ValueError(f"it lists more than {MAX_NODES} objects")
        said = {k: bytes(v) for k, v in fields(value) if isinstance(v, memoryview)}
        path, kind = (said.get(k, b"").decode() for k in (_PATH, _IDENTIFIER))
        yield _Node(path, kind, said.get(_JSON, b""))


def _plain(value: Any) -> Any:
    """The value with tuples and shapes as lists."""
    if isinstance(value, Mapping):
        if value.get("class_name") in _WRAPPED and set(value) == {"class_name", "items"}:
            return _plain(value["items"])
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
