"""A value per match: what `each` says, shared out among the targets of a step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from patchspec.operations._operation import Target
from patchspec.problems import did_you_mean, refuse

TAKEN = ("target", "index", "*", "parent")


def shared_out(targets: tuple[Target, ...], each: Mapping[str, Any] | None) -> tuple[Target, ...]:
    """The targets, each with its own value of every name in `each`.

    PS220 where a list is not exactly as long as the matches, or a name has a meaning already.
    """
    columns: dict[str, list[Any]] = {}
    for name, said in (each or {}).items():
        if name in TAKEN:
            refuse(
                "PS220",
                f"`$({name})` has a meaning of its own",
                at=("each", name),
                on="key",
                hint=did_you_mean(name, ()) or "choose another name",
            )
        columns[name] = _column(said, len(targets), name)
    if not columns:
        return targets
    rows = zip(*columns.values(), strict=True)
    return tuple(
        replace(target, each=dict(zip(columns, row, strict=True)))
        for target, row in zip(targets, rows, strict=True)
    )


def _column(said: Any, count: int, name: str) -> list[Any]:
    if isinstance(said, Mapping):
        first, last = said["linear"]
        steps = max(count - 1, 1)
        return [first + (last - first) * i / steps for i in range(count)]
    if len(said) != count:
        refuse(
            "PS220",
            f"`{name}` has {len(said)} values for {count} match{'' if count == 1 else 'es'}",
            at=("each", name),
            hint="give as many values as there are matches, or `{linear: [first, last]}`",
        )
    return list(said)
