"""Reading the HDF5 files of Keras 0 to 3: whole models, and weights beside an architecture.

What Keras says about a file stands in attributes: the config, the order of the layers, the names of
the weights of each. They are read with limits, and only after the walk of `weights_file` has found
nothing that leads out of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py

from patchspec.models.base import Base, Variable
from patchspec.models.content import opened
from patchspec.models.dialects.dialect import upgraded
from patchspec.models.dialects.notes import Upgraded, UpgradeStep
from patchspec.models.document import checked_document, read_json
from patchspec.models.hdf5_objects import opened_file
from patchspec.models.keras0_weights import unnamed_variables
from patchspec.models.weight_names import Weight, placed, weight
from patchspec.models.weights_file import Stored, variable_of
from patchspec.problems import refuse

MAX_TEXT = 64 << 20
MAX_NAMES = 200_000
_UNNAMED = re.compile(r"(layer_\d+|graph)/param_\d+$")


@dataclass(frozen=True, slots=True)
class Hdf5Weights:
    """The weights in an HDF5 file, under the names that the file gives them."""

    origin: str
    groups: Mapping[str, Sequence[Weight]]
    """By the name of the layer."""
    stored: Mapping[str, Stored]
    backend: str | None
    version: str | None

    @property
    def is_unnamed(self) -> bool:
        """Whether this is a file of Keras 0, which numbers weights and names none."""
        return not self.groups and any(_UNNAMED.match(path) for path in self.stored)

    @property
    def by_theano(self) -> bool:
        """Whether Theano wrote it: it says so, or its weights lack TensorFlow's `:0`."""
        if self.backend is not None:
            return self.backend == "theano"
        if self.is_unnamed:
            return True
        if self.version is not None and not self.version.startswith("1."):
            return False
        names = [one.said for weights in self.groups.values() for one in weights]
        old = any("/" not in name for name in names)
        return old and not any(name.endswith(":0") for name in names)

    def variables(self, base: Base, found: Upgraded) -> dict[str, Variable]:
        """The variables of the model by path."""
        if self.is_unnamed:
            return unnamed_variables(base.graph, self.stored, found, self.origin)
        return placed(base.graph, self.groups, found, self.origin, theano=self.by_theano)


def read_hdf5(path: Path) -> Base:
    """The base in an HDF5 file that Keras saved a whole model in."""
    name = str(path)
    with _damage(name):
        return _whole_model(name)


@contextmanager
def _damage(name: str) -> Iterator[None]:
    """Whatever HDF5 raises about a broken file is a refusal."""
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        refuse("PS903", f"`{name}` cannot be read: {error}", hint="the file may be damaged")


def _whole_model(name: str) -> Base:
    found_in = opened_file(opened(name), name)
    file, stored = found_in.file, found_in.stored
    text = _text(file, "model_config", name)
    if text is None:
        refuse(
            "PS915",
            f"`{name}` holds weights and no architecture",
            hint="give the architecture as the model, and this file with `--weights`",
        )
    weights = _weights(file, stored, name)
    found = upgraded(read_json(text.encode(), f"the config in {name}"), name, weights.version)
    base = Base(
        checked_document(found.document, name),
        origin=name,
        metadata={"keras_version": weights.version} if weights.version else {},
        upgrades=(*found.steps, *_left_out(file)),
    )
    return with_weights(base, found, weights)


def with_weights(base: Base, found: Upgraded, weights: Hdf5Weights) -> Base:
    """The base with the weights of a file; `found` says how they were to be read."""
    steps = list(base.upgrades)
    if weights.by_theano and any("Conv" in layer.class_name for layer in base.graph.walk()):
        why = "says no backend, and Theano was the first" if weights.is_unnamed else "is Theano's"
        text = f"kernels were turned by 180 degrees: the file of weights {why}"
        steps.append(UpgradeStep("keras0" if weights.is_unnamed else "keras1", "", text))
    variables = weights.variables(base, found)
    apart = None if weights.origin == base.origin else weights.origin
    return replace(base, variables=variables, weights=apart, upgrades=tuple(steps))


