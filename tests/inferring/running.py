"""A command in a process of its own, and what that process had imported at its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import patchspec

_PROGRAM = """
import json, sys
from patchspec.cli.main import main
code = main()
backend = sys.modules["keras"].config.backend() if "keras" in sys.modules else None
names = ("keras", "tensorflow", "jax")
said = {"code": code, "backend": backend, "loaded": [n for n in names if n in sys.modules]}
print(json.dumps(said), file=sys.stderr)
"""


@dataclass(frozen=True)
class Run:
    """What a command printed, and what it took."""

    out: str
    code: int
    backend: str | None
    loaded: list[str]


def command(*words: Any, **environment: str | None) -> Run:
    """Run one command; an environment variable that is none is taken away."""
    kept = {**os.environ, "KERAS_BACKEND": None, **environment}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, words)],
        cwd=Path(patchspec.__file__).parent.parent,
        env={key: value for key, value in kept.items() if value is not None},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stderr.splitlines()[-1])
    return Run(done.stdout, said["code"], said["backend"], said["loaded"])
