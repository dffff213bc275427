"""Writing variables alone, by path: `.npz` or `.safetensors`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from patchspec.models.base import Variable
from patchspec.models.files import check_target, replacing
from patchspec.problems import refuse

SUFFIXES = (".npz", ".safetensors")


def check_weights_target(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a suffix that is not written (PS922) or a bad target."""
    if path.suffix not in SUFFIXES:
        refuse(
            "PS922",
            f"weights are not written as `{path.name}`",
            hint="give a name that ends in `.npz` or `.safetensors`; a `.keras` file holds the "
            "whole model",
        )
    check_target(path, force=force)
    if path.suffix == ".safetensors":
        from patchspec.models.safetensors_file import require  # noqa: PLC0415 (imports NumPy)

        require(str(path))


def write_weights(path: Path, variables: Iterable[Variable], *, force: bool = False) -> Path:
    """Write variables by path, whole or not at all; the same values give the same bytes.

    PS904 where the file exists and `force` is not given, PS905 where it cannot be written, PS920
    where `.safetensors` is asked for and its package is missing, PS922 for another suffix.
    """
    check_weights_target(path, force=force)
    with replacing(path) as temporary:
        if path.suffix == ".npz":
            from patchspec.models.npz import write_npz  # noqa: PLC0415 (the core reads no weights)

            write_npz(temporary, variables)
        else:
            from patchspec.models.safetensors_file import write_safetensors  # noqa: PLC0415

            write_safetensors(temporary, variables, str(path))
    return path
