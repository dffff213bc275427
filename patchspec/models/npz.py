"""NumPy's `.npz`: a zip with one `.npy` for each variable, read as numbers alone and written dated.

bfloat16 is no dtype of NumPy's own. Its two bytes stand as `|V2`, as Keras stores them in HDF5.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from patchspec.models.archive import MAX_RATIO, RATIO_FLOOR, ZIP_DAMAGE
from patchspec.models.base import Variable
from patchspec.models.content import Window, opened
from patchspec.models.writer import FIXED_DATE
from patchspec.problems import refuse

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_MEMBERS = 200_000
MAX_HEADER = 10_000
_VERSIONS = {(1, 0), (2, 0)}
_BRAIN = np.dtype("V2")


def read_npz(path: Path) -> dict[str, Variable]:
    """The variables in a file by key; each value is read when it is asked for.

    What a header claims is held against what the zip says is stored before anything is read: PS703
    where they differ, where a member could be a bomb, or where one holds Python objects.
    """
    name = str(path)
    try:
        archive = zipfile.ZipFile(Window(opened(name)))
        infos = archive.infolist()
        _check(infos, name)
        return {
            info.filename.removesuffix(".npy"): _variable(archive, info, name) for info in infos
        }
    except (*ZIP_DAMAGE, OSError) as error:
        refuse("PS903", f"`{name}` is not a whole `.npz` file: {error}", hint="it may be truncated")


def _check(infos: list[zipfile.ZipInfo], name: str) -> None:
    seen: set[str] = set()
    if len(infos) > MAX_MEMBERS:
        _unsafe(name, f"holds more than {MAX_MEMBERS} members")
    for info in infos:
        if info.filename in seen:
            _unsafe(name, f"holds `{info.filename}` twice, so that readers would disagree")
        seen.add(info.filename)
        if not info.filename.endswith(".npy") or info.flag_bits & 0x1:
            _unsafe(name, f"holds `{info.filename}`, which is no array, or is encrypted")
        if info.file_size > RATIO_FLOOR and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            _unsafe(name, f"holds `{info.filename}`, which unpacks to {info.file_size} bytes")


def _unsafe(name: str, what: str) -> NoReturn:
    refuse("PS703", f"`{name}` {what}", hint="do not use this file")


def _variable(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Variable:
    key = info.filename.removesuffix(".npy")
    with archive.open(info) as member:
        try:
            version = np.lib.format.read_magic(member)
            if version not in _VERSIONS:
                refuse("PS903", f"`{key}` in `{name}` is of the version {version} of `.npy`")
            read_header = (
                np.lib.format.read_array_header_1_0
                if version == (1, 0)
                else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read_header(member, max_header_size=MAX_HEADER)
        except ValueError as error:
            refuse("PS903", f"`{key}` in `{name}` is no `.npy` array: {error}")
        start = member.tell()
    if dtype.hasobject:
        _unsafe(name, f"holds Python objects under `{key}`, which only running code could make")
    if dtype != _BRAIN and dtype.kind not in "fiubc":
        _unsafe(name, f"holds {dtype} under `{key}`, which is no number")
    size = dtype.itemsize
    for n in shape:
        size *= n
    if start + size != info.file_size:
        _unsafe(name, f"claims {size} bytes for `{key}` and stores {info.file_size - start}")
    said = "bfloat16" if dtype == _BRAIN else dtype.newbyteorder("=").name
    return Variable(key, tuple(shape), said, _reader(archive, info, name))


def _reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str
) -> Callable[[], NDArray[Any]]:
    def read() -> NDArray[Any]:
        try:
            with archive.open(info) as member:
                value = np.lib.format.read_array(
                    member, allow_pickle=False, max_header_size=MAX_HEADER
                )
        except (*ZIP_DAMAGE, ValueError, OSError) as error:
            refuse("PS903", f"`{info.filename}` in `{name}` cannot be read: {error}")
        if value.dtype == _BRAIN:
            import ml_dtypes  # noqa: PLC0415 (comes with Keras; only bfloat16 needs it)

            brain: NDArray[Any] = np.ascontiguousarray(value).view(ml_dtypes.bfloat16)
            return brain.reshape(value.shape)
        return np.asarray(value, dtype=value.dtype.newbyteorder("="), order="C")

    return read


def write_npz(path: Path, variables: Iterable[Variable]) -> None:
    """Write variables by path, sorted, each with the same date: the same values, the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for variable in sorted(variables, key=lambda v: v.path):
            value = np.asarray(variable.read())
            if variable.dtype == "bfloat16":
                value = np.ascontiguousarray(value).view(_BRAIN).reshape(variable.shape)
            info = zipfile.ZipInfo(f"{variable.path}.npy", FIXED_DATE)
            info.external_attr = 0o644 << 16
            with archive.open(info, "w", force_zip64=value.nbytes >= 1 << 31) as member:
                little = value.astype(value.dtype.newbyteorder("<"), order="C", copy=False)
                np.lib.format.write_array(member, little, version=(1, 0), allow_pickle=False)
