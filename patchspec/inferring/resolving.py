"""Resolving patches with shapes, and with Keras imported only where something needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from patchspec.inferring.closed import reached_inside
from patchspec.inferring.installed import backend_of_keras, integer_of, is_current, is_imported
from patchspec.inferring.light import LightInferrer
from patchspec.language.patch import Patch
from patchspec.models.base import Base
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.planning.shapes import Inferrer

Lighten = Callable[[], None]
"""Has Keras take a backend that is imported sooner, if it can; called before Keras is."""


def resolve_lightly(
    patches: Patch | Sequence[Patch],
    base: Base,
    custom_objects: Mapping[str, Any] | None = None,
    models: Mapping[str, Base] | None = None,
    lighten: Lighten | None = None,
) -> Plan:
    """`resolve` with shapes, dtypes and variables: those that Keras infers, whoever finds them.

    `lighten` is called where Keras is needed after all and any of its backends will do. Not for
    where something is built afterwards: the backend stays.
    """
    listed = (patches,) if isinstance(patches, Patch) else tuple(patches)
    others = models or {}
    if only_keras_can(base, custom_objects) or reached_inside(base, listed):
        from patchspec.building.live import resolve_with_keras  # noqa: PLC0415 (imports Keras)

        return resolve_with_keras(patches, base, custom_objects, others)
    sequence = [one for patch in listed for one in patch.sequence]
    inferrer = light_inferrer((base, *others.values()), sequence, lighten)
    return resolve(patches, base, inferrer=inferrer, models=others)


def inferrer_for(
    base: Base, custom_objects: Mapping[str, Any], lighten: Lighten | None = None
) -> Inferrer:
    """What knows the shapes of a model alone."""
    if not only_keras_can(base, custom_objects):
        return light_inferrer((base,), (), lighten)
    from patchspec.building.inference import KerasInferrer  # noqa: PLC0415 (imports Keras)

    return KerasInferrer(custom_objects)


def light_inferrer(
    bases: Sequence[Base], patches: Sequence[Patch], lighten: Lighten | None
) -> LightInferrer:
    """An inferrer that asks Keras only where it must, on whatever backend will do."""

    def of_keras() -> Inferrer:
        from patchspec.inferring.free import any_backend_will_do  # noqa: PLC0415 (seldom needed)

        if lighten is not None and any_backend_will_do(bases, patches):
            lighten()
        from patchspec.building.inference import KerasInferrer  # noqa: PLC0415 (imports Keras)

        return KerasInferrer()

    return LightInferrer(of_keras, integer_of(backend_of_keras()))


def only_keras_can(base: Base, custom_objects: Mapping[str, Any] | None) -> bool:
    """Whether objects of the user's may stand behind the names in a config.

    Also where Keras is too old, or not there, which it says itself.
    """
    return bool(
        custom_objects
        or base.live is not None
        or base.opened
        or not is_current()
        or _has_objects_of_the_user()
    )


def _has_objects_of_the_user() -> bool:
    """Whether somebody registered objects with a Keras that is imported already."""
    if not is_imported():
        return False
    from patchspec.building.door import objects_in_scope  # noqa: PLC0415 (Keras is there)

    return bool(objects_in_scope())
