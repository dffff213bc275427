"""Where the layers of a variant come from: what an operation says beside its edits.

Weights follow identity, not names. A fold over these events carries, for every layer of the
variant, the layer of the base that it is, or none; the weight plan reads nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from patchspec.problems import Pointer
from patchspec.weights.pipelines import Rulings


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
    """A new layer. Its variables are initialised, but for those of which `rulings` say else."""

    layer: str
    replaces: str | None = None
    """The layer in whose place it stands, of which `keep` takes variables."""
    rulings: Rulings = field(default_factory=dict)
    at: Pointer = ()
    """Where the new layer stands in its step."""
    like: str | None = None
    """The layer that it is made like, of which `keep` takes variables where it replaces none."""


@dataclass(frozen=True, slots=True)
class Ruled:
    """The step says what becomes of variables of a layer that stays."""

    layer: str
    rulings: Rulings
    skip: frozenset[str] = frozenset()
    """What leaves a variable as it is: that its source is `missing`, or a `mismatch`."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The step takes values from another model."""

    model: str
    layers: frozenset[str]
    """Those there that layers here take their values from."""
    extra: bool
    """Whether there may be other layers with values."""
    mismatch: bool
    """Whether those layers may have other variables too."""


Event = Renamed | Dropped | Created | Ruled | Loaded
