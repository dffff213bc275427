"""The data that a model is given: arrays by input, checked against it, and read batch by batch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from keras.src import tree

from patchspec.probing.naming import end_names
from patchspec.probing.reading import Array, Chained, arrays_in
from patchspec.problems import did_you_mean, refuse, some

_KINDS = {"float": "fiub", "bfloat": "fiub", "int": "iub", "uint": "iub", "bool": "b"}
_WORDS = {"f": "floats", "i": "integers", "u": "integers", "b": "truth values", "U": "text"}


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a model; None in the shape is a size that is open."""

    name: str
    layer: str
    shape: tuple[int | None, ...]
    dtype: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Data:
    """What a model is given: one array for each input, in its order; none for one left out."""

    arrays: tuple[Array | Chained | None, ...]
    samples: int

    def rows(self, start: int, stop: int) -> list[Array | None]:
        """Some samples, read now."""
        return [None if one is None else np.asarray(one[start:stop]) for one in self.arrays]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some samples; a model that takes so many at once gets the last of them repeated."""

    start: int
    stop: int
    values: list[Array | None]

    @property
    def count(self) -> int:
        """How many samples it is of."""
        return self.stop - self.start


def inputs_of(function: Any) -> tuple[Input, ...]:
    """The inputs of a live model, in Keras's flattened order."""
    names = end_names(function._inputs_struct)
    return tuple(
        Input(
            name,
            symbol._keras_history.operation.name,
            tuple(symbol.shape),
            str(symbol.dtype),
            bool(getattr(symbol._keras_history.operation, "optional", False)),
        )
        for name, symbol in zip(names, tree.flatten(function._inputs_struct), strict=True)
    )


USUAL = 32
"""How many samples go in at once where nobody says."""


def batch_size_of(
    inputs: Sequence[Input], wanted: int | None, usual: int = USUAL
) -> tuple[int, bool]:
    """How many samples go in at once, and whether the model takes only so many; PS942."""
    fixed = {one.shape[0] for one in inputs if one.shape and one.shape[0] is not None}
    if wanted is not None and wanted < 1:
        refuse("PS942", f"a batch holds at least one sample, not {wanted}")
    if len(fixed) > 1:
        refuse(
            "PS942", f"the inputs of the model are of several batch sizes: {some(map(str, fixed))}"
        )
    for size in fixed:
        if wanted not in (None, size):
            refuse(
                "PS942",
                f"the model takes batches of {size}, not of {wanted}",
                hint="leave `--batch-size` out; a last batch that is not full is filled up, and "
                "what was added is cut off again",
            )
        return int(size or 1), True
    return wanted or usual, False


def batches(data: Data, size: int, *, fixed: bool) -> Iterator[Batch]:
    """The samples in order."""
    for start in range(0, data.samples, size):
        stop = min(start + size, data.samples)
        values = data.rows(start, stop)
        if fixed and stop - start < size:
            values = [None if one is None else _filled(one, size) for one in values]
        yield Batch(start, stop, values)


def _filled(rows: Array, size: int) -> Array:
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])


def open_data(said: Any, inputs: Sequence[Input]) -> Data:
    """The data in an array, in arrays by name, or in a file or folder, checked against the inputs.

    A file is `.npy` for a lone input, or `.npz` with an array for each; in a folder lies `NAME.npy`
    for each, or for a lone input any number of files, which follow one another in the order of
    their names. PS940 where it cannot be read, PS941 where it does not fit.
    """
    placed = _placed(arrays_in(said, [one.name for one in inputs]), inputs)
    for one, array in zip(inputs, placed, strict=True):
        if array is not None:
            _check(one, array)
    lengths = {
        one.name: array.shape[0]
        for one, array in zip(inputs, placed, strict=True)
        if array is not None
    }
    samples = next(iter(lengths.values()), 0)
    if len(set(lengths.values())) > 1:
        said_lengths = (f"`{name}` {length:,}" for name, length in lengths.items())
        refuse("PS941", f"the inputs are of different lengths: {', '.join(said_lengths)}")
    if not samples:
        refuse("PS941", "the data is empty: it holds no sample")
    return Data(tuple(placed), samples)


