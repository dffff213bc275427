"""Every class that is known here, found by its name."""

from __future__ import annotations

from collections.abc import Mapping

from patchspec.inferring import (
    convolutions,
    dense,
    merging,
    normalizations,
    pointwise,
    pooling,
    reshaping,
)
from patchspec.inferring.kinds import Kind, Merging

KINDS: Mapping[str, Kind | Merging] = {
    **dense.KINDS,
    **convolutions.KINDS,
    **normalizations.KINDS,
    **pooling.KINDS,
    **reshaping.KINDS,
    **pointwise.KINDS,
    **merging.KINDS,
}
