"""Writing variables alone: by path to `.npz` or `.safetensors`, or as Keras 3 stores them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.files import check_target, replacing
from patchspec.models.shards import shards_of
from patchspec.problems import refuse

SUFFIXES = (".npz", ".safetensors", ".weights.h5", ".weights.json")


def check_weights_target(path: Path, *, force: bool) -> None:
    """Refuse, before any work is done, a suffix that is not written (PS922) or a bad target."""
    if not path.name.endswith(SUFFIXES):
        refuse(
            "PS922",
            f"weights are not written as `{path.name}`",
            hint="give a name that ends in `.npz` or `.safetensors`, or as Keras has it in "
            "`.weights.h5` or `.weights.json`; a `.keras` file holds the whole model",
        )
    check_target(path, force=force)
    if path.suffix == ".safetensors":
        from patchspec.models.safetensors_file import require  # noqa: PLC0415 (imports NumPy)

        require(str(path))


def write_weights(
    path: Path,
    variables: Iterable[Variable],
    *,
    graph: Graph | None = None,
    force: bool = False,
    shard_size: int | None = None,
) -> Path:
    """Write the variables of a model, whole or not at all; the same values give the same bytes.

    `.npz` and `.safetensors` have them by path, `.weights.h5` and the shards of `.weights.json` as
    Keras 3 stores them, for which the `graph` is needed; a shard has at most `shard_size` bytes.

    PS904 where the file exists and `force` is not given, PS905 where it cannot be written, PS920
    where `.safetensors` is asked for and its package is missing, PS922 for another suffix.
    """
    check_weights_target(path, force=force)
    if path.suffix == ".json":
        assert graph is not None
        from patchspec.models.shards_out import SHARD_SIZE, write_shards  # noqa: PLC0415

        write_shards(path, graph, variables, size=shard_size or SHARD_SIZE, force=force)
        return path
    with replacing(path) as temporary:
        if path.suffix == ".h5":
            assert graph is not None
            from patchspec.models.shards_out import write_hdf5  # noqa: PLC0415 (imports h5py)

            write_hdf5(temporary, graph, variables)
            return path
        if path.suffix == ".npz":
            from patchspec.models.npz import write_npz  # noqa: PLC0415 (the core reads no weights)

            write_npz(temporary, variables)
        else:
            from patchspec.models.safetensors_file import write_safetensors  # noqa: PLC0415

            write_safetensors(temporary, variables, str(path))
    return path


def remove_weights(path: Path) -> None:
    """Take away what `write_weights` wrote, the shards of a `.weights.json` too."""
    if path.suffix == ".json":
        for name in shards_of(path):
            path.with_name(name).unlink(missing_ok=True)
    path.unlink(missing_ok=True)
