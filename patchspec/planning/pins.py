"""Pins: whether the models are those that the patches were written for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from patchspec.distributions import version_of
from patchspec.language.patch import Patch, Pin
from patchspec.models.base import Base
from patchspec.problems import PatchError, Pointer, Problem


def check_models(
    given: Sequence[Patch], listed: Sequence[Patch], base: Base, others: Mapping[str, Base]
) -> None:
    """Refuse models other than those that the patches pin; the base binds the first patch only."""
    for patch in given[0].sequence if given else ():
        _check_pin(patch, patch.base, base, ("base",))
    for patch in listed:
        for name, pin in patch.models.items():
            if name in others:
                _check_pin(patch, pin, others[name], ("models", name))


def _check_pin(patch: Patch, pin: Pin, base: Base, at: Pointer) -> None:
    """Refuse another model than the one the patch was written for."""
    problems = []
    for name, wanted in (("architecture", pin.architecture), ("state", pin.state)):
        if wanted is None:
            continue
        found = getattr(base, name)
        if found != wanted:
            said = "cannot be told without weights" if found is None else f"is {found}"
            problems.append(
                Problem(
                    code="PS908",
                    message=f"the {name} of `{base.origin}` {said}, the patch wants {wanted}",
                    at=(*at, name),
                    hint="this is another model than the patch was written for",
                )
            )
    if pin.keras is not None and not _in_range(pin.keras):
        problems.append(
            Problem(
                code="PS901",
                message=f"the patch wants Keras {pin.keras}, {version_of('keras')} is here",
                at=(*at, "keras"),
            )
        )
    if problems:
        raise PatchError(patch.source.place(problems))


def _in_range(wanted: str) -> bool:
    """Whether the installed Keras is in a range such as `>=3.15.1, <4`."""
    found = _numbers(version_of("keras") or "")
    for part in wanted.split(","):
        sign = "".join(re.findall("[<>=!]", part))
        limit = _numbers(part)
        size = max(len(found), len(limit))
        mine, theirs = (v + (0,) * (size - len(v)) for v in (found, limit))
        holds = {
            ">=": mine >= theirs,
            "<=": mine <= theirs,
            ">": mine > theirs,
            "<": mine < theirs,
            "!=": mine != theirs,
        }.get(sign, mine == theirs)
        if not holds:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version)[:3])
