"""Callbacks of a base for its variant: copies, with what they have counted so far."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import keras

from patchspec.problems import refuse, some
from patchspec.training.partners import Partners

_PATHS = ("filepath", "filename", "log_dir", "backup_dir", "path")


def copied(
    callbacks: Sequence[Any], base: Any, model: Any, known: Partners
) -> tuple[list[Any], list[str]]:
    """Copies that are of the new model, and what to know about them.

    Whatever in them means the base, its optimizer, a layer or a variable of it means that of the
    new model in the copies. PS963 where one cannot be copied: shared, what it counts would be
    counted for both.
    """
    same = {**known.objects, id(base): model}
    if getattr(base, "optimizer", None) is not None:
        same[id(base.optimizer)] = model.optimizer
    made: list[Any] = []
    notes: list[str] = []
    for callback in callbacks:
        memo = {**same, **_opened_anew(callback)}
        one = _copy(callback, memo)
        lost = [path for key, path in known.lost.items() if key in memo]
        made.append(one)
        notes += _noted(one, known, lost)
    return made, notes


def _opened_anew(callback: Any) -> dict[int, Any]:
    """What is not copied since the callback makes it anew when `fit` begins, or is of nobody."""
    held = vars(callback)
    found: dict[int, Any] = {id(one): one for one in held.values() if isinstance(one, ModuleType)}
    for one in held.values():
        if isinstance(one, io.IOBase) and one.closed:
            found[id(one)] = None
    if isinstance(callback, keras.callbacks.TensorBoard):
        found[id(callback._writers)] = {}
    return found


def _copy(callback: Any, memo: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(callback, memo)
    except Exception as error:  # noqa: BLE001 (what a callback holds can raise anything)
        refuse(
            "PS963",
            f"the callback {type(callback).__name__} cannot be copied: {error}",
            hint="make another one for the variant, and leave this one out",
        )


def _noted(callback: Any, known: Partners, lost: Sequence[str]) -> Iterator[str]:
    name = type(callback).__name__
    for key in _PATHS:
        place = getattr(callback, key, None)
        if place:
            yield f"{name} writes to `{place}`, as that of the base does: give it another place"
    if name == "LambdaCallback":
        yield "LambdaCallback calls the functions that it called: they may hold on to the base"
    if lost:
        yield f"{name} holds on to {some(lost)} of the base, which the variant does not have"
    best = getattr(callback, "best_weights", None)
    if best is not None:
        callback.best_weights = known.placed(best)
        if callback.best_weights is None:
            yield f"{name} forgets the best weights so far: the variant has others"
