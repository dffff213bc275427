"""Files of arrays that are written as they come: `.h5`, `.npz` or `.zarr`, one array for each key.

Nothing else is in them. A file is written beside its place and takes it when it is whole.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import numpy as np

from patchspec.models.files import (
    check_folder,
    check_room,
    check_target,
    replacing,
    replacing_folder,
)
from patchspec.models.writer import FIXED_DATE
from patchspec.problems import refuse

Array = np.ndarray[Any, Any]
Spec = tuple[tuple[int, ...], np.dtype[Any]]
"""The shape of a whole array and its dtype."""
_MARKS = ("zarr.json", ".zgroup")


class Store(Protocol):
    """Where arrays go."""

    def begin(self, specs: Mapping[str, Spec]) -> None:
        """Be told of arrays that will come, before the first rows of them."""

    def put(self, key: str, start: int, rows: Array) -> None:
        """Take the next rows of an array, or all of it."""


def check_store(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a file that cannot be written or has no format known.

    PS947 for the format, PS948 where the package for it is missing, PS904, PS905.
    """
    if path.suffix not in _STORES:
        refuse(
            "PS947",
            f"`{path}`: arrays are written as `.h5`, `.npz` or `.zarr`",
            hint="give a name that ends in one of them",
        )
    if path.suffix != ".zarr":
        check_target(path, force=force)
        return
    _zarr()
    held = path.is_dir() and not path.is_symlink() and any((path / m).exists() for m in _MARKS)
    if held and force:
        check_folder(path.with_name(f".{path.name}.new"), force=False)
        return
    if path.exists() or path.is_symlink():
        hint = "`--force` replaces a store of zarr" if held else "it is no store of zarr"
        refuse("PS904", f"`{path}` exists", hint=hint)
    check_folder(path, force=force)


def open_store(path: Path) -> AbstractContextManager[Store]:
    """A store that is at `path`, whole, when the block ends well, and else not at all."""
    return _STORES[path.suffix](path)


def stored(array: Array) -> Array:
    """The values as files hold them: floats that NumPy does not have (bfloat16) as float32."""
    if array.dtype.kind == "V" and array.dtype.names is None:
        return array.astype(np.float32)
    return array


def spec_of(rows: Array, samples: int) -> Spec:
    """Of the whole array, by the first rows of it."""
    return (samples, *rows.shape[1:]), stored(rows[:0]).dtype


def _room(path: Path, specs: Mapping[str, Spec]) -> None:
    check_room(path, sum(math.prod(shape) * dtype.itemsize for shape, dtype in specs.values()))


def _no_text(path: Path, specs: Mapping[str, Spec]) -> None:
    for key, (_, dtype) in specs.items():
        if dtype.kind in "OSU":
            refuse(
                "PS947", f"`{key}` is text, which `{path.name}` does not hold", hint="`.h5` does"
            )


class _Hdf5:
    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._path = file, path

    def begin(self, specs: Mapping[str, Spec]) -> None:
        import h5py  # noqa: PLC0415 (only this format needs it)

        _room(self._path, specs)
        for key, (shape, dtype) in specs.items():
            kind = h5py.string_dtype() if dtype.kind in "OSU" else dtype
            self._file.create_dataset(key, shape, kind)

    def put(self, key: str, start: int, rows: Array) -> None:
        values = stored(rows)
        if not values.ndim:
            self._file[key][()] = values
        elif values.size:
            self._file[key][start : start + len(values)] = (
                values.astype(object) if values.dtype.kind in "SU" else values
            )


@contextmanager
def _hdf5(path: Path) -> Iterator[Store]:
    import h5py  # noqa: PLC0415 (only this format needs it)

    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        yield _Hdf5(file, path)


class _Npz:
    def __init__(self, folder: Path, path: Path) -> None:
        self._folder, self._path = folder, path
        self.files: dict[str, Path] = {}

    def begin(self, specs: Mapping[str, Spec]) -> None:
        _no_text(self._path, specs)
        _room(self._path, specs)
        for key, (shape, dtype) in specs.items():
            file = self.files[key] = self._folder / f"{len(self.files)}.npy"
            header = {
                "descr": np.lib.format.dtype_to_descr(dtype),
                "fortran_order": False,
                "shape": shape,
            }
            with file.open("wb") as opened:
                np.lib.format.write_array_header_1_0(opened, header)

    def put(self, key: str, start: int, rows: Array) -> None:
        with self.files[key].open("ab") as opened:
            opened.write(np.ascontiguousarray(stored(rows)).data)


@contextmanager
def _npz(path: Path) -> Iterator[Store]:
    beside = TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    with replacing(path) as temporary, beside as folder:
        store = _Npz(Path(folder), path)
        yield store
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
            for key, file in store.files.items():
                _add(archive, key, file)


def _add(archive: zipfile.ZipFile, key: str, file: Path) -> None:
    """Move an array into the archive: it does not lie on the disk twice."""
    info = zipfile.ZipInfo(f"{key}.npy", FIXED_DATE)
    info.file_size = file.stat().st_size
    with file.open("rb") as source, archive.open(info, "w", force_zip64=True) as member:
        while block := source.read(1 << 20):
            member.write(block)
    file.unlink()


class _Zarr:
    def __init__(self, group: Any, path: Path) -> None:
        self._group, self._path = group, path

    def begin(self, specs: Mapping[str, Spec]) -> None:
        _no_text(self._path, specs)
        _room(self._path, specs)
        for key, (shape, dtype) in specs.items():
            make = getattr(self._group, "create_array", None) or self._group.create_dataset
            make(key, shape=shape, dtype=dtype, chunks=_chunks(shape, dtype))

    def put(self, key: str, start: int, rows: Array) -> None:
        values = stored(rows)
        if values.ndim:
            self._group[key][start : start + len(values)] = values
        else:
            self._group[key][...] = values


_CHUNK = 1 << 22
"""About how many bytes a chunk has."""


def _chunks(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, ...]:
    if not shape:
        return ()
    row = max(math.prod(shape[1:]) * dtype.itemsize, 1)
    return (max(min(shape[0], _CHUNK // row), 1), *(max(n, 1) for n in shape[1:]))


@contextmanager
def _zarr_store(path: Path) -> Iterator[Store]:
    zarr = _zarr()
    with replacing_folder(path) as temporary:
        yield _Zarr(zarr.open_group(str(temporary), mode="w"), path)


def _zarr() -> Any:
    try:
        import zarr  # noqa: PLC0415 (an extra)
    except ImportError:
        refuse(
            "PS948",
            "`.zarr` needs the package zarr",
            hint="pip install 'patchspec[zarr]'; `.h5` and `.npz` need nothing more",
        )
    return zarr


_STORES: Mapping[str, Callable[[Path], AbstractContextManager[Store]]] = {
    ".h5": _hdf5,
    ".npz": _npz,
    ".zarr": _zarr_store,
}
