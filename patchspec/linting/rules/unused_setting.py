"""PS812: a setting that nothing reads."""

from __future__ import annotations

import json
from collections.abc import Iterator

from patchspec.linting.lint import Lint, Subject
from patchspec.problems import Problem

CODE = "PS812"


def found(subject: Subject) -> Iterator[Lint]:
    """Settings whose placeholder stands nowhere; `if` reads some too."""
    data = subject.patch.source.data
    rest = json.dumps({key: value for key, value in data.items() if key != "settings"})
    for name in data.get("settings", {}):
        if f"$({name})" not in rest and not subject.patch.extends:
            problem = Problem(
                code=CODE,
                message=f"nothing reads the setting `{name}`",
                at=("settings", name),
                on="key",
                hint=f"write `$({name})` where its value belongs, or delete it",
            )
            yield Lint(problem)
