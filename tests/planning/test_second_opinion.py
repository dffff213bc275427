"""The RFC 6902 documents, by an implementation that shares nothing with the first."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
APPLY = Path(__file__).with_name("apply_json_patch.cjs")


@pytest.mark.slow
def test_fast_json_patch_gives_the_same_config_for_every_plan(every_plan: Path) -> None:
    plans = every_plan.read_text(encoding="utf-8").count("\n")
    assert plans, "run it with the tests that make plans: `make test-all`"
    done = subprocess.run(
        ["node", str(APPLY), str(ROOT / ".venv" / "node"), str(every_plan)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{plans} plans agree\n"), done.stderr
