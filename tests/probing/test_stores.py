"""Files of arrays: whole or not at all, written as they come, the same in every format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import patchspec
from patchspec.probing.probe import job_for, work
from patchspec.probing.running import Values
from patchspec.probing.stores import check_store, open_store
from patchspec.probing.takers import Storing
from tests.probing import models
from tests.probing.feeding import codes, feed


def read(path: Path) -> dict[str, Any]:
    """Every array of a file by key."""
    found: dict[str, Any] = {}
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    if path.suffix == ".h5":
        with h5py.File(path) as file:

            def visit(name: str, held: Any) -> None:
                assert not held.attrs
                if isinstance(held, h5py.Dataset):
                    found[name] = held[()]

            file.visititems(visit)
        return found
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(path), mode="r")

    def walk(group: Any, prefix: str) -> None:
        for name, array in group.arrays():
            found[f"{prefix}{name}"] = array[...]
        for name, inner in group.groups():
            walk(inner, f"{prefix}{name}/")

    walk(group, "")
    return found


SUFFIXES = [".h5", ".npz", ".zarr"]


@pytest.fixture(params=SUFFIXES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"out{request.param}"


def test_a_file_holds_one_array_for_each_tensor_by_its_reference_and_nothing_else(
    target: Path,
) -> None:
    model = models.nested()
    data, said = feed(model, 7), ["**", "**:in", "out:pre", "encoder/dense:pre"]
    arrays = patchspec.probe(model, said, data, weights="**", grad="$output", batch_size=3)
    assert patchspec.probe(
        model, said, data, out=target, weights="**", grad="$output", batch_size=3
    ) == target  # fmt: skip
    stored = read(target)
    assert stored.keys() == arrays.keys()
    for key, value in arrays.items():
        assert stored[key].dtype == value.dtype
        assert np.array_equal(stored[key], value), key


def test_the_same_probe_writes_the_same_npz(tmp_path: Path) -> None:
    model = models.chain()
    for name in ("a.npz", "b.npz"):
        patchspec.probe(model, (), feed(model), out=tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_what_exists_is_not_overwritten_unless_forced(target: Path) -> None:
    model = models.chain()
    patchspec.probe(model, "head", feed(model), out=target)
    assert codes(lambda: patchspec.probe(model, "inner", feed(model), out=target)) == ["PS904"]
    patchspec.probe(model, "inner", feed(model), out=target, force=True)
    assert list(read(target)) == ["inner:0"]


def test_a_folder_that_is_no_store_is_never_replaced(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    target = tmp_path / "mine.zarr"
    target.mkdir()
    (target / "thesis.txt").write_text("all of it")
    assert codes(lambda: check_store(target, force=True)) == ["PS904"]


def test_a_place_that_cannot_be_written_is_refused(target: Path) -> None:
    away = target.parent / "nowhere" / target.name
    assert codes(lambda: check_store(away, force=False)) == ["PS905"]


@pytest.mark.parametrize("name", ["out.hdf", "out", "out.npy", "out.keras"])
def test_a_format_that_is_not_known_is_refused(name: str, tmp_path: Path) -> None:
    assert codes(lambda: check_store(tmp_path / name, force=False)) == ["PS947"]


def test_zarr_is_asked_for_by_the_name_of_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(patchspec.PatchError, match=r"PS948 .*patchspec\[zarr\]") as caught:
        check_store(tmp_path / "a.zarr", force=False)
    assert [problem.code for problem in caught.value.problems] == ["PS948"]


def test_what_is_stopped_leaves_nothing(target: Path) -> None:
    model = models.chain()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        patchspec.probe(model, (), feed(model, 9), out=target, batch_size=2, progress=stop)
    assert list(target.parent.iterdir()) == []


def test_what_fails_leaves_what_was_there(target: Path) -> None:
    with open_store(target) as store:
        store.begin({"a": ((2,), np.dtype("float32"))})
        store.put("a", 0, np.ones(2, "float32"))
    before = {key: value.tobytes() for key, value in read(target).items()}

    def fail() -> None:
        with open_store(target) as store:
            store.begin({"b": ((2,), np.dtype("float32"))})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert {key: value.tobytes() for key, value in read(target).items()} == before
    assert len(list(target.parent.iterdir())) == 1


def test_arrays_are_handed_over_batch_by_batch_and_none_is_kept() -> None:
    """That memory is bounded by a batch is counted in rows, not measured."""
    model = models.chain()
    handed: list[tuple[str, int, int]] = []
    alive: list[int] = []

    class Counting:
        def begin(self, specs: Any) -> None:
            assert {shape[0] for shape, _ in specs.values()} == {50}

        def put(self, key: str, start: int, rows: Any) -> None:
            handed.append((key, start, len(rows)))

    class Watching(Storing):
        def take(self, values: Values) -> None:
            super().take(values)
            alive.append(sys.getrefcount(values))

    job = job_for(model, ("head", "inner/one"), feed(model, 50), batch_size=8)
    work(job, [Watching(Counting(), 50)])
    starts = [(start, min(8, 50 - start)) for start in range(0, 50, 8)]
    assert handed == [(key, *place) for place in starts for key in ("inner/one", "head")]
    # The loop, the call and the count itself.
    assert max(alive) <= 4
