"""Where the values of a variable may come from: one file per rule, found by its file name.

`take.py` holds the class `Take` and is `{take: ...}` in YAML. Adding a file is all there is to
registering one. Names with an underscore in front are what the rules share; one behind keeps a rule
clear of a word of Python's (`from_.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any

from patchspec.weights.rules._rule import Rule


@cache
def rules() -> Mapping[str, type[Rule]]:
    """Every rule by the name that YAML gives it; read-only."""
    files = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return MappingProxyType({file.rstrip("_"): _load(file) for file in files})


def _load(file: str) -> type[Rule]:
    found: type[Rule] = getattr(import_module(f"{__name__}.{file}"), file.rstrip("_").title())
    return found


def read_rule(said: Any) -> Rule:
    """One rule as the author wrote it: a name, or `{name: argument}`."""
    if isinstance(said, str):
        return rules()[said].read({})
    [(name, argument)] = said.items()
    return rules()[name].read(argument)


def is_rule(said: Any) -> bool:
    """Whether this is one rule, not rules by variable.

    A variable may be called as a rule is (`scale`, `mean`); what stands beside it tells.
    """
    if isinstance(said, str):
        return True
    if not isinstance(said, Mapping) or len(said) != 1:
        return False
    [(name, argument)] = said.items()
    rule = rules().get(name)
    if rule is None or rule.argument is None:
        return False
    numeric = rule.argument["type"] in ("integer", "number")
    return not numeric or isinstance(argument, (int, float))
