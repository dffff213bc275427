"""The same variant, bit by bit, whichever backend Keras runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import patchspec
from patchspec.models.opening import open_base
from tests.conftest import SAMPLES

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
PATCH = """\
patchspec: 1
seed: 5
operations:
  - op: insert
    after: {layer}
    new:
      - {{class: Dense, name: wide, config: {{units: 9, kernel_initializer: he_normal}}}}
      - {{class: Dropout, name: drop, config: {{rate: 0.5}}}}
      - {{class: Dense, name: back, config: {{units: {units}, kernel_initializer: orthogonal}}}}
"""
APPLY = "import sys, patchspec; patchspec.apply(sys.argv[1], sys.argv[2]).save(sys.argv[3])"


@pytest.mark.parametrize(
    ("base", "layer", "units"),
    [(DIGITS / "digits.keras", "embedding", 32), (SAMPLES / "nested.keras", "inner", 4)],
    ids=["digits", "nested"],
)
def test_another_backend_makes_the_same_variant(
    base: Path, layer: str, units: int, tmp_path: Path
) -> None:
    patch = tmp_path / "p.patchspec.yaml"
    patch.write_text(PATCH.format(layer=layer, units=units))
    mine = patchspec.apply(base, patch).save(tmp_path / "mine.keras")
    theirs = tmp_path / "theirs.keras"
    subprocess.run(
        [sys.executable, "-c", APPLY, str(base), str(patch), str(theirs)],
        check=True,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )
    with zipfile.ZipFile(mine) as one, zipfile.ZipFile(theirs) as other:
        assert one.read("config.json") == other.read("config.json")
    # Bytes of a compiled model may differ: an optimizer counts steps in the backend's integers.
    state = open_base(mine).state
    assert state is not None
    assert open_base(theirs).state == state
