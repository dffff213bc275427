"""The data of a base for its variant: inputs as they are, labels where the outputs are now.

An output that has no loss wants a label all the same in most forms of data; it gets one of the
others, which Keras does not look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any, NoReturn

import keras

from patchspec.planning.labels import Named
from patchspec.problems import refuse, some

Relabel = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of base and variant, which came from which, and which the base trains."""

    was: Named
    now: Named
    origins: tuple[tuple[str, str | None], ...]
    """Pairs of a name now, in the order of the config, and the name that it had."""
    trained: frozenset[str]
    unlabelled: tuple[str, ...] = ()
    """New outputs that have a loss of their own, for which the base has no labels."""

    @property
    def alike(self) -> bool:
        """Whether labels stay as they are."""
        same = all(now == was for now, was in self.origins)
        return same and self.was == self.now

    def relabelled(self, labels: Any) -> Any:
        """Labels, or weights of samples, of the base as the variant takes them."""
        if labels is None or self.alike:
            return labels
        said = self._by_output(labels)
        if said is None:
            return labels
        found = {now: said[was] for now, was in self.origins if was in said}
        if self.now.form == "single":
            return found.get(self.now.names[0], labels)
        spare = next(iter(found.values()), None)
        full = {name: found.get(name, spare) for name in self.now.names}
        # A tuple: what is a list TensorFlow makes one tensor of.
        return full if self.now.form == "dict" else tuple(full[name] for name in self.now.names)

    def _by_output(self, labels: Any) -> dict[str, Any] | None:
        """The labels by output of the base; none where they are one thing for several outputs."""
        names = self.was.listed
        if isinstance(labels, Mapping):
            return dict(labels)
        if isinstance(labels, (list, tuple)):
            if len(labels) == len(names):
                return dict(zip(names, labels, strict=True))
            trained = [name for name in names if name in self.trained]
            return dict(zip(trained, labels, strict=False))
        return {names[0]: labels} if len(names) == 1 else None


def fitting(data: Any, outputs: Outputs) -> tuple[dict[str, Any], str | None]:
    """The arguments of `fit` for data of the base, and what to know about it.

    PS962 where nobody can say what of the data are labels, or how long it is.
    """
    if outputs.unlabelled:
        refuse(
            "PS962",
            f"data of the base has no labels for {some(outputs.unlabelled)}, which is new and has "
            "a loss",
            hint="leave the data out, and give `fit` data with labels for all outputs",
        )
    if isinstance(data, tuple):
        return _of_tuple(data, outputs), None
    if isinstance(data, (Mapping, str, bytes)):
        _refuse_kind(data)
    if isinstance(data, keras.utils.PyDataset):
        return {"x": _Relabelled(data, outputs)}, None
    if hasattr(data, "element_spec") and hasattr(data, "map"):
        _check_parts(data.element_spec)
        mapped = data.map(lambda *batch: _batch(batch, outputs))
        return {"x": mapped}, None
    if isinstance(data, Iterator):
        note = "the generator goes on where it is: what one model takes of it the other never sees"
        return {"x": (_batch(batch, outputs) for batch in data), "shuffle": False}, note
    if isinstance(data, Iterable) and isinstance(data, Sized) and not hasattr(data, "shape"):
        steps = len(data)
        return {"x": Loop(data, outputs), "steps_per_epoch": steps, "shuffle": False}, None
    _refuse_kind(data)


def begun(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `fit`, with each loader at its beginning.

    A generator is not enough for two calls: what a backend took ahead for the one the other lacks.
    """
    return {key: iter(v) if isinstance(v, Loop) else v for key, v in arguments.items()}


def _refuse_kind(data: Any) -> NoReturn:
    refuse(
        "PS962",
        f"a {type(data).__name__} is no data whose labels can be told",
        hint="give `(x, y)`, `(x, y, sample_weight)`, a `keras.utils.PyDataset`, a "
        "`tf.data.Dataset`, a loader with a length, or a generator of such tuples",
    )


def _of_tuple(data: tuple[Any, ...], outputs: Outputs) -> dict[str, Any]:
    return dict(zip(_PARTS, _batch(data, outputs), strict=False))


_PARTS = ("x", "y", "sample_weight")


def _check_parts(batch: Any) -> None:
    parts = len(batch) if isinstance(batch, (tuple, list)) else None
    if parts not in (len(_PARTS) - 1, len(_PARTS)):
        what = f"a {type(batch).__name__}" if parts is None else f"{parts} parts"
        refuse("PS962", f"data is {what}", hint="give `(x, y)` or `(x, y, sample_weight)`")


def _batch(batch: Any, outputs: Outputs) -> tuple[Any, ...]:
    """One batch with its labels, and its weights where they are by output, for the variant."""
    _check_parts(batch)
    x, y, *weights = batch
    weights = [outputs.relabelled(w) if isinstance(w, (list, tuple, dict)) else w for w in weights]
    return (x, outputs.relabelled(y), *weights)


@dataclass(frozen=True, slots=True)
class Loop:
    """A loader with a length, gone through again and again, from the beginning in each `iter`."""

    loader: Iterable[Any]
    outputs: Outputs

    def __iter__(self) -> Iterator[Any]:
        while True:
            for batch in self.loader:
                yield _batch(batch, self.outputs)


class _Relabelled(keras.utils.PyDataset):  # type: ignore[misc]
    """The batches of another dataset with their labels where the outputs are."""

    def __init__(self, inner: Any, outputs: Outputs) -> None:
        super().__init__(
            workers=inner.workers,
            use_multiprocessing=inner.use_multiprocessing,
            max_queue_size=inner.max_queue_size,
        )
        self._inner, self._outputs = inner, outputs

    @property
    def num_batches(self) -> Any:
        return self._inner.num_batches

    def __len__(self) -> int:
        return len(self._inner)

    def __getitem__(self, index: int) -> Any:
        return _batch(self._inner[index], self._outputs)

    def on_epoch_begin(self) -> None:
        self._inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._inner.on_epoch_end()
