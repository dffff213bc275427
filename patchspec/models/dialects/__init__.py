"""Upgrading old configs: one file per dialect, config to config, with no Keras imported.

Each dialect is brought to the next (`keras0` to `keras1` to `keras2` to what Keras 3.15 writes), so
that every oddity is known in one place. What an upgrade does is said in steps; what it would have
to change about the function of the model is refused.
"""
