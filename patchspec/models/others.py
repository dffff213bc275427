"""The other models that patches name: opened once each, wherever their values come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from patchspec.language.patch import Patch, Pin
from patchspec.models.base import Base
from patchspec.problems import PatchError, Problem, did_you_mean, refuse

Opener = Callable[[Path, Path | None], Base]
"""Opens a model from its path and that of its weights."""


def open_others(
    patches: Iterable[Patch], opened: Mapping[str, Base], opener: Opener
) -> dict[str, Base]:
    """The models that the patches name, by name: as they are given, else from their files.

    Paths are relative to the patch. PS221 where two patches mean two models by one name, or a model
    is given that no patch names; PS910 where a model has no path and is not given.
    """
    declared: dict[str, tuple[Patch, Pin]] = {}
    for patch in [one for given in patches for one in given.sequence]:
        for name, pin in patch.models.items():
            other = declared.setdefault(name, (patch, pin))
            if _path(*other) != _path(patch, pin):
                raise PatchError(_two_meanings(patch, other[0], name))
    for name in opened:
        if name not in declared:
            near = did_you_mean(name, declared)
            refuse("PS221", f"no patch names a model `{name}`", hint=near)
    return {
        name: opened[name] if name in opened else _open(patch, name, pin, opener)
        for name, (patch, pin) in declared.items()
    }


def _folder(patch: Patch) -> Path:
    return Path(patch.source.file).parent if patch.source.file else Path()


def _path(patch: Patch, pin: Pin) -> Path | None:
    return None if pin.path is None else (_folder(patch) / pin.path).resolve()


def _open(patch: Patch, name: str, pin: Pin, opener: Opener) -> Base:
    folder = _folder(patch)
    said = patch.source.data["models"][name]
    at = ("models", name) if isinstance(said, str) or pin.path is None else ("models", name, "path")
    try:
        if pin.path is None:
            refuse("PS910", f"the model `{name}` has no path and was not given")
        return opener(folder / pin.path, folder / pin.weights if pin.weights else None)
    except PatchError as error:
        raise PatchError(patch.source.place(replace(p, at=at) for p in error.problems)) from None


def _two_meanings(patch: Patch, other: Patch, name: str) -> list[Problem]:
    """The two places where a name is given two meanings."""
    [there] = other.source.place(
        [Problem(code="PS221", message=f"`{name}` means another model here", at=("models", name))]
    )
    [here] = patch.source.place(
        [
            Problem(
                code="PS221",
                message=f"`{name}` is two models: another patch means another by it",
                at=("models", name),
                hint="give one of them another name",
            )
        ]
    )
    return [here, there]
