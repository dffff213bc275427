"""Where the corpus of real models is, and what belongs together in it.

It lies beside the project and is not part of it; `PATCHSPEC_SHARED` says where else. Tests that
need it are skipped where it is not.
"""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PATCHSPEC_SHARED", PROJECT / ".." / "shared"))
CORPUS = SHARED / "corpus"
SAMPLES = SHARED / "samples"
KERAS2 = PROJECT / ".venv" / "keras2" / "bin" / "python"
"""The Python that has tf-keras; `make test-all` makes it."""

WEIGHTS = {
    "deeplift_graph_keras0.yaml": "deeplift_graph_keras0_weights.h5",
    "kipoi_rbp_spline.json": "kipoi_rbp_spline_weights.h5",
    "kotlindl_toyresnet.json": "kotlindl_toyresnet_weights.h5",
}
"""Architectures, and the files of their weights.

`kotlindl_lstm_weights.h5` belongs to another copy of `kotlindl_lstm.json`: its layers have other
names, so it is refused beside it, and the architecture opens alone.
"""
_NO_MODELS = {"README.txt", "manifest.json"}


def models() -> list[Path]:
    """Every model of the corpus, files of weights left out."""
    if not CORPUS.is_dir():
        return []
    found = (path for path in CORPUS.iterdir() if path.is_file())
    return sorted(p for p in found if p.name not in _NO_MODELS and "_weights." not in p.name)


def weights_of(path: Path) -> Path | None:
    """The file of a model's weights, where it lies apart."""
    name = WEIGHTS.get(path.name)
    return path.parent / name if name else None
