"""Every class that is known here, found by its name."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.inferring import (
    attention,
    convolutions,
    dense,
    einsum,
    merging,
    normalizations,
    pointwise,
    pooling,
    recurrent,
    reshaping,
)
from patchspec.inferring.kinds import KnownKind

KINDS: Mapping[str, KnownKind] = {
    **dense.KINDS,
    **convolutions.KINDS,
    **normalizations.KINDS,
    **pooling.KINDS,
    **reshaping.KINDS,
    **pointwise.KINDS,
    **merging.KINDS,
    **einsum.KINDS,
    **recurrent.KINDS,
    **attention.KINDS,
}
