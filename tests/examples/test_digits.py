"""The example of the handwritten digits does what its pages say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

import patchspec
from patchspec.problems import PatchError

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def test_the_stored_model_is_small_and_as_accurate_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(DIGITS))
    from train import digits  # noqa: PLC0415 (lies beside the example)

    assert (DIGITS / "digits.keras").stat().st_size < 1 << 20
    said = re.search(r"accuracy (0\.\d+)", (DIGITS / "README.md").read_text())
    assert said is not None
    _, _, unseen, labels = digits()
    model = keras.saving.load_model(DIGITS / "digits.keras")
    _, accuracy = model.evaluate(unseen, labels, verbose=0)
    assert accuracy == pytest.approx(float(said[1]), abs=5e-3)


def test_the_broken_patch_is_refused_with_all_its_mistakes() -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.parse(DIGITS / "broken.patchspec.yaml")
    assert [p.code for p in caught.value.problems] == ["PS211", "PS211", "PS201", "PS210"]


def test_the_demo_runs_to_its_end() -> None:
    done = subprocess.run(
        [sys.executable, str(DIGITS / "demo.py")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "FAILED" not in done.stdout
    assert done.stdout.rstrip().endswith("Done.")
