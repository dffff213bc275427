"""What writing from file to file costs, counted: bytes read and written, memory, imports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers as L

import patchspec
from tests.conftest import patch_of

STEPS = """
- {op: insert, after: wide, new: {class: BatchNormalization, name: norm}}
- {op: insert, after: norm, new: {class: Dropout, name: drop, config: {rate: 0.2}}}
- op: replace
  layers: head
  new: {class: Dense, name: head, config: {units: 3}, weights: init}
- {op: freeze, layers: wide}
- {op: expose-output, outputs: {features: drop}}
- {op: rename, layers: deep, name: deeper}
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of 33 MB in two large kernels and some small values."""
    x = keras.Input((2048,), name="x")
    y = L.Dense(2048, name="wide")(x)
    y = L.Dense(2048, name="deep")(y)
    path = tmp_path_factory.mktemp("costs") / "base.keras"
    keras.Model(x, L.Dense(10, name="head")(y), name="m").save(path)
    return path


def test_every_byte_is_read_once_and_written_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = patchspec.resolve(patch_of(STEPS), base)
    done = {"read": 0, "written": 0}
    read, write = os.preadv, os.pwrite

    def reads(descriptor: int, buffers: Any, offset: int) -> int:
        count = read(descriptor, buffers, offset)
        done["read"] += count
        return count

    def writes(descriptor: int, data: Any, offset: int) -> int:
        count = write(descriptor, data, offset)
        done["written"] += count
        return count

    monkeypatch.setattr(os, "preadv", reads)
    monkeypatch.setattr(os, "pwrite", writes)
    out = patchspec.rewrite(plan, tmp_path / "v.keras")
    size = out.stat().st_size
    assert 0.99 * size < done["read"] < 1.02 * size
    assert 0.99 * size < done["written"] < 1.01 * size


def test_no_value_is_held_whole(base: Path, tmp_path: Path) -> None:
    """Of 33 MB at most 4: the buffers, the plan, and the new values one by one."""
    plan = patchspec.resolve(patch_of(STEPS), base)
    tracemalloc.start()
    try:
        patchspec.rewrite(plan, tmp_path / "v.keras")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def test_neither_keras_nor_a_backend_is_imported(base: Path, tmp_path: Path) -> None:
    patch = tmp_path / "p.yaml"
    patch.write_text(f"patchspec: 1\noperations:{STEPS}")
    code = (
        "import sys, json; from patchspec.cli.main import main;"
        "assert main(sys.argv[1:]) == 0;"
        "print(json.dumps(sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))))"
    )
    command = ["apply", str(base), str(patch), "-o", str(tmp_path / "v.keras")]
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []
    assert keras.saving.load_model(tmp_path / "v.keras").output_names[-1] == "features"


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_in_the_middle_leaves_nothing(
    name: str, code: int, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("patchspec: 1\noperations: []\n")
    told = (
        # A shell has what it starts in the background ignore Ctrl-C.
        "import os, signal, sys; import patchspec.cli.progress as progress;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"progress._Bar.__call__ = lambda *_: os.kill(os.getpid(), signal.{name});"
        "from patchspec.cli.main import main; sys.exit(main())"
    )
    command = ["apply", str(base), str(tmp_path / "p.yaml"), "-o", str(tmp_path / "v.keras")]
    done = subprocess.run(
        [sys.executable, "-c", told, *command], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, "")
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]
