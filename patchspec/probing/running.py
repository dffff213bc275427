"""Running a live model over data, batch by batch, up to the tensors that are wanted.

A model of Keras's own class stands around the one that is probed, so that each backend compiles and
runs it as it would in `predict`. What it runs is left as it was: values that change as a model runs
(the state of stateful layers, seeds) are given back.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.src import tree

from patchspec.building.door import said_by
from patchspec.building.variables import as_array
from patchspec.probing.calls import Tensor, function_of
from patchspec.probing.data import Array, Batch, Data, batches
from patchspec.probing.replay import Doing, replay, schedule
from patchspec.problems import PatchError, refuse

Progress = Callable[[int, int], None]
"""Told how many samples of how many are done."""


@dataclass(frozen=True, slots=True)
class Values:
    """The wanted tensors on some samples, by key, in order."""

    start: int
    stop: int
    arrays: Mapping[str, Array]


def graph_of(model: Any) -> Any:
    """The graph that a model runs; PS946 where it has none."""
    function = function_of(model) if isinstance(model, keras.Model) else None
    if function is None:
        built = not isinstance(model, keras.Sequential)
        refuse(
            "PS946",
            f"`{getattr(model, 'name', type(model).__name__)}` is a {type(model).__name__}, "
            + ("whose tensors only its code knows" if built else "which was never built"),
            hint="probe a functional model that it holds" if built else "give it an input first",
        )
    return function


class Probed(keras.Model):  # type: ignore[misc]
    """A model that gives the wanted tensors of another, in order."""

    def __init__(self, model: Any, wanted: Sequence[Tensor]) -> None:
        super().__init__(name="probed", dtype=model.dtype_policy)
        self._probed = model
        self._wanted = tuple(wanted)
        self._doings: tuple[Doing, ...] = schedule(function_of(model), wanted)
        self._inputs_form = function_of(model)._inputs_struct
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True

    def call(self, inputs: Any) -> list[Any]:
        """The tensors, for values of the inputs in their flattened order."""
        taken: dict[int, list[Any]] = {}

        def tap(place: int, value: Any) -> Any:
            taken.setdefault(place, []).append(value)
            return value

        replay(self._probed, self._doings, packed(self._inputs_form, inputs), tap)
        return taken_of(taken, self._wanted)


def packed(form: Any, inputs: Sequence[Any]) -> Any:
    """The flat values as the model takes them."""
    return tree.pack_sequence_as(form, list(inputs))


def taken_of(taken: Mapping[int, Sequence[Any]], wanted: Sequence[Tensor]) -> list[Any]:
    """The one value of each tensor, in order.

    PS943 for a layer that uses its activation twice or never, so that nothing stands before it.
    """
    found = []
    for place, tensor in enumerate(wanted):
        values = taken.get(place, ())
        if len(values) != 1:
            times = f"{len(values)} times" if values else "never"
            refuse("PS943", f"`{tensor.key}`: the layer calls its activation {times} in one call")
        found.append(keras.ops.convert_to_tensor(values[0], sparse=False))
    return found


def run(
    model: Any,
    wanted: Sequence[Tensor],
    data: Data,
    batch_size: int,
    *,
    fixed: bool = False,
    progress: Progress | None = None,
) -> Iterator[Values]:
    """The wanted tensors, batch by batch, in the order of the data.

    PS944 for a tensor that does not hold one value for each sample, or whose shape changes, PS945
    where the model fails.
    """
    keys = [tensor.key for tensor in wanted]
    shapes: dict[str, tuple[int, ...]] = {}
    with left_as_it_was(model):
        probed = Probed(model, wanted)
        for batch in batches(data, batch_size, fixed=fixed):
            with translated():
                made = probed.predict_on_batch(as_inputs(batch))
            arrays = {key: cut(one, batch, key) for key, one in zip(keys, made, strict=True)}
            del made
            check_shapes(shapes, arrays)
            yield Values(batch.start, batch.stop, arrays)
            if progress is not None:
                progress(batch.stop, data.samples)


def as_inputs(batch: Batch) -> list[Any]:
    """The values of a batch as every backend takes them."""
    return [_as_input(one) for one in batch.values]


def _as_input(value: Array | None) -> Any:
    """Text as tensors, since not every backend's own functions take it as NumPy has it."""
    if value is None or value.dtype.kind not in "USO":
        return value
    return keras.ops.convert_to_tensor(value.astype(str) if value.dtype.kind != "S" else value)


def cut(value: Any, batch: Batch, key: str) -> Array:
    """The rows of a tensor that belong to samples; PS944 where its rows are not samples."""
    array = np.asarray(value)
    given = max((len(one) for one in batch.values if one is not None), default=batch.count)
    if not array.ndim or len(array) != given:
        refuse(
            "PS944",
            f"`{key}` is of shape {list(array.shape)} for {given} samples: it does not hold one "
            "value for each",
            hint="leave it out",
        )
    return array[: batch.count]


def check_shapes(known: dict[str, tuple[int, ...]], arrays: Mapping[str, Array]) -> None:
    """Refuse (PS944) a tensor of another shape than in the batches before."""
    for key, array in arrays.items():
        before = known.setdefault(key, array.shape[1:])
        if before != array.shape[1:]:
            refuse(
                "PS944",
                f"`{key}` is of shape {list(array.shape[1:])} in one batch and {list(before)} in "
                "one before: no array holds both",
                hint="pad what goes in to one length",
            )


@contextmanager
def translated() -> Iterator[None]:
    """Have whatever a model raises as it runs be a problem, PS945."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The structure of `inputs` doesn't match")
            yield
    except PatchError:
        raise
    except Exception as error:  # noqa: BLE001 (a layer's call can raise anything)
        refuse("PS945", f"the model fails on the data: {said_by(error)}")


@contextmanager
def left_as_it_was(model: Any) -> Iterator[None]:
    """Give back, at the end, what running a model changes in it."""
    layers = model._flatten_layers()
    trained = {id(v) for layer in layers for v in layer._trainable_variables}
    changing = [v for v in model.variables if id(v) not in trained]
    before = [as_array(v).copy() for v in changing]
    paths = [(layer, layer._parent_path, layer._called) for layer in layers]
    try:
        yield
    finally:
        for variable, value in zip(changing, before, strict=True):
            if as_array(variable).tobytes() != value.tobytes():
                variable.assign(value)
        model._clear_losses()
        for layer, path, called in paths:
            vars(layer).update(_parent_path=path, _called=called)
