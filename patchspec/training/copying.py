"""Callbacks of a base for its variant: copies, with what they have counted so far."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from patchspec.problems import refuse

_PATHS = ("filepath", "filename", "log_dir", "backup_dir", "path")


def copied(callbacks: Sequence[Any], base: Any, model: Any) -> tuple[list[Any], list[str]]:
    """Copies that are of the new model, and what to know about them.

    Whatever in them means the base or its optimizer means the new model in the copies. PS963 where
    one cannot be copied: shared, what it counts would be counted for both.
    """
    same = {id(base): model}
    if getattr(base, "optimizer", None) is not None:
        same[id(base.optimizer)] = model.optimizer
    made = [_copy(callback, dict(same)) for callback in callbacks]
    return made, [note for one in made for note in _noted(one, model)]


def _copy(callback: Any, same: dict[int, Any]) -> Any:
    try:
        return copy.deepcopy(callback, same)
    except Exception as error:  # noqa: BLE001 (what a callback holds can raise anything)
        refuse(
            "PS963",
            f"the callback {type(callback).__name__} cannot be copied: {error}",
            hint="make another one for the variant, and leave this one out",
        )


def _noted(callback: Any, model: Any) -> Iterator[str]:
    name = type(callback).__name__
    for key in _PATHS:
        place = getattr(callback, key, None)
        if place:
            yield f"{name} writes to `{place}`, as that of the base does: give it another place"
    if name == "LambdaCallback":
        yield "LambdaCallback calls the functions that it called: they may hold on to the base"
    best = getattr(callback, "best_weights", None)
    if best is not None and [w.shape for w in best] != [w.shape for w in model.get_weights()]:
        callback.best_weights = None
        yield f"{name} forgets the best weights so far, which are those of another architecture"
