"""Comparing a variant with its base: both run on one input, and a tensor of both set side by side.

The input is random, from a seed, and such as the inputs accept: indices below what an embedding
holds, with padding at the end where 0 is padding, truth values for masks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np

from patchspec.building.door import said_by
from patchspec.building.live import base_of, build_model, resolve_with_keras, setting_for
from patchspec.language.patch import Patch, parse_source
from patchspec.language.source import Source
from patchspec.planning.assembling import assembled
from patchspec.planning.expectations import COMPARED
from patchspec.planning.inputs import ModelInput, inputs_of
from patchspec.planning.plan import Check, Plan
from patchspec.planning.resolve import plan_alone
from patchspec.problems import PatchError, Problem, refuse, within

Array = np.ndarray[Any, Any]
TOLERANCE = 1e-5
SAMPLES = 2
_OPEN_SIZES = {1: 8, 2: 8, 3: 32, 4: 16}
"""What a size that is not known is taken to be, by the number of axes beside the batch."""


def compare(
    plan: Plan, variant: Any, custom_objects: Mapping[str, Any] | None
) -> tuple[Check, ...]:
    """Every comparison that the patches of a plan expect, made with the live variant.

    PS602 where one does not come out as expected, PS603 where it cannot be made.
    """
    wanted = [n for n, patch in enumerate(plan.patches) if set(COMPARED) & set(patch.expect)]
    setting = setting_for(plan.base, custom_objects, plan.models)

    def model(count: int) -> Any:
        """The live model that the first patches make; of all of them, the variant."""
        if count == len(plan.patches):
            return variant
        if count == 0 and plan.base.live is not None:
            return plan.base.live
        before = assembled(plan.patches[:count], plan.base, setting)
        return build_model(before, custom_objects).model

    return tuple(
        check
        for n in wanted
        for check in _compared_all(
            plan.patches[n], n, plan_alone(plan, n, setting), (model(n), model(n + 1))
        )
    )


def _compared_all(
    patch: Patch, number: int, plan: Plan, models: tuple[Any, Any]
) -> Iterator[Check]:
    """The comparisons of one patch; `plan` is that of the patch alone."""
    problems: list[Problem] = []
    for key in COMPARED:
        for i, said in enumerate(patch.expect.get(key, ())):
            at = ("expect", key, i)
            try:
                with within(*at):
                    check = _compared(key, said, patch, plan, models)
            except PatchError as error:
                problems += error.problems
                continue
            check = replace(check, at=at, patch=number)
            if not check.holds:
                message = f"{check.what}: expected {check.expected}, {check.actual}"
                problems.append(Problem(code="PS602", message=message, at=at))
            yield check
    if problems:
        raise PatchError(patch.source.place(problems))


def _compared(
    key: str, said: Mapping[str, Any], patch: Patch, plan: Plan, models: tuple[Any, Any]
) -> Check:
    shared, own = _inputs(said, patch, plan)
    base_name, name = said.get("as", said["tensor"]), said["tensor"]
    old = _tensor(models[0], base_name, {**own[0], **shared})
    new = _tensor(models[1], name, {**own[1], **{_renamed(k, plan): v for k, v in shared.items()}})
    atol, rtol = said.get("atol", TOLERANCE), said.get("rtol", TOLERANCE)
    what = f"`{name}` against `{base_name}` of the base"
    if old.shape != new.shape:
        actual = f"the shapes are {old.shape} in the base and {new.shape}"
        return Check((), what, key, actual, key == "different")
    equal, actual = _distance(old, new, atol, rtol)
    return Check((), what, key, actual, equal is (key == "same"))


def _distance(old: Array, new: Array, atol: float, rtol: float) -> tuple[bool | None, str]:
    """Whether two values are the same within a tolerance, and how far apart they are.

    None where some are no finite numbers, which are neither the same nor different.
    """
    if old.dtype.kind not in "fc" and old.dtype.name != "bfloat16":
        differing = int((old != new).sum())
        return differing == 0, f"{differing:,} of {old.size:,} values differ"
    a, b = old.astype(np.float64), new.astype(np.float64)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None, "there are values that are infinite or no number"
    apart = np.abs(a - b)
    if not apart.size:
        return True, "both are empty"
    worst = np.unravel_index(int(apart.argmax()), apart.shape)
    place = [int(i) for i in worst]
    values = f"{a[worst]:.6g}, {b[worst]:.6g}"
    text = f"the largest difference is {apart[worst]:.3g} at {place} ({values})"
    # As in NumPy, the tolerance is atol plus rtol times the value that is compared with.
    return bool((apart <= atol + rtol * np.abs(a)).all()), f"{text}, atol {atol:g}, rtol {rtol:g}"


def _renamed(layer: str, plan: Plan) -> str:
    """What an input of the base is called in the variant."""
    after = (path for path, origin in plan.origins.items() if origin == layer)
    return next(after, layer)


Feed = dict[str, Array]
"""Arrays by the name of the input layer."""


def _inputs(said: Mapping[str, Any], patch: Patch, plan: Plan) -> tuple[Feed, tuple[Feed, Feed]]:
    """What both models are given, by the base's names, and what only one of them takes."""
    before, after = inputs_of(plan.base.graph), inputs_of(plan.graph)
    origins = {one.layer: plan.origins.get(one.layer) for one in after}
    by_origin = {origin: one for one in after if (origin := origins[one.layer]) is not None}
    given = _read_data(said["data"], patch) if "data" in said else None
    shared: Feed = {}
    own: tuple[Feed, Feed] = ({}, {})
    for one in before:
        twin = by_origin.get(one.layer)
        value = _value(_both(one, twin) if twin else one, said, given)
        (shared if twin else own[0])[one.layer] = value
    for one in after:
        if origins[one.layer] is None:
            own[1][one.layer] = _value(one, said, given)
    return shared, own


