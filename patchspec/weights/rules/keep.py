"""keep: the value that is there."""

from __future__ import annotations

from patchspec.weights.rules._rule import Source


class Keep(Source):
    """Take the value that is there: of the layer itself, of the one replaced, or of `like`.

    - op: replace
      layers: fc1
      new: {class: Dense, name: dense, config: {units: 8}, weights: keep}
    """
