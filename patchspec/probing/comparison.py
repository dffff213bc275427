"""Two models on the same data: where their tensors part, and by how much.

Both run batch by batch, side by side, and of each tensor that both have only the distance is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from patchspec.probing.calls import Tensor
from patchspec.probing.data import batch_size_of, inputs_of, open_data
from patchspec.probing.moments import SLICE, is_number
from patchspec.probing.naming import find_tensors
from patchspec.probing.probe import listed, opened
from patchspec.probing.reading import Array
from patchspec.probing.running import Progress, graph_of, run, usual_batch
from patchspec.problems import PatchError, refuse, some

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Distance:
    """How far apart two arrays of one shape are.

    Values that are no numbers on both sides, or the same infinity, are alike; where only one side
    has such a value the distance is infinite.
    """

    count: int = 0
    parted: int = 0
    """How many values are farther apart than the tolerance."""
    largest: float = 0.0
    total: float = 0.0
    relative: float = 0.0
    """The largest distance as a share of the larger of both values."""

    @classmethod
    def of(cls, one: Array, other: Array, atol: float = 0.0, rtol: float = 0.0) -> Distance:
        """Between two arrays; as in NumPy the tolerance is atol plus rtol times the first value."""
        flat, theirs = one.reshape(-1), other.reshape(-1)
        starts = range(0, one.size, SLICE)
        parts = (_distance(flat[i : i + SLICE], theirs[i : i + SLICE], atol, rtol) for i in starts)
        return reduce(cls.merged, parts, cls())

    def merged(self, other: Distance) -> Distance:
        """That of both together."""
        return Distance(
            self.count + other.count,
            self.parted + other.parted,
            max(self.largest, other.largest),
            self.total + other.total,
            max(self.relative, other.relative),
        )

    @property
    def mean(self) -> float:
        """The mean distance."""
        return self.total / self.count if self.count else 0.0


def _distance(one: Array, other: Array, atol: float, rtol: float) -> Distance:
    if np.array_equal(one, other):
        return Distance(one.size)
    if not (is_number(one) and is_number(other)):
        parted = int((one != other).sum())
        return Distance(one.size, parted, float(parted > 0), float(parted), float(parted > 0))
    a, b = one.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        apart = np.where(same, 0.0, np.abs(a - b))
        apart[np.isnan(apart)] = np.inf
        near = same | (np.isfinite(apart) & (apart <= atol + rtol * np.abs(a)))
        share = np.where(same, 0.0, apart / np.maximum(np.abs(a), np.abs(b)))
        share[np.isnan(share)] = np.inf
    return Distance(
        a.size, int((~near).sum()), float(apart.max()), float(apart.sum()), float(share.max())
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """One tensor that both models have; no distance where their shapes differ."""

    key: str
    shape: Shape
    other_shape: Shape
    distance: Distance | None

    @property
    def parts(self) -> bool:
        """Whether it differs by more than the tolerance."""
        return self.distance is None or self.distance.parted > 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every tensor that two models have in common, in the order in which they are computed."""

    model: str
    other: str
    samples: int
    atol: float
    rtol: float
    tensors: tuple[Compared, ...]
    only_model: tuple[str, ...]
    only_other: tuple[str, ...]

    @property
    def first(self) -> Compared | None:
        """Where the models part; none where they are alike."""
        return next((one for one in self.tensors if one.parts), None)

    @property
    def alike(self) -> bool:
        """Whether no tensor that both have differs by more than the tolerance."""
        return self.first is None

    def __getitem__(self, key: str) -> Compared:
        """The row of a tensor; KeyError where it is not one of both."""
        for one in self.tensors:
            if one.key == key:
                return one
        raise KeyError(key)

    def __str__(self) -> str:
        from patchspec.review.comparisons import comparison_text  # noqa: PLC0415 (a later room)

        return comparison_text(self)

    def _repr_html_(self) -> str:
        from patchspec.review.comparisons import comparison_html  # noqa: PLC0415 (a later room)

        return comparison_html(self)


def compare(
    model: Any,
    other: Any,
    data: Any,
    tensors: Any = (),
    *,
    atol: float = 0.0,
    rtol: float = 0.0,
    batch_size: int | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    names: tuple[str, str] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Where two models part on the same data; see `patchspec.compare`."""
    one, two = opened(model, custom_objects), opened(other, custom_objects)
    mine, theirs = _tensors(one, two, listed(tensors))
    common = mine.keys() & theirs.keys()
    if not common:
        refuse(
            "PS949",
            "the models have no tensor in common",
            notes=[f"one has {some(mine)}", f"the other has {some(theirs) or 'none of them'}"],
        )
    keys = [key for key in mine if key in common]
    inputs = [inputs_of(graph_of(m)) for m in (one, two)]
    usual = usual_batch([mine[key] for key in keys])
    sizes = [batch_size_of(each, batch_size, usual) for each in inputs]
    wanted = {size for size, fixed in sizes if fixed} or {sizes[0][0]}
    if len(wanted) > 1:
        refuse("PS942", f"the models take batches of {' and of '.join(map(str, sorted(wanted)))}")
    [size] = wanted
    feeds = [open_data(data, each) for each in inputs]
    called = names or (
        one.name if one is model else str(model),
        two.name if two is other else str(other),
    )
    runs = [
        run(
            m,
            [found[key] for key in keys],
            feed,
            size,
            fixed=fixed,
            lenient=not listed(tensors),
            progress=told,
        )
        for m, found, feed, (_, fixed), told in (
            (one, mine, feeds[0], sizes[0], None),
            (two, theirs, feeds[1], sizes[1], progress),
        )
    ]
    shapes: dict[str, tuple[Shape, Shape]] = {}
    distances: dict[str, Distance] = {}
    # `zip` would hold on to a pair while it makes the next.
    while (here := next(runs[0], None)) is not None and (there := next(runs[1], None)) is not None:
        for key in here.arrays.keys() & there.arrays.keys():
            a, b = here.arrays[key], there.arrays[key]
            shapes[key] = (a.shape[1:], b.shape[1:])
            if a.shape == b.shape:
                new = Distance.of(a, b, atol, rtol)
                distances[key] = distances.get(key, Distance()).merged(new)
        del here, there, a, b
    return Comparison(
        *called,
        feeds[0].samples,
        atol,
        rtol,
        tuple(Compared(key, *shapes[key], distances.get(key)) for key in keys if key in shapes),
        tuple(key for key in mine if key not in common),
        tuple(key for key in theirs if key not in common),
    )


def _tensors(
    model: Any, other: Any, said: Sequence[Any]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The tensors that are meant, by key, of both; what one lacks is no fault of the other."""
    mine = {one.key: one for one in find_tensors(said, model, graph_of(model))}
    theirs: dict[str, Tensor] = {}
    for one in said or (None,):
        try:
            found = find_tensors(() if one is None else (one,), other, graph_of(other))
        except PatchError:
            continue
        theirs |= {tensor.key: tensor for tensor in found}
    return mine, theirs
