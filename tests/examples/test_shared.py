"""The walk through a model with a shared layer prints what its page shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples" / "shared"


def test_the_walk_through_prints_what_its_page_shows() -> None:
    """Ask 33: 132 parameters, counted once, in both ways of editing."""
    script = [sys.executable, "walkthrough.py"]
    done = subprocess.run(script, cwd=FOLDER, capture_output=True, text=True, check=True)
    shown = re.search(
        r"\$ python walkthrough.py\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL
    )
    assert shown is not None
    assert done.stdout == shown[1]
