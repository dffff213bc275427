"""What is installed, told by names of folders."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from patchspec import distributions


@pytest.fixture(autouse=True)
def _anew() -> None:
    distributions.version_of.cache_clear()


@pytest.mark.parametrize("name", ["keras", "numpy", "h5py", "jsonschema"])
def test_a_version_is_the_one_that_metadata_says(name: str) -> None:
    assert distributions.version_of(name) == metadata.version(name)


def test_what_is_not_installed_has_no_version() -> None:
    assert distributions.version_of("no-such-distribution") is None


def test_entry_points_of_other_packages_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not distributions.is_offered("patchspec.operations")
    (tmp_path / "guest-1.0.dist-info").mkdir()
    points = tmp_path / "guest-1.0.dist-info" / "entry_points.txt"
    points.write_text("[patchspec.operations]\nguest = guest:Guest\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/nowhere/to/be/found", *sys.path])
    assert distributions.is_offered("patchspec.operations")
    assert distributions.version_of("guest") == "1.0"
