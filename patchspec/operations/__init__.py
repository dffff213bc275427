"""What a patch can do: one file per operation, found by its file name.

`expose_output.py` holds the class `ExposeOutput` and is `op: expose-output` in YAML. Adding a file
is all there is to registering one. Names with an underscore are what the operations share.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from patchspec.distributions import is_offered
from patchspec.operations._operation import Operation

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GUESTS = "patchspec.operations"
"""The entry-point group in which other packages offer operations of their own."""


def own_names() -> tuple[str, ...]:
    """The operations of this package as YAML names them, in alphabetical order."""
    files = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))
    return tuple(name.replace("_", "-") for name in files)


@cache
def operations() -> Mapping[str, type[Operation]]:
    """Every operation by the name that `op:` gives it, guests included; read-only."""
    found = {name: _load(name) for name in own_names()}
    for guest in _guests():
        if guest.name in found:
            raise RuntimeError(f"two packages offer the operation `{guest.name}`")
        found[guest.name] = guest.load()
    return MappingProxyType(found)


def _guests() -> Iterable[EntryPoint]:
    if not is_offered(GUESTS):
        return ()
    from importlib.metadata import entry_points  # noqa: PLC0415 (slow to import, seldom needed)

    return entry_points(group=GUESTS)


def _load(name: str) -> type[Operation]:
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    operation: type[Operation] = getattr(module, name.replace("-", " ").title().replace(" ", ""))
    return operation
