"""Running a live model over data, batch by batch, up to the tensors that are wanted.

A model of Keras's own class stands around the one that is probed, so that each backend compiles and
runs it as it would in `predict`. What it runs is left as it was: values that change as a model runs
(the state of stateful layers, seeds) are given back.
"""

from __future__ import annotations

import math
import re
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
from patchspec.probing.calls import Tensor, call_count, function_of
from patchspec.probing.data import USUAL, Batch, Data, batches
from patchspec.probing.reading import Array
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


MAX_CALLS = 200_000
"""Nested models that call one another twice double at each level."""


def graph_of(model: Any) -> Any:
    """The graph that a model runs; PS946 where it has none, PS952 where it is beyond measure."""
    function = function_of(model) if isinstance(model, keras.Model) else None
    if function is None:
        built = not isinstance(model, keras.Sequential)
        refuse(
            "PS946",
            f"`{getattr(model, 'name', type(model).__name__)}` is a {type(model).__name__}, "
            + ("whose tensors only its code knows" if built else "which was never built"),
            hint="probe a functional model that it holds" if built else "give it an input first",
        )
    count = call_count(function)
    if count > MAX_CALLS:
        refuse(
            "PS952",
            f"the layers of `{model.name}` are called {count:,} times, counting those of nested "
            f"models at each of their calls; at most {MAX_CALLS:,} are looked at",
        )
    return function


class Probed(keras.Model):  # type: ignore[misc]
    """A model that gives the wanted tensors of another, in order."""

    def __init__(self, model: Any, wanted: Sequence[Tensor]) -> None:
        super().__init__(name="probed", dtype=model.dtype_policy)
        self._probed = model
        self.taking = Taking(wanted)
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
        return self.taking.values(taken)


def packed(form: Any, inputs: Sequence[Any]) -> Any:
    """The flat values as the model takes them."""
    return tree.pack_sequence_as(form, list(inputs))


class Taking:
    """Takes tensors as a model runs; what is wrong with that is said afterwards.

    Keras makes exceptions that come out of a call anew, with a text alone.
    """

    def __init__(self, wanted: Sequence[Tensor]) -> None:
        self._wanted = tuple(wanted)
        self._times: dict[Tensor, int] = {}

    def values(self, taken: Mapping[int, Sequence[Any]]) -> list[Any]:
        """The value of each tensor, in order."""
        found = []
        for place, tensor in enumerate(self._wanted):
            values = taken.get(place, ())
            self._times[tensor] = len(values)
            value = values[0] if values else keras.ops.zeros(())
            found.append(keras.ops.convert_to_tensor(value, sparse=False))
        return found

    def check(self) -> None:
        """Refuse (PS943) a layer that calls its activation twice or never."""
        for tensor, times in self._times.items():
            if times != 1:
                said = f"{times} times" if times else "never"
                refuse(
                    "PS943", f"`{tensor.key}`: the layer calls its activation {said} in one call"
                )


def run(
    model: Any,
    wanted: Sequence[Tensor],
    data: Data,
    batch_size: int,
    *,
    fixed: bool = False,
    lenient: bool = False,
    progress: Progress | None = None,
) -> Iterator[Values]:
    """The wanted tensors, batch by batch, in the order of the data.

    PS944 for a tensor that does not hold one row for each sample (`lenient`: it is left out), or
    whose shape changes, PS945 where the model fails.
    """
    keys = [tensor.key for tensor in wanted]
    rows = Rows(lenient=lenient)
    with left_as_it_was(model):
        probed = Probed(model, wanted)
        for batch in batches(data, batch_size, fixed=fixed):
            with translated():
                made = probed.predict_on_batch(as_inputs(batch))
            probed.taking.check()
            yield Values(
                batch.start, batch.stop, rows.of(dict(zip(keys, made, strict=True)), batch)
            )
            # What was handed over is nobody's here while the next batch is computed.
            del made
            if progress is not None:
                progress(batch.stop, data.samples)


def usual_batch(wanted: Sequence[Tensor]) -> int:
    """How many samples go in at once where nobody says: fewer than usual of very large tensors."""
    most = _ROOM // max(sum(map(_size, wanted)), 1)
    return max(1, min(USUAL, most))


