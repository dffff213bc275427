"""The rules, one file each: a code, and a function that finds.

`freeze_before_replace.py` holds `CODE` and `found`; its code's text in the table of codes says what
bites and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from patchspec.linting.lint import Rule


@cache
def rules() -> Mapping[str, Rule]:
    """Every rule by its code, in order; read-only."""
    files = (path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    modules = [import_module(f"{__name__}.{file}") for file in files]
    return MappingProxyType({m.CODE: m.found for m in sorted(modules, key=lambda m: m.CODE)})