def _both(old: ModelInput, new: ModelInput) -> ModelInput:
    """One input as both models take it."""
    fits = len(old.shape) == len(new.shape) and all(
        n is None or m is None or n == m for n, m in zip(old.shape, new.shape, strict=True)
    )
    if not fits:
        refuse(
            "PS603",
            f"the input `{old.name}` has the shape {_shown(old.shape)} in the base and "
            f"{_shown(new.shape)} in the variant: nothing goes into both",
        )
    shape = tuple(n if n is not None else m for n, m in zip(old.shape, new.shape, strict=True))
    limits = [one.below for one in (old, new) if one.below is not None]
    return replace(old, shape=shape, below=min(limits, default=None))


def _shown(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]"


def _read_data(name: str, patch: Patch) -> Feed:
    folder = Path(patch.source.file).parent if patch.source.file else Path()
    try:
        with (folder / name).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {key: arrays[key] for key in arrays.files}
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        refuse("PS603", f"`{name}` cannot be read as a `.npz`: {reason}", at=("data",))


def _value(one: ModelInput, said: Mapping[str, Any], given: Feed | None) -> Array:
    if given is not None:
        if one.name not in given and one.layer not in given:
            missing = f"`{said['data']}` has no array for the input `{one.name}`"
            refuse("PS603", missing, at=("data",))
        return given[one.name if one.name in given else one.layer]
    batch = said.get("batch", SAMPLES)
    if one.shape and one.shape[0] not in (None, batch) and "batch" in said:
        fixed = f"the input `{one.name}` has a fixed batch of {one.shape[0]}"
        refuse("PS603", fixed, at=("batch",))
    return random_input(one, int(said.get("batch", SAMPLES)), int(said.get("seed", 0)))


def random_input(one: ModelInput, batch: int, seed: int) -> Array:
    """A value that the input accepts, the same for the same name and seed.

    Numbers are uniform between -1 and 1. Indices are below what the layers that read them hold;
    where 0 is padding, the last quarter of all rows but the first is 0. PS603 for text.
    """
    rest = one.shape[1:]
    sizes = tuple(_OPEN_SIZES.get(len(rest), 8) if size is None else size for size in rest)
    first = tuple(batch if size is None else size for size in one.shape[:1])
    shape = (*first, *sizes)
    key = hashlib.sha256(f"{seed}/{one.name}".encode()).digest()
    numbers = np.random.Generator(np.random.Philox(key=int.from_bytes(key[:8], "big")))
    if one.dtype == "string":
        refuse("PS603", f"the input `{one.name}` takes text", hint="give `data`")
    if one.dtype == "bool":
        return numbers.random(shape) < 0.5  # noqa: PLR2004 (half of them)
    is_float = one.dtype.startswith(("float", "bfloat"))
    if one.below is None and is_float:
        return (numbers.random(shape) * 2.0 - 1.0).astype(np.float32)
    low = 1 if one.masked and one.below != 1 else 0
    value = numbers.integers(low, one.below or 2, shape)
    if one.masked and len(shape) > 1:
        value[1:, shape[1] - shape[1] // 4 :] = 0
    return value.astype(np.float32 if is_float else one.dtype)


def _tensor(model: Any, said: Any, feed: Feed) -> Array:
    """One tensor of a live model on these inputs, in inference mode; an input is what it is."""
    named = model.inputs[0].name if said == "$input" and len(model.inputs) == 1 else said
    if isinstance(named, str) and named in feed:
        return feed[named]
    part = model if said == "$output" and len(model.outputs) == 1 else _part(model, said)
    try:
        values = keras.tree.map_structure(
            lambda tensor: keras.ops.convert_to_tensor(
                feed[tensor._keras_history.operation.name], tensor.dtype
            ),
            part.inputs[0] if isinstance(part, keras.Sequential) else part._inputs_struct,
        )
        [result] = keras.tree.flatten(part(values, training=False))
    except Exception as error:  # noqa: BLE001 (whatever a layer's call raises is the answer)
        refuse("PS603", f"the model does not take the input: {said_by(error)}")
    return np.asarray(keras.ops.convert_to_numpy(result))


def _part(model: Any, said: Any) -> Any:
    """The model that ends in one tensor of another."""
    operation = {"op": "extract", "outputs": [said], "form": "list"}
    source = Source("", None, {"patchspec": 1, "operations": [operation]})
    return build_model(resolve_with_keras(parse_source(source), base_of(model))).model