_ROOM = 1 << 30
"""How many bytes the wanted tensors of one batch take, at most."""


def _size(tensor: Tensor) -> int:
    """About how many bytes a tensor takes for one sample, where a size that is open is small."""
    symbol = tensor.symbol if tensor.symbol is not None else tensor.call.node.outputs[0]
    wide = 8 if str(symbol.dtype).endswith("64") else 4
    return math.prod(int(n or 1) for n in symbol.shape[1:]) * wide


def as_inputs(batch: Batch) -> list[Any]:
    """The values of a batch as every backend takes them."""
    return [_as_input(one) for one in batch.values]


def _as_input(value: Array | None) -> Any:
    """Text as tensors, since not every backend's own functions take it as NumPy has it."""
    if value is None or value.dtype.kind not in "USO":
        return value
    return keras.ops.convert_to_tensor(value.astype(str) if value.dtype.kind != "S" else value)


class Rows:
    """What is seen of tensors batch by batch: each has a row for each sample, of one shape.

    PS944 for one that has not. With `lenient` one whose rows are no samples in the first batch is
    left out instead, for that was nobody's wish.
    """

    def __init__(self, *, lenient: bool = False) -> None:
        self._lenient = lenient
        self._shapes: dict[str, tuple[int, ...] | None] = {}

    def of(self, arrays: Mapping[str, Any], batch: Batch) -> dict[str, Array]:
        """The rows that belong to samples."""
        given = max((len(one) for one in batch.values if one is not None), default=batch.count)
        found = {}
        for key, value in arrays.items():
            array = np.asarray(value)
            fits = array.ndim > 0 and len(array) == given
            if self._lenient and not fits and batch.start == 0:
                self._shapes[key] = None
            if self._shapes.get(key, ()) is None:
                continue
            if not fits:
                refuse(
                    "PS944",
                    f"`{key}` is of shape {list(array.shape)} for {given} samples: it does not "
                    "hold one row for each",
                    hint="leave it out",
                )
            self._check(key, array.shape[1:])
            found[key] = array[: batch.count]
        return found

    def _check(self, key: str, shape: tuple[int, ...]) -> None:
        before = self._shapes.setdefault(key, shape)
        if before != shape:
            refuse(
                "PS944",
                f"`{key}` is of shape {list(shape)} in one batch and {list(before or ())} in one "
                "before: no array holds both",
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
        refuse("PS945", f"the model fails on the data: {_said(error)}")


_NODE = re.compile(
    r"^(?P<what>[^\n]+)\n\s*\[\[\{\{node (?:probed(?:_\d+)?/)?(?P<node>[^}]+)\}\}", re.MULTILINE
)
"""What TensorFlow says of a node that fails, behind where the node was made."""


def _said(error: BaseException) -> str:
    found = _NODE.search(str(error))
    return said_by(error) if found is None else f"{found['what'].strip()} (at {found['node']})"


@contextmanager
def left_as_it_was(model: Any) -> Iterator[None]:
    """Give back, at the end, what running a model changes in it."""
    layers = model._flatten_layers()
    trained = {id(v) for layer in layers for v in layer._trainable_variables}
    held = {id(v): v for v in (*model.variables, *(v for x in layers for v in _states(x)))}
    changing = [v for i, v in held.items() if i not in trained]
    before = [as_array(v).copy() for v in changing]
    states = [(vars(one), dict(vars(one))) for one in (*layers, *map(function_of, layers)) if one]
    try:
        yield
    finally:
        for variable, value in zip(changing, before, strict=True):
            if as_array(variable).tobytes() != value.tobytes():
                variable.assign(value)
        model._clear_losses()
        # What a layer remembers of a call would be symbols of a graph that is gone.
        for own, held in states:
            own.clear()
            own.update(held)


def _states(layer: Any) -> Iterator[Any]:
    """Variables that a layer holds and does not list, as recurrent layers their state."""
    for value in vars(layer).values():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(one, keras.Variable):
                yield one
