"""Arrays for a model, in memory or from files, by name.

What lies in a `.npy` file is mapped and not read; so is what lies in a folder. Python objects are
refused.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from patchspec.models.archive import ZIP_DAMAGE
from patchspec.problems import refuse

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Chained:
    """Arrays one after the other, read as one."""

    parts: tuple[Array, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole."""
        return (sum(len(part) for part in self.parts), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype, which all parts have."""
        found: np.dtype[Any] = self.parts[0].dtype
        return found

    def __getitem__(self, rows: slice) -> Array:
        start, stop, _ = rows.indices(self.shape[0])
        found, before = [], 0
        for part in self.parts:
            found.append(part[max(start - before, 0) : max(stop - before, 0)])
            before += len(part)
        return np.concatenate(found)


def arrays_in(said: Any, names: Sequence[str]) -> dict[str, Array | Chained]:
    """Arrays by name, from whatever holds them; a lone one may have none."""
    if isinstance(said, (str, Path)):
        return _read(Path(said), names)
    if isinstance(said, Mapping):
        return {str(name): _plain(value) for name, value in said.items()}
    return {"": _plain(said)}


def _plain(value: Any) -> Array:
    array = np.asarray(value)
    if array.dtype == object and all(isinstance(one, (str, bytes)) for one in array.flat):
        return array.astype(str) if array.size else array
    return array


def _read(path: Path, names: Sequence[str]) -> dict[str, Array | Chained]:
    if path.is_dir():
        return _read_folder(path, names)
    if not path.is_file():
        refuse("PS940", f"there is no data at `{path}`", hint="give a `.npy`, a `.npz` or a folder")
    if path.suffix == ".npz":
        return _read_npz(path)
    if path.suffix == ".npy":
        return {"": _mapped(path)}
    refuse(
        "PS940",
        f"`{path}` is neither `.npy` nor `.npz`",
        hint="`numpy.save` and `numpy.savez` write such files",
    )


def _read_npz(path: Path) -> dict[str, Array | Chained]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, TypeError, AttributeError, EOFError, OSError, *ZIP_DAMAGE) as error:
        _unreadable(path, error)


def _read_folder(path: Path, names: Sequence[str]) -> dict[str, Array | Chained]:
    files = sorted(one for one in path.iterdir() if one.suffix == ".npy" and one.is_file())
    if not files:
        refuse("PS940", f"the folder `{path}` holds no `.npy` file")
    if len(names) > 1:
        return {one.stem: _mapped(one) for one in files}
    parts = [_mapped(one) for one in files]
    kinds = {(part.shape[1:], part.dtype.str) for part in parts}
    if len(kinds) > 1 or not parts[0].shape:
        different = next(
            (one.name for one, part in zip(files, parts, strict=True)
             if part.shape[1:] != parts[0].shape[1:] or part.dtype != parts[0].dtype),
            files[0].name,
        )  # fmt: skip
        refuse(
            "PS940",
            f"the files in `{path}` do not follow one another: `{different}` is of another shape "
            f"or dtype than `{files[0].name}`",
        )
    return {"": parts[0] if len(parts) == 1 else Chained(tuple(parts))}


def _mapped(path: Path) -> Array:
    try:
        try:
            found: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError:
            # What is empty cannot be mapped, nor can text of some kinds.
            found = np.load(path, allow_pickle=False)
    except (ValueError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        _unreadable(path, error)
    if not isinstance(found, np.ndarray):
        refuse("PS940", f"`{path}` is no `.npy` array", hint="a `.npz` must be called so")
    return found


def _unreadable(path: Path, error: BaseException) -> NoReturn:
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "truncated"
    objects = "allow_pickle" in reason or "Object arrays" in reason or "Python objects" in reason
    refuse(
        "PS940",
        f"`{path}` holds Python objects, which are never read"
        if objects
        else f"`{path}` cannot be read: {reason.splitlines()[0]}",
        hint="store plain numbers or text" if objects else None,
    )
