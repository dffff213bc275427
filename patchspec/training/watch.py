"""A callback that writes, epoch by epoch, what tensors and weights of a model do as it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from patchspec.building.live import base_of
from patchspec.building.variables import as_array, holders, is_variable
from patchspec.graph.selectors import select
from patchspec.probing.probe import Job, carry_out, job_for
from patchspec.probing.takers import Keeping
from patchspec.problems import refuse
from patchspec.training.events import Array, EventLog, require_tensorboard


class Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Record tensors and weights of a model in training, for TensorBoard.

        variant.model.fit(x, y, callbacks=[patchspec.Watch("logs", tensors="block*", data=x[:64])])

    After every epoch an event file under `log_dir` gets

    - `epoch/NAME`: the losses, metrics and learning rate that `fit` reports;
    - `tensor/REFERENCE/...`: mean, std, min, max, share of zeros, numbers of NaN and Inf, and a
      histogram of the tensors named, on `data`; `tensors` and `data` are what `patchspec.probe`
      takes, and `data` should be small: one batch of it is in memory with all those tensors;
    - `weights/LAYER/NAME/...`: the norm of each weight, the norm of its change in the epoch
      (`update`), the ratio of both (`update_ratio`; 1e-3 is usual), and a histogram; `weights` are
      layer selectors, by default of every layer that trains.

    Training is what it is without: the model runs in inference mode, no random state is drawn on,
    nothing is changed. What is NaN is written as such. A second `fit` goes on behind the last
    epoch. PS960 without TensorBoard's package, PS961 where tensors are named without data; at the
    beginning of `fit` what `patchspec.probe` refuses.
    """

    def __init__(
        self,
        log_dir: str | Path,
        *,
        tensors: Any = (),
        data: Any = None,
        weights: Any = None,
        histograms: bool = True,
        batch_size: int | None = None,
    ) -> None:
        """`batch_size` is that of the data as it is run, `histograms` whether there are any."""
        super().__init__()
        require_tensorboard()
        self.log_dir = Path(log_dir)
        self.tensors, self.data = tensors, data
        self.weights, self.histograms, self.batch_size = weights, histograms, batch_size
        if self.tensors and data is None:
            refuse(
                "PS961",
                "`tensors` are named, and no data on which to watch them",
                hint="give `data`: a few samples as `fit` takes them",
            )
        self._log: EventLog | None = None
        self._job: Job | None = None
        self._pairs: list[tuple[str, Any]] = []
        self._last = -1
        self._ahead: int | None = None
        self._before: dict[str, Array] = {}

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Look once at what is wanted, so that a wrong name stops `fit` before it begins."""
        if self.tensors:
            self._job = job_for(self.model, self.tensors, self.data, batch_size=self.batch_size)
            self._probed()
        self._pairs = list(self._watched())
        self._before = {name: as_array(v).copy() for name, v in self._pairs}
        self.on_train_end()  # That of a `fit` that was broken off.
        self._log = EventLog(self.log_dir)
        self._ahead = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Write all there is of an epoch."""
        assert self._log is not None
        if self._ahead is None:
            self._ahead = max(0, self._last + 1 - epoch)
        step = self._last = epoch + self._ahead
        for name, value in (logs or {}).items():
            self._log.scalar(f"epoch/{name}", float(value), step)
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None and "learning_rate" not in (logs or {}):
            self._log.scalar("epoch/learning_rate", float(as_array(rate)), step)
        self._write_weights(step)
        if self.tensors:
            for reference, value in self._probed().items():
                self._write_tensor(f"tensor/{reference}", value, step)
        self._log.flush()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Finish the file."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def __getstate__(self) -> dict[str, Any]:
        """What a copy has: settings and the last step, not what is of one model or file."""
        fresh: dict[str, Any] = {"_log": None, "_job": None, "_pairs": [], "_before": {}}
        return {**super().__getstate__(), **fresh}

    def _probed(self) -> Mapping[str, Array]:
        assert self._job is not None
        keeping = Keeping()
        carry_out(self._job, None, takers=[keeping], stats=False)
        return keeping.arrays()

    def _watched(self) -> Iterator[tuple[str, Any]]:
        """The weights that are watched, by layer and name."""
        layers = None
        if self.weights is not None:
            graph = base_of(self.model).graph
            layers = {match.layer.path for match in select(self.weights, graph)}
        for holder in holders(self.model):
            for variable in holder.own().values():
                if is_variable(variable) and (
                    variable.trainable
                    if layers is None
                    else any(_lies_in(holder.layer, layer) for layer in layers)
                ):
                    yield f"{holder.path}/{variable.name}", variable

    def _write_weights(self, step: int) -> None:
        assert self._log is not None
        for name, variable in self._pairs:
            value = as_array(variable)
            tag = f"weights/{name}"
            size = _norm(value)
            self._log.scalar(f"{tag}/norm", size, step)
            if name in self._before:
                moved = _norm(value.astype(np.float64) - self._before[name])
                self._log.scalar(f"{tag}/update", moved, step)
                self._log.scalar(f"{tag}/update_ratio", moved / size if size else 0.0, step)
            if self.histograms:
                self._log.histogram(tag, value, step)
            self._before[name] = value.copy()

    def _write_tensor(self, tag: str, value: Array, step: int) -> None:
        assert self._log is not None
        for what, number in _facts(value):
            self._log.scalar(f"{tag}/{what}", number, step)
        if self.histograms:
            self._log.histogram(tag, value, step)


def _lies_in(layer: str, path: str) -> bool:
    return layer == path or layer.startswith(f"{path}/")


def _norm(value: Array) -> float:
    return float(np.linalg.norm(np.asarray(value, np.float64).reshape(-1)))


def _facts(value: Array) -> Iterator[tuple[str, float]]:
    """Numbers of a tensor, over those of its values that are finite."""
    numbers = np.asarray(value, np.float64).reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    if finite.size:
        yield "mean", float(finite.mean())
        yield "std", float(finite.std())
        yield "min", float(finite.min())
        yield "max", float(finite.max())
        yield "zeros", float((finite == 0).mean())
    yield "nan", float(np.isnan(numbers).sum())
    yield "inf", float(np.isinf(numbers).sum())
