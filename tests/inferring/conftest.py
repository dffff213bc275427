"""The tests of this folder see a Keras with which nobody registered anything."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import pytest


@pytest.fixture(autouse=True, scope="package")
def _nothing_registered() -> Iterator[None]:
    """Other tests of the process register objects, which have every plan ask Keras."""
    registered = keras.saving.get_custom_objects()
    kept = dict(registered)
    registered.clear()
    yield
    registered.update(kept)
