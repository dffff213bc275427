"""Having Keras make layers without allocating their variables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import keras
from keras.src.backend.common import global_state
from keras.src.saving import serialization_lib

from patchspec.building.shortcuts import shortcuts

_WAITING = "uninitialized_variables"
"""Keras's global list of variables that the end of the next stateless scope initialises."""

_NAMES = "object_name_uids"
"""Keras's global counters of the names that it makes up."""

Made = TypeVar("Made")


def without_values(run: Callable[[], Made], anew: Callable[[], Made] | None = None) -> Made:
    """What `run` returns, with no variable of what it makes allocated.

    A variable that a layer makes of a value instead of an initializer (the state of a stateful
    recurrent layer, say) cannot wait for one. Where Keras says so, `anew` (or `run` once more) is
    called with everything allocated as usual.
    """
    if can_wait():
        try:
            with shortcuts(), _unallocated():
                return run()
        except ValueError as error:
            if "create a variable while in a stateless scope" not in " ".join(str(error).split()):
                raise
    with shortcuts():
        return (anew or run)()


def can_wait() -> bool:
    """Whether the variables of this Keras take their first value after they are made."""
    return all(hasattr(keras.Variable, name) for name in ("_initialize", "_deferred_initialize"))


@contextmanager
def _unallocated() -> Iterator[None]:
    """Make layers whose variables have no value yet, and leave no trace of them in Keras.

    Keras lists such variables globally and initialises the whole list at the end of whatever
    stateless scope comes next, in the user's own code too: those made here are struck off it.
    """
    before = list(global_state.get_global_attribute(_WAITING, []) or [])
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        global_state.set_global_attribute(_WAITING, before)


def sharing() -> AbstractContextManager[Any]:
    """Have Keras make an object once that a config says stands in several places."""
    scope = getattr(serialization_lib, "ObjectSharingScope", nullcontext)
    made: AbstractContextManager[Any] = scope()
    return made


@contextmanager
def fresh_names() -> Iterator[None]:
    """Have Keras make up names as it would in a process that has made no layer yet."""
    before = global_state.get_global_attribute(_NAMES)
    global_state.set_global_attribute(_NAMES, defaultdict(int))
    try:
        yield
    finally:
        global_state.set_global_attribute(_NAMES, before)
