"""What a probe counted: a row for each tensor, in the order in which they are computed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from patchspec.probing.moments import Moments


@dataclass(frozen=True, slots=True, eq=False)
class TensorStatistics:
    """What is counted of one tensor or variable; nothing where it holds text."""

    key: str
    shape: tuple[int, ...]
    dtype: str
    moments: Moments | None
    gradient: Moments | None = None
    """Of the gradient with regard to it, where one was asked for and there is one."""

    @property
    def broken(self) -> int:
        """How many of its values are infinite or no number."""
        if self.moments is None:
            return 0
        return int(self.moments.nans.sum() + self.moments.infs.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """What a probe counted, and where the arrays are, if they were stored."""

    model: str
    samples: int
    tensors: tuple[TensorStatistics, ...]
    weights: tuple[TensorStatistics, ...] = ()
    of: str | None = None
    """Of what the gradients are."""
    path: Path | None = None
    left_out: tuple[str, ...] = ()
    """Tensors that nobody named and that have no row for each sample."""
    picture: Path | None = None
    """Where the histograms are, if they were drawn."""
    counted: bool = True
    """Whether values were counted, not shapes alone told."""

    @property
    def first_broken(self) -> TensorStatistics | None:
        """The first tensor with a value that is infinite or no number."""
        return next((one for one in self.tensors if one.broken), None)

    def __getitem__(self, key: str) -> TensorStatistics:
        """The row of a tensor or variable; KeyError where there is none."""
        for one in (*self.tensors, *self.weights):
            if one.key == key:
                return one
        raise KeyError(key)

    def __str__(self) -> str:
        from patchspec.review.probes import statistics_text  # noqa: PLC0415 (a later room)

        return statistics_text(self)

    def _repr_html_(self) -> str:
        from patchspec.review.probes import statistics_html  # noqa: PLC0415 (a later room)

        return statistics_html(self)
