"""Loading a model file as Keras does, without the work that its own loading does twice.

The layers are made with nothing allocated, and each variable takes its value straight from the file
in memory: nothing is initialised, extracted or read into a buffer first. What comes out is what
`keras.saving.load_model` gives, bit by bit.
"""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from patchspec.building.door import check_keras, known_custom_objects, load_whole, make, said_by
from patchspec.building.optimizers import give_state
from patchspec.building.placing import place
from patchspec.building.scope import sharing, without_values
from patchspec.building.shortcuts import no_collection
from patchspec.building.state import give_assets
from patchspec.building.variables import Holder, shape_of
from patchspec.models.archive import read_config, stored_names
from patchspec.models.base import Base
from patchspec.models.content import opened
from patchspec.models.document import read_json
from patchspec.models.folder import is_unzipped
from patchspec.models.opening import open_base
from patchspec.models.safety import check_safe
from patchspec.models.weights_file import contents_of
from patchspec.problems import PatchError, refuse, some
from patchspec.rewriting.assets import assets_by_part

_WHOLE = {"PS426", "PS909", "PS917", "PS918"}
"""What is refused because it cannot be patched, though Keras may load it."""
_LEFT_OUT = "the compile configuration"


def load(
    path: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 (the arguments of `load_model`)
) -> Any:
    """The live model in a file or folder; see `patchspec.load`."""
    check_keras()
    given = dict(custom_objects or {})
    try:
        base = open_base(path)
    except PatchError as error:
        if not _is_archive(Path(path)) or not {p.code for p in error.problems} <= _WHOLE:
            raise
        return _loaded_whole(Path(path), given, error, compiled=compile)
    known = known_custom_objects(given)
    compiled = base.document.get("compile_config") if compile else None
    check_safe(base.document, known, base.origin)
    if compiled:
        check_safe(compiled, known, base.origin)
    if base.variables is None:
        refuse(
            "PS910",
            f"`{base.origin}` holds no weights, so there is no model to load",
            hint=base.no_weights or "give a file that holds them",
        )
    with no_collection():
        model = _made(base, given)
        _place(base, model)
        give_assets(model, assets_by_part(base))
    if compiled:
        _compile(base, model, compiled, given)
    elif compile and any(_LEFT_OUT in step.text for step in base.upgrades):
        message = f"`{base.origin}` is loaded without what it was compiled with: compile it anew"
        warnings.warn(message, stacklevel=3)
    return model


def _is_archive(path: Path) -> bool:
    """Whether a path is a `.keras` file under any name, zipped or a folder."""
    return is_unzipped(path) or zipfile.is_zipfile(path)


def _loaded_whole(
    path: Path, given: Mapping[str, Any], error: PatchError, *, compiled: bool
) -> Any:
    """The model as Keras loads it, where only code knows its layers.

    What is looked at before patching is looked at all the same: the members of the archive, its
    HDF5 file, and what its config names.
    """
    name = str(path)
    config = _checked_config(path)
    known = known_custom_objects(given)
    check_safe(config, known, name)
    check_safe(config.get("compile_config") or {}, known, name)
    warnings.warn(
        f"Keras itself loads `{name}`, which takes longer: {error.problems[0].message}",
        stacklevel=4,
    )
    try:
        return load_whole(path, given, compiled=compiled)
    except Exception as failure:  # noqa: BLE001 (whatever Keras raises is the answer)
        refuse("PS411", f"Keras cannot load `{name}`: {said_by(failure)}")


def _checked_config(path: Path) -> Any:
    """The config of an archive of which `open_base` has looked at everything but the weights."""
    if not path.is_dir():
        stored_names(path)
        return read_config(path)
    weights = path / "model.weights.h5"
    if weights.exists():
        contents_of(opened(weights), str(path))
    return read_json((path / "config.json").read_bytes(), f"config.json in {path}")


def _made(base: Base, given: Mapping[str, Any]) -> Any:
    document = {**base.document, "compile_config": None}
    try:
        with sharing():
            return without_values(lambda: make(document, given))
    except Exception as error:  # noqa: BLE001 (whatever Keras raises is the answer)
        refuse("PS411", f"Keras cannot make the model of `{base.origin}`: {said_by(error)}")


def _place(base: Base, model: Any) -> None:
    """Give every variable what the file holds under its path."""
    left = dict(base.variables or {})

    def value(holder: Holder, number: str, variable: Any) -> Any:
        path = holder.variable_path(number)
        stored = left.pop(path, None)
        shape = shape_of(variable)
        if stored is None or stored.shape != shape:
            found = "missing" if stored is None else f"of shape {stored.shape}"
            refuse(
                "PS508",
                f"`{path}` of `{base.origin}` is {found}, the model wants {shape}",
                hint="the file's config and weights are not of one model",
            )
        return _as_dtype(stored.read(), variable)

    place(model, value)
    if left:
        refuse("PS508", f"the model of `{base.origin}` has no variable {some(left)}")


def _as_dtype(value: np.ndarray[Any, Any], variable: Any) -> Any:
    """The value in the dtype of the variable, which is the stored one unless a file says less."""
    wanted = keras.backend.standardize_dtype(getattr(variable, "_dtype", variable.dtype))
    if value.dtype.name == wanted:
        return value
    return keras.ops.convert_to_numpy(keras.ops.cast(np.array(value), wanted))


def _compile(base: Base, model: Any, compiled: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Compile the model as it was, and give its optimizer the state that it had."""
    try:
        with keras.saving.CustomObjectScope(dict(given)):
            model.compile_from_config(dict(compiled))
            model.compiled = True
    except Exception as error:  # noqa: BLE001 (whatever Keras raises is the answer)
        refuse(
            "PS429",
            f"`{base.origin}` cannot be compiled as it was: {said_by(error)}",
            hint="`compile=False` loads it without; give its custom objects, or compile it anew",
        )
    state = {path: variable.read() for path, variable in base.optimizer.items()}
    give_state(getattr(model, "optimizer", None), state)