def open_labels(said: Any, names: Sequence[str], samples: int) -> tuple[Array | Chained, ...]:
    """Labels for the outputs of these names, in their order, from what `open_data` takes.

    PS951 where they are not there for each output and each sample; the loss says what else is
    wrong with them.
    """
    found = arrays_in(said, names)
    if len(names) == 1 and len(found) == 1:
        labels = list(found.values())
    else:
        labels = [found[name] for name in names if name in found]
    if len(labels) != len(names) or len(found) != len(names):
        refuse(
            "PS951",
            f"the labels are {some(name or 'one array' for name in found)}",
            hint=f"the outputs are {some(names)}",
        )
    for one in labels:
        if not one.shape or one.shape[0] != samples or one.dtype.kind not in "fiub":
            refuse(
                "PS951",
                f"the labels are of shape {list(one.shape)} and dtype {one.dtype.name} for "
                f"{samples:,} samples",
            )
    return tuple(labels)


def _placed(
    found: Mapping[str, Array | Chained], inputs: Sequence[Input]
) -> list[Array | Chained | None]:
    """The arrays in the order of the inputs; a lone array for a lone input may have any name."""
    if len(found) == 1 and len(inputs) == 1:
        return list(found.values())
    names = [one.name for one in inputs]
    if "" in found:
        refuse(
            "PS941",
            f"the model has {len(inputs)} inputs, and the data is one array",
            notes=[f"the inputs are {some(names)}"],
            hint="give a `.npz`, or a folder, with an array for each",
        )
    left = dict(found)
    placed = [left.pop(one.name, left.pop(one.layer, None)) for one in inputs]
    if left:
        name = next(iter(left))
        refuse(
            "PS941",
            f"the model has no input `{name}`",
            notes=[f"the inputs are {some(names)}"],
            hint=did_you_mean(name, names),
        )
    missing = [
        one.name
        for one, array in zip(inputs, placed, strict=True)
        if array is None and not one.optional
    ]
    if missing:
        refuse(
            "PS941",
            f"the data has no array for the input `{missing[0]}`",
            notes=[f"it has {some(found)}"] if found else ["it has none"],
        )
    return placed


def _check(one: Input, array: Array | Chained) -> None:
    """Refuse (PS941) an array that an input does not take as it is."""
    shape = array.shape
    wanted = "[" + ", ".join("?" if n is None else str(n) for n in one.shape) + "]"
    fits = len(shape) == len(one.shape) and all(
        n is None or n == m for n, m in zip(one.shape[1:], shape[1:], strict=True)
    )
    if not fits:
        hint = None
        if len(shape) == len(one.shape) - 1:
            hint = "the first axis counts the samples: a lone one needs it too"
        elif math.prod(shape[1:]) == math.prod(n or 0 for n in one.shape[1:]):
            hint = "it holds as many values: reshape it"
        refuse(
            "PS941",
            f"the data for `{one.name}` is of shape {list(shape)}, the input of {wanted}",
            hint=hint,
        )
    kind = array.dtype.kind
    if one.dtype == "string":
        takes = "USO" if _is_text(array) else "US"
    else:
        takes = _KINDS[one.dtype.rstrip("0123456789")]
    if kind not in takes and array.dtype.name != "bfloat16":
        said = _WORDS.get(kind, "bytes of no dtype that NumPy knows" if kind == "V" else "")
        what = f"{array.dtype.name}{f' ({said})' if said else ''}"
        refuse("PS941", f"the data for `{one.name}` is {what}, the input takes {one.dtype}")


def _is_text(array: Array | Chained) -> bool:
    return array.dtype == object and all(isinstance(one, (str, bytes)) for one in array[:1].flat)
