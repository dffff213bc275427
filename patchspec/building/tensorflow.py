"""Keeping Keras from importing TensorFlow where its backend is another.

Keras looks for TensorFlow when it makes objects from a config, whatever its backend, to tell
tensors of it by their class. That takes seconds, and finds nothing in a config.
"""

from __future__ import annotations

from keras.src.utils import module_utils


def not_for_keras() -> bool:
    """Have Keras take TensorFlow for not installed; whether it does so from now on.

    It touches an attribute of Keras's own. Where a later Keras has none, TensorFlow is imported
    as ever.
    """
    lazy = getattr(module_utils, "tensorflow", None)
    if lazy is None or not hasattr(lazy, "_available"):
        return False
    lazy._available = False
    return True
