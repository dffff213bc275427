"""A scope in which Keras makes layers without allocating their variables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
from keras.src.backend.common import global_state

_WAITING = "uninitialized_variables"
"""Keras's global list of variables that the end of the next stateless scope initialises."""


@contextmanager
def unallocated() -> Iterator[None]:
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
