"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from patchspec.problems import refuse


def check_target(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a target that exists or cannot be written."""
    if path.is_dir():
        refuse("PS905", f"`{path}` is a folder", hint="give the name of a file")
    if path.exists() and not force:
        refuse("PS904", f"`{path}` exists", hint="`--force` overwrites it")
    _check_parent(path)


def _check_parent(path: Path) -> None:
    parent = path.parent
    if not parent.is_dir():
        refuse("PS905", f"the folder `{parent}` does not exist", hint="make it first")
    if not os.access(parent, os.W_OK):
        refuse("PS905", f"nothing can be written in the folder `{parent}`")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well.

    Whatever happens, nothing else is left behind; PS905 where the disk does not take it.
    """
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        refuse("PS905", f"`{path}` cannot be written: {error.strerror or error}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        if path.exists():
            # A power cut must not take both: what stands there, and what takes its place.
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        refuse("PS905", f"`{path}` cannot be written: {error.strerror or error}")
    finally:
        temporary.unlink(missing_ok=True)


def check_folder(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a folder that exists or cannot be made.

    With `force` one that holds an unzipped model and nothing else gives way, and no other.
    """
    if path.exists() or path.is_symlink():
        if not force:
            refuse("PS904", f"`{path}` exists", hint="`--force` replaces an unzipped model")
        if not _holds_a_model_alone(path):
            hint = "it is no folder with an unzipped model and nothing else"
            refuse("PS904", f"`{path}` exists", hint=hint)
    _check_parent(path)


_MEMBERS = {"config.json", "metadata.json", "model.weights.h5", "assets"}


def _holds_a_model_alone(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    names = {one.name for one in path.iterdir()}
    return "config.json" in names and names <= _MEMBERS


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that takes its place when the block ends well."""
    # The way to it may lead through itself, and is gone once it moves.
    path = path.absolute().parent.resolve() / path.name
    with _temporary_folder(path.parent, path.name) as temporary:
        whole, old = temporary / "whole", temporary / "old"
        whole.mkdir()
        yield whole
        try:
            if path.exists():
                path.replace(old)
            whole.replace(path)
        except BaseException:
            if old.exists() and not path.exists():
                old.replace(path)
            raise


@contextlib.contextmanager
def placing(parent: Path, names: Sequence[str]) -> Iterator[Path]:
    """A temporary folder whose files of these names take their places when the block ends well.

    They go in order, so that what names the others comes last.
    """
    with _temporary_folder(parent, names[-1]) as temporary:
        yield temporary
        for name in names:
            (temporary / name).replace(parent / name)


@contextlib.contextmanager
def _temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    try:
        with tempfile.TemporaryDirectory(dir=parent, prefix=f".{name}.", suffix=".part") as made:
            yield Path(made)
    except OSError as error:
        refuse("PS905", f"`{parent / name}` cannot be written: {error.strerror or error}")


def check_room(path: Path, size: int) -> None:
    """Refuse (PS905) to begin a file beside which `size` bytes would not fit on the disk.

    HDF5 does not survive a disk that fills up while it writes, so the room is asked for before.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".room")
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, max(size, 1))
    except OSError as error:
        refuse("PS905", f"`{path}` needs {size:,} bytes: {error.strerror or error}")
    finally:
        os.close(handle)
        Path(name).unlink()


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write a text file whole or not at all."""
    check_target(path, force=force)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
