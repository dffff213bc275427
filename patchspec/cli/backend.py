"""The backend of Keras while a command plans: the one that is imported soonest.

A plan holds no values, so none of them are computed, and TensorFlow is not waited for. It is for
commands only: a program that imports this package has chosen its backend itself.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from patchspec.inferring.installed import DEFAULT_BACKEND, backend_of_keras, is_imported

LIGHT = "numpy"
_WANTED = ("jax", "scipy")
"""What Keras imports with the light backend, beside NumPy."""


def use_light_backend() -> None:
    """Have Keras use NumPy for the rest of the process, where it can and nobody chose a backend.

    To be called before Keras is imported, and only where nothing will be built: a model is built on
    the backend that the user has. The file of settings that Keras writes names TensorFlow unasked,
    so only another backend in it is a choice.
    """
    chosen = os.environ.get("KERAS_BACKEND") or backend_of_keras() != DEFAULT_BACKEND
    if is_imported() or chosen or not all(map(find_spec, _WANTED)):
        return
    os.environ["KERAS_BACKEND"] = LIGHT
    try:
        from patchspec.building.tensorflow import not_for_keras  # noqa: PLC0415 (imports Keras)
    finally:
        del os.environ["KERAS_BACKEND"]
    not_for_keras()
