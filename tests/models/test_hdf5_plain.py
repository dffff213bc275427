"""The plain form of HDF5, read without libhdf5: the same as libhdf5 reads, or nothing at all."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from patchspec.models.content import opened
from patchspec.models.hdf5_objects import opened_file
from patchspec.models.hdf5_plain import NotPlainError, read_plain
from patchspec.models.weights_file import contents_of
from patchspec.problems import PatchError
from tests.conftest import SAMPLES

ARCHIVES = sorted(
    path
    for path in SAMPLES.glob("*.keras")
    if "model.weights.h5" in zipfile.ZipFile(path).namelist()
)


def weights(archive: Path, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as opened_archive:
        opened_archive.extract("model.weights.h5", folder)
    return folder / "model.weights.h5"


def check(path: Path) -> int:
    """That both readers say the same of a file; how many datasets it has."""
    plain, libhdf5 = read_plain(opened(path)), opened_file(opened(path), path.name)
    assert plain.names == libhdf5.names
    assert plain.extents.keys() == libhdf5.stored.keys()
    values = contents_of(opened(path), path.name).stored
    for name, extent in plain.extents.items():
        stored = libhdf5.stored[name]
        assert (extent.shape, extent.dtype) == (stored.shape, stored.dtype)
        if extent.size:
            assert stored.span is not None
            assert (extent.offset, extent.size) == (stored.span.offset, stored.span.size)
        assert values[name].read().tobytes() == stored.read().tobytes()
        assert values[name].read().dtype == stored.read().dtype
    return len(plain.extents)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_what_keras_wrote_is_read_as_libhdf5_reads_it(archive: Path, tmp_path: Path) -> None:
    check(weights(archive, tmp_path))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.h5")), ids=lambda path: path.name)
def test_whole_models_too(path: Path) -> None:
    check(path)


DTYPES = ("float16", "float32", "float64", "int8", "uint8", "int32", "uint32", "int64", "V2")


@st.composite
def trees(draw: Any) -> dict[str, tuple[tuple[int, ...], str]]:
    part = st.sampled_from(["a", "layers", "vars", "dense_1", "x" * 40, "a b"])
    paths = draw(st.lists(st.lists(part, min_size=1, max_size=4), max_size=60))
    found: dict[str, tuple[tuple[int, ...], str]] = {}
    for i, parts in enumerate(paths):
        shape = tuple(draw(st.lists(st.integers(0, 4), max_size=3)))
        found["/".join([*parts, str(i)])] = (shape, draw(st.sampled_from(DTYPES)))
    return found


@given(tree=trees())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_tree_of_groups_is_read_as_libhdf5_reads_it(
    tree: dict[str, tuple[tuple[int, ...], str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("trees") / "t.h5"
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, (shape, dtype) in tree.items():
            size = np.dtype(dtype).itemsize * int(np.prod(shape))
            file[name] = np.frombuffer(random.bytes(size), dtype).reshape(shape)
            if "/vars/" in name:
                file[name].parent.attrs["name"] = "layer ä" if "x" in name else np.bytes_(b"fixed")
    assert check(path) == len(tree)


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.create_dataset("a", data=np.ones(4), chunks=True),
        lambda file: file.create_dataset("a", data=np.ones(4), compression="gzip"),
        lambda file: file.create_dataset("a", data=np.ones(4, ">f4")),
        lambda file: file.create_dataset("a", data=np.ones(4, bool)),
        lambda file: file.create_dataset("a", shape=(4,), dtype="f4"),
        lambda file: file.create_dataset("a", data="text"),
        lambda file: file.__setitem__("a", h5py.SoftLink("/b")),
        lambda file: file.__setitem__("a", h5py.ExternalLink("b.h5", "/b")),
        lambda file: file.create_group("vars").attrs.__setitem__("name", [1, 2]),
    ],
)
def test_what_is_not_plain_is_left_to_libhdf5(make: Any, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        make(file)
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))


def test_the_newest_form_is_left_to_libhdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w", libver="latest") as file:
        file["a"] = np.ones(4)
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))
    assert list(contents_of(opened(tmp_path / "t.h5"), "t").stored) == ["a"]


@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_damage_is_never_more_than_a_refusal(
    data: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No traceback, no loop, nothing outside of the file."""
    folder = tmp_path_factory.mktemp("damage")
    path = weights(SAMPLES / "composite.keras", folder)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 8))
        content[at : at + 8] = data.draw(st.binary(min_size=8, max_size=8))
    path.write_bytes(content)
    try:
        plain = read_plain(opened(path))
    except NotPlainError:
        return
    assert all(e.offset + e.size <= len(content) for e in plain.extents.values())
    for stored in contents_of(opened(path), "t").stored.values():
        stored.read()


