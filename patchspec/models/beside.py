"""Weights beside an architecture: what a file of them gives the model, by its format.

Every variable of the file and of the model is accounted for: PS508, PS913 and PS914 where they do
not fit each other, PS921 where a dtype would lose something, PS703 and PS923 where a file is not
safe to read, PS903 where it is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from patchspec.models.archive import read_archive
from patchspec.models.base import Base, Variable
from patchspec.models.content import opened
from patchspec.models.dialects.notes import UpgradeStep
from patchspec.models.fitting import check_shapes, fitted
from patchspec.models.hdf5_model import read_hdf5_weights, with_weights
from patchspec.models.keras2_archive import keras2_variables
from patchspec.models.npz import read_npz
from patchspec.models.positional import Positional, is_positional, named, read_sharded
from patchspec.models.safetensors_file import read_safetensors
from patchspec.models.structure import Structure
from patchspec.models.weights_file import contents_of
from patchspec.problems import refuse


def from_npz(structure: Structure, path: Path) -> Base:
    """The model with the arrays of a `.npz` file."""
    return _by_key(structure, read_npz(path), str(path))


def from_safetensors(structure: Structure, path: Path) -> Base:
    """The model with the tensors of a `.safetensors` file; PS920 without the package for it."""
    return _by_key(structure, read_safetensors(path), str(path))


def from_model(structure: Structure, path: Path) -> Base:
    """The model with the weights of a `.keras` file, by the names of its layers."""
    model, base = read_archive(path), structure.base
    if model.variables is None:
        refuse("PS910", f"`{path}` is a model without weights")
    if base.architecture == model.architecture:
        base = replace(base, assets=model.assets)
    elif model.assets:
        base = _noted(base, "files that layers saved beside the weights were left out")
    variables = fitted(base, model.variables, str(path))
    return _with_optimizer(base, variables, model.optimizer, str(path))


def from_shards(structure: Structure, path: Path) -> Base:
    """The model with the weights of the shards that a `.weights.json` names."""
    return _positional(structure, read_sharded(path))


def from_hdf5(structure: Structure, path: Path) -> Base:
    """The model with the weights of an HDF5 file of any Keras, of weights alone or of a model."""
    origin = str(path)
    found = contents_of(opened(path), origin)
    stored, names = found.stored, found.names
    if not is_positional(stored):
        base = with_weights(structure.base, structure.upgraded, read_hdf5_weights(path))
        return _given(base, base.variables or {}, origin)
    if structure.written is None or names:
        return _positional(structure, Positional(origin, stored, names))
    # tf-keras counts by the order of the old config, and carries no names.
    graph, upgraded = structure.base.graph, structure.upgraded
    variables = keras2_variables(structure.written, graph, stored, upgraded, origin)
    return _given(structure.base, variables, origin)


def _by_key(structure: Structure, found: Mapping[str, Variable], origin: str) -> Base:
    return _given(structure.base, fitted(structure.base, found, origin), origin)


def _positional(structure: Structure, weights: Positional) -> Base:
    base = structure.base
    found = named(base.graph, weights)
    variables = fitted(base, found.variables, weights.origin)
    return _with_optimizer(base, variables, found.optimizer, weights.origin)


def _with_optimizer(
    base: Base,
    variables: Mapping[str, Variable],
    optimizer: Mapping[str, Variable],
    origin: str,
) -> Base:
    """An optimizer's state says nothing to a model that is not compiled."""
    if optimizer and not base.document.get("compile_config"):
        text = "the optimizer's state beside the weights was left out: the model is not compiled"
        base, optimizer = _noted(base, text), {}
    return _given(base, variables, origin, optimizer=optimizer)


def _noted(base: Base, text: str) -> Base:
    return replace(base, upgrades=(*base.upgrades, UpgradeStep("keras3", "", text)))


def _given(base: Base, variables: Mapping[str, Variable], origin: str, **more: Any) -> Base:
    check_shapes(base, variables, origin)
    return replace(base, variables=variables, weights=origin, no_weights=None, **more)
