"""TensorFlow.js layers models: `model.json` with a topology of Keras, and binary shards beside it.

The form, by `tfjs-core/src/io/types.ts` and `io_utils.ts`: `modelTopology` is a Keras config;
`weightsManifest` lists groups of `paths` and `weights`. The files of a group, one after the other,
are the bytes of its weights, in order and without gaps, little-endian. A quantized weight is stored
in fewer bits, and read as tfjs does: `value * scale + min` in double precision, then rounded to
float32; or as a half-precision float.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from patchspec.models.base import Base, Variable
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.shards import existing, shard
from patchspec.problems import refuse, some

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DIMENSIONS = 32
_SIZES = {"float32": 4, "int32": 4, "bool": 1, "uint8": 1, "uint16": 2, "float16": 2}
_STORED = {"float32": "<f4", "int32": "<i4", "bool": "?", "uint8": "u1", "uint16": "<u2",
           "float16": "<f2"}  # fmt: skip
_DTYPES = ("float32", "int32", "bool")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One weight of the manifest: what it is, and how its bytes are read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    stored: str
    scale: float
    least: float

    @property
    def size(self) -> int:
        """Bytes in the shards."""
        size = _SIZES[self.stored]
        for n in self.shape:
            size *= n
        return size


def is_tfjs(said: Any) -> bool:
    """Whether a JSON value is a model of TensorFlow.js."""
    return isinstance(said, Mapping) and "modelTopology" in said


def check_layers_model(said: Mapping[str, Any], name: str) -> None:
    """PS925 for a graph model, which is a TensorFlow graph and has no layers."""
    topology = said["modelTopology"]
    if said.get("format") == "graph-model" or (
        isinstance(topology, Mapping) and "node" in topology
    ):
        refuse(
            "PS925",
            f"`{name}` is a graph model of TensorFlow.js: operations of TensorFlow, no layers",
            hint="convert the Keras model with `--output_format tfjs_layers_model`, or patch the "
            "Keras model that it was made from",
        )


def with_shards(base: Base, found: Upgraded, said: Mapping[str, Any], path: Path) -> Base:
    """The model with the weights of its shards, or without any where no shard is there.

    PS924 where the manifest and the shards do not agree or a weight is stored in a way that is not
    known, PS902 where some shards are missing, PS923 where one lies elsewhere, PS913 and PS508
    where the weights do not fit.
    """
    name = str(path)
    groups = _groups(said.get("weightsManifest"), name)
    files = [[shard(path.parent, one, name) for one in paths] for paths, _ in groups]
    listed = [file for group in files for file in group]
    missing = [file.name for file in listed if not file.is_file()]
    if not listed or len(missing) == len(listed):
        why = "it names no weights" if not listed else f"the shards are not there: {some(missing)}"
        return replace(base, no_weights=f"{why}; put them beside it, or give `--weights FILE`")
    if missing:
        refuse(
            "PS902",
            f"`{name}` lacks {len(missing)} of its {len(listed)} shards: {some(missing)}",
            hint="put them into its folder, or take all away to open it without weights",
        )
    from patchspec.models.fitting import check_shapes  # noqa: PLC0415 (the core reads no weights)
    from patchspec.models.weight_names import placed, weight  # noqa: PLC0415 (as above)

    by_layer: dict[str, list[Any]] = {}
    for (_, entries), group in zip(groups, files, strict=True):
        for entry, read in _located(entries, group, name):
            value = Variable("", entry.shape, entry.dtype, read)
            by_layer.setdefault(entry.name.partition("/")[0], []).append(
                weight(entry.name, value, keras1=False)
            )
    variables = placed(base.graph, by_layer, found, name, theano=False)
    check_shapes(base, variables, name)
    return replace(base, variables=variables)


def _groups(manifest: Any, name: str) -> list[tuple[list[Any], list[_Entry]]]:
    if manifest is None:
        return []
    try:
        groups = [(list(g["paths"]), [_entry(w, name) for w in g["weights"]]) for g in manifest]
    except (KeyError, TypeError, ValueError) as error:
        _unlike(name, f"has a `weightsManifest` that is not whole: {type(error).__name__} {error}")
    counts = Counter(entry.name for _, entries in groups for entry in entries)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        _unlike(name, f"lists weights twice: {some(twice)}")
    return groups


def _entry(said: Mapping[str, Any], name: str) -> _Entry:
    key, dtype, shape = str(said["name"]), str(said["dtype"]), tuple(said["shape"])
    natural = all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
    if not natural or len(shape) > MAX_DIMENSIONS:
        _unlike(name, f"gives `{key}` the shape {list(shape)}")
    if dtype not in _DTYPES:
        _unlike(name, f"holds `{key}` as `{dtype}`, which is no weight of a layer")
    quantized = said.get("quantization")
    if quantized is None:
        return _Entry(key, shape, dtype, dtype, 1.0, 0.0)
    stored = str(quantized["dtype"])
    affine = stored in ("uint8", "uint16") and dtype in ("float32", "int32")
    if not affine and (stored, dtype) != ("float16", "float32"):
        _unlike(name, f"holds `{key}`, a {dtype}, quantized as `{stored}`")
    scale, least = (float(quantized[k]) for k in ("scale", "min")) if affine else (1.0, 0.0)
    return _Entry(key, shape, dtype, stored, scale, least)


def _unlike(name: str, what: str) -> NoReturn:
    refuse(
        "PS924",
        f"`{name}` {what}",
        hint="weights are float32, int32 or bool, or quantized to uint8, uint16 or float16, as "
        "tensorflowjs_converter writes them",
    )


def _located(
    entries: Sequence[_Entry], files: Sequence[Path], name: str
) -> list[tuple[_Entry, Callable[[], NDArray[Any]]]]:
    """Every weight of a group with a reader; the sizes are held against the files first."""
    sizes = [file.stat().st_size for file in files]
    wanted = sum(entry.size for entry in entries)
    if sum(sizes) != wanted:
        _unlike(
            name,
            f"lists weights of {wanted} bytes, its shards {some(f.name for f in files)} have "
            f"{sum(sizes)}",
        )
    found = []
    at = 0
    for entry in entries:
        found.append((entry, _reader(entry, files, sizes, at)))
        at += entry.size
    return found


def _reader(
    entry: _Entry, files: Sequence[Path], sizes: Sequence[int], at: int
) -> Callable[[], NDArray[Any]]:
    def read() -> NDArray[Any]:
        import numpy as np  # noqa: PLC0415 (the core never imports NumPy)

        stored = np.frombuffer(_bytes(files, sizes, at, entry.size), _STORED[entry.stored])
        return _value(stored, entry).reshape(entry.shape)

    return read


def _value(stored: NDArray[Any], entry: _Entry) -> NDArray[Any]:
    """What tfjs makes of the stored numbers: JavaScript computes in double precision."""
    import numpy as np  # noqa: PLC0415

    if entry.stored not in ("uint8", "uint16"):
        return stored.astype(entry.dtype)
    exact = stored.astype(np.float64) * entry.scale + entry.least
    # JavaScript rounds halves up, NumPy to even.
    return (np.floor(exact + 0.5) if entry.dtype == "int32" else exact).astype(entry.dtype)


def _bytes(files: Sequence[Path], sizes: Sequence[int], at: int, size: int) -> bytes:
    """A stretch of the files of a group, taken as one."""
    parts = []
    start = 0
    for file, length in zip(files, sizes, strict=True):
        begin, end = max(at, start), min(at + size, start + length)
        if begin < end:
            with existing(file, "the model").open("rb") as opened:
                opened.seek(begin - start)
                parts.append(opened.read(end - begin))
        start += length
    content = b"".join(parts)
    if len(content) != size:
        refuse("PS924", f"{some(f.name for f in files)} changed while it was read")
    return content