def read_hdf5_weights(path: Path) -> Hdf5Weights:
    """The weights of a model or of a file of weights alone."""
    name = str(path)
    with _damage(name):
        found = opened_file(opened(name), name)
        return _weights(found.file, found.stored, name)


def _left_out(file: h5py.File) -> Iterator[UpgradeStep]:
    if "training_config" in file.attrs or "optimizer_weights" in file:
        yield UpgradeStep(
            "keras2", "", "the compile configuration and the optimizer's state were left out"
        )


def _weights(file: h5py.File, stored: Mapping[str, Stored], name: str) -> Hdf5Weights:
    prefix, root = (
        ("model_weights/", file["model_weights"]) if "model_weights" in file else ("", file)
    )
    if not isinstance(root, h5py.Group):
        refuse("PS903", f"`model_weights` in `{name}` is no group")
    groups: dict[str, list[Weight]] = {}
    version = _text(file, "keras_version", name) or _text(root, "keras_version", name)
    keras1 = version is None or version.startswith("1.")
    listed = _names(root, "layer_names", name)
    if not listed and not any(_UNNAMED.match(path) for path in stored):
        refuse("PS903", f"`{name}` lists no layers, so it holds no weights of Keras 0 to 3")
    for layer in dict.fromkeys(listed):
        group = root.get(layer)
        if not isinstance(group, h5py.Group):
            refuse("PS913", f"`{name}` lists the layer `{layer}` and holds nothing of it")
        groups[layer] = [
            _weight(stored, f"{prefix}{layer}/{said}", said, name, keras1=keras1)
            for said in _names(group, "weight_names", name)
        ]
    return Hdf5Weights(
        name,
        groups,
        stored,
        _text(file, "backend", name) or _text(root, "backend", name),
        version,
    )


def _weight(
    stored: Mapping[str, Stored], path: str, said: str, name: str, *, keras1: bool
) -> Weight:
    one = stored.get(path)
    if one is None:
        refuse("PS913", f"`{name}` lists the weight `{said}` and does not hold it")
    return weight(said, variable_of(one, ""), keras1=keras1)


def _text(group: h5py.Group, key: str, name: str) -> str | None:
    """An attribute that is one text; none where it is not there."""
    if key not in group.attrs:
        return None
    _check_text(group, key, name)
    value = group.attrs[key]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if len(text) > MAX_TEXT:
        refuse("PS703", f"the attribute `{key}` in `{name}` is longer than {MAX_TEXT} bytes")
    return text


def _names(group: h5py.Group, key: str, name: str) -> list[str]:
    """An attribute that lists names; Keras splits a long one into `key0`, `key1`, ..."""
    keys = [key] if key in group.attrs else []
    while key not in group.attrs and f"{key}{len(keys)}" in group.attrs:
        keys.append(f"{key}{len(keys)}")
    found: list[str] = []
    for one in keys:
        _check_text(group, one, name)
        values: Any = group.attrs[one]
        found += [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
    return found


def _check_text(group: h5py.Group, key: str, name: str) -> None:
    """Refuse an attribute that is no text, or that claims to be huge, before it is read."""
    attribute = group.attrs.get_id(key)
    dtype = attribute.dtype
    is_text = h5py.check_string_dtype(dtype) is not None or dtype.kind == "S"
    empty = attribute.shape is not None and 0 in attribute.shape
    if not is_text and not empty:
        refuse("PS703", f"the attribute `{key}` in `{name}` is no text")
    count = 1
    for n in attribute.shape or ():
        count *= n
    if count > MAX_NAMES or count * dtype.itemsize > MAX_TEXT:
        refuse("PS703", f"the attribute `{key}` in `{name}` claims to be larger than any model's")