def test_a_group_within_itself_ends(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        inner = file.create_group("a")
        inner["again"] = file["a"]
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))
    with pytest.raises(PatchError) as caught:
        contents_of(opened(tmp_path / "t.h5"), "t")
    assert caught.value.problems[0].code == "PS703"


def test_opening_a_model_imports_neither_numpy_nor_h5py() -> None:
    code = (
        "import sys; from patchspec.models.opening import open_base;"
        "assert open_base(sys.argv[1]).variables;"
        "print(sorted({'numpy', 'h5py', 'keras'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(SAMPLES / "functional_linear.keras")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def odd_float(**said: Any) -> Any:
    kind = h5py.h5t.IEEE_F32LE.copy()
    for name, value in said.items():
        getattr(kind, f"set_{name}")(*(value if isinstance(value, tuple) else (value,)))
    return kind


@pytest.mark.parametrize(
    "kind",
    [
        lambda: odd_float(fields=(15, 7, 8, 0, 7), size=2, ebias=127),
        lambda: odd_float(ebias=120),
        lambda: odd_float(norm=h5py.h5t.NORM_NONE),
    ],
)
def test_numbers_of_another_form_are_converted_and_never_copied(kind: Any, tmp_path: Path) -> None:
    """NumPy has no such dtype, so their bytes mean something else to it."""
    path = tmp_path / "t.h5"
    with h5py.File(path, "w") as file:
        made = h5py.h5d.create(file.id, b"a", kind(), h5py.h5s.create_simple((3,)))
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([1, 2, 3], "f4"))
    with pytest.raises(NotPlainError):
        read_plain(opened(path))
    [stored] = contents_of(opened(path), "t").stored.values()
    assert stored.span is None
    assert stored.read().tolist() == [1, 2, 3]


def two(path: Path) -> bytearray:
    """A file with the groups `aa` and `ab`."""
    with h5py.File(path, "w") as file:
        for name in ("aa", "ab"):
            file[f"{name}/value"] = np.ones(2, "f4")
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("name", [b"aa", b"a/", b"..", b"a\0", b"Aa"])
def test_names_that_libhdf5_would_not_find_are_not_plain(name: bytes, tmp_path: Path) -> None:
    """Twice the same, a path, or out of order."""
    content = two(tmp_path / "t.h5")
    at = content.index(b"ab\0")
    content[at : at + 2] = name
    (tmp_path / "t.h5").write_bytes(content)
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))


def test_a_tree_within_itself_is_not_plain(tmp_path: Path) -> None:
    content = two(tmp_path / "t.h5")
    at = content.index(b"TREE")
    content[at + 32 : at + 40] = at.to_bytes(8, "little")
    (tmp_path / "t.h5").write_bytes(content)
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))


def test_an_object_with_two_names_and_a_file_that_ends_early_are_not_plain(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["a"] = np.ones(2)
        file["b"] = file["a"]
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "t.h5"))
    content = two(tmp_path / "s.h5")
    content[40:48] = (len(content) + 1).to_bytes(8, "little")
    (tmp_path / "s.h5").write_bytes(content)
    with pytest.raises(NotPlainError):
        read_plain(opened(tmp_path / "s.h5"))
