"""What is done with arrays as they come out of a model: stored, counted, kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from patchspec.probing.calls import GRADIENT, WEIGHTS, Call, Tensor
from patchspec.probing.histograms import Histogram, Spread, form_of
from patchspec.probing.moments import Moments, channel_axes, is_number
from patchspec.probing.reading import Array
from patchspec.probing.running import Values
from patchspec.probing.statistics import Statistics, TensorStatistics
from patchspec.probing.stores import Store, spec_of, stored


class Taker(Protocol):
    """Somebody to whom arrays are handed."""

    def take(self, values: Values) -> None:
        """The next rows of every tensor."""

    def whole(self, arrays: Mapping[str, Array]) -> None:
        """Arrays that come at once: variables, and gradients with regard to them."""


class Storing:
    """Puts everything into a store, as it comes."""

    def __init__(self, store: Store, samples: int) -> None:
        self._store, self._samples = store, samples

    def take(self, values: Values) -> None:
        """Write the rows; of what begins with them, the whole is known."""
        if values.start == 0:
            specs = {k: spec_of(rows, self._samples) for k, rows in values.arrays.items()}
            self._store.begin(specs)
        for key, rows in values.arrays.items():
            self._store.put(key, values.start, rows)

    def whole(self, arrays: Mapping[str, Array]) -> None:
        """Write the arrays."""
        self._store.begin({k: (one.shape, stored(one).dtype) for k, one in arrays.items()})
        for key, one in arrays.items():
            self._store.put(key, 0, one)


class Keeping:
    """Keeps everything in memory."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Array]] = {}

    def take(self, values: Values) -> None:
        """Keep the rows."""
        for key, rows in values.arrays.items():
            self._parts.setdefault(key, []).append(stored(rows))

    def whole(self, arrays: Mapping[str, Array]) -> None:
        """Keep the arrays."""
        for key, one in arrays.items():
            self._parts[key] = [stored(one)]

    def arrays(self) -> dict[str, Array]:
        """Every array by key."""
        return {k: p[0] if len(p) == 1 else np.concatenate(p) for k, p in self._parts.items()}


class Counting:
    """Counts everything, or tells its shapes alone, and keeps nothing of it."""

    def __init__(
        self, wanted: tuple[Tensor, ...], calls: tuple[Call, ...], *, moments: bool = True
    ) -> None:
        self._wanted = [tensor.key for tensor in wanted]
        self._axes = channel_axes(wanted, calls)
        self._counts = moments
        self._moments: dict[str, Moments | None] = {}
        self._forms: dict[str, tuple[tuple[int, ...], str]] = {}

    def take(self, values: Values) -> None:
        """Count the rows."""
        for key, rows in values.arrays.items():
            axis = self._axes[key.removeprefix(f"{GRADIENT}/")]
            self._count(key, rows, axis)

    def whole(self, arrays: Mapping[str, Array]) -> None:
        """Count the arrays, whose last axis is that of the channels."""
        for key, one in arrays.items():
            self._count(key, one, -1)

    def _moments_of(self, rows: Array, axis: int, *, whole: bool) -> Moments | None:
        if not self._counts or not is_number(rows):
            return None
        return Moments.of(rows.reshape(1, -1) if whole and rows.ndim == 1 else rows, axis)

    def _count(self, key: str, rows: Array, axis: int) -> None:
        whole = key.removeprefix(f"{GRADIENT}/").startswith(f"{WEIGHTS}/")
        new = self._moments_of(rows, axis, whole=whole)
        old = self._moments.get(key)
        self._moments[key] = new if old is None or new is None else old.merged(new)
        shape = rows.shape if whole else rows.shape[1:]
        self._forms[key] = (shape, rows.dtype.name if is_number(rows) else "string")

    def statistics(self, model: str, samples: int, of: str | None, path: Path | None) -> Statistics:
        """What was counted."""
        rows = [
            TensorStatistics(key, *form, self._moments[key], self._moments.get(f"{GRADIENT}/{key}"))
            for key, form in self._forms.items()
            if not key.startswith(f"{GRADIENT}/")
        ]
        weights = tuple(row for row in rows if row.key.startswith(f"{WEIGHTS}/"))
        tensors = tuple(row for row in rows if not row.key.startswith(f"{WEIGHTS}/"))
        left_out = tuple(key for key in self._wanted if key not in self._forms)
        return Statistics(
            model, samples, tensors, weights, of, path, left_out, counted=self._counts
        )


class Spreading:
    """Counts how the numbers of everything are spread; text has no place among them."""

    def __init__(self) -> None:
        self._spreads: dict[str, Spread] = {}
        self._forms: dict[str, tuple[str, tuple[int, ...]]] = {}

    def take(self, values: Values) -> None:
        """Count the rows."""
        for key, rows in values.arrays.items():
            self._count(key, rows, (values.stop, *rows.shape[1:]))

    def whole(self, arrays: Mapping[str, Array]) -> None:
        """Count the arrays."""
        for key, one in arrays.items():
            self._count(key, one, one.shape)

    def _count(self, key: str, rows: Array, shape: tuple[int, ...]) -> None:
        if not is_number(rows):
            return
        new, old = Spread.of(rows), self._spreads.get(key)
        self._spreads[key] = new if old is None else old.merged(new)
        self._forms[key] = rows.dtype.name, shape

    def histograms(self) -> list[Histogram]:
        """Tensors in the order in which they are computed, then variables; gradients follow."""

        def place(key: str) -> bool:
            return key.startswith(f"{WEIGHTS}/")

        owners = [key for key in self._spreads if not key.startswith(f"{GRADIENT}/")]
        keys = [k for one in sorted(owners, key=place) for k in (one, f"{GRADIENT}/{one}")]
        return [
            self._spreads[key].histogram(key, form_of(*self._forms[key]))
            for key in keys
            if key in self._spreads
        ]
