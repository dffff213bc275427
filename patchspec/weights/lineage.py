"""Where the layers of a variant come from: what an operation says beside its edits.

Weights follow identity, not names. A fold over these events carries, for every layer of the
variant, the layer of the base that it is, or none; the weight plan reads nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from patchspec.problems import Pointer

Rule = Literal["keep", "init"]


@dataclass(frozen=True, slots=True)
class Renamed:
    """The layer `old` is called `new` from here on; it is the same layer."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """The layer goes, and its step names it: its variables may go with it."""

    layer: str


@dataclass(frozen=True, slots=True)
class Created:
    """A new layer. Its variables are initialised, but for those that `rules` keep."""

    layer: str
    replaces: str | None = None
    """The layer in whose place it stands, of which `keep` takes variables."""
    rules: Mapping[str, Rule] = field(default_factory=dict)
    """A rule by variable name, `*` for the others."""
    at: Pointer = ()
    """Where the new layer stands in its step."""
    like: str | None = None
    """The layer that it is made like, of which `keep` takes variables where it replaces none."""


Event = Renamed | Dropped | Created
