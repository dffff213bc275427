"""Gradients of one number with regard to tensors inside a model and to its variables.

What differs between backends stands in one function for each: it makes of a program a step that
gives values and gradients for a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src import tree

from patchspec.building.variables import as_array, shape_of
from patchspec.probing.calls import GRADIENT, WEIGHTS, Tensor, function_of
from patchspec.probing.data import Array, Data, batches
from patchspec.probing.replay import Doing, Tap, replay, schedule
from patchspec.probing.running import (
    Progress,
    Rows,
    Taking,
    Values,
    as_inputs,
    left_as_it_was,
    packed,
    translated,
)
from patchspec.problems import refuse


@dataclass
class Sums:
    """Gradients with regard to variables, summed over the samples, once all have passed."""

    arrays: dict[str, Array] = field(default_factory=dict)


class Step(NamedTuple):
    """The wanted tensors for a batch, and gradients; none where nothing depends on a value."""

    values: list[Array]
    by_tensor: list[Array | None]
    by_variable: list[Array | None]


@dataclass(frozen=True, eq=False)
class Program:
    """What is run, and of what the gradient is: the last tensors, summed or through the loss."""

    model: Any
    wanted: tuple[Tensor, ...]
    ends: tuple[Tensor, ...]
    variables: tuple[Any, ...]
    by_loss: bool
    doings: tuple[Doing, ...]
    taking: Taking

    @classmethod
    def of(
        cls,
        model: Any,
        wanted: Sequence[Tensor],
        ends: Sequence[Tensor],
        variables: Sequence[Any],
        *,
        by_loss: bool,
    ) -> Program:
        """The program of a model; `ends` are the tensor to be summed, or the model's outputs."""
        every = list(dict.fromkeys([*wanted, *ends]))
        doings, taking = schedule(function_of(model), every), Taking(every)
        return cls(model, tuple(wanted), tuple(ends), tuple(variables), by_loss, doings, taking)

    @property
    def every(self) -> list[Tensor]:
        """All tensors that are taken, those first with regard to which the gradients are."""
        return list(dict.fromkeys([*self.wanted, *self.ends]))

    def forward(self, inputs: Sequence[Any], labels: Any, count: int, tap: Tap) -> tuple[Any, Any]:
        """The wanted tensors on a batch, and the number, of its first `count` samples.

        `tap` is given every wanted tensor, and what it returns goes on. The number is summed over
        the samples: the loss, which is a mean, is so many times it.
        """
        taken: dict[int, list[Any]] = {}
        every = self.every

        def kept(place: int, value: Any) -> Any:
            after = tap(place, value) if place < len(self.wanted) else value
            taken.setdefault(place, []).append(after)
            return after

        form = function_of(self.model)._inputs_struct
        replay(self.model, self.doings, packed(form, inputs), kept)
        values = self.taking.values(taken)
        ends = [values[every.index(end)] for end in self.ends]
        return values[: len(self.wanted)], self._number(ends, labels, count)

    def _number(self, ends: Sequence[Any], labels: Any, count: int) -> Any:
        if not self.by_loss:
            return keras.ops.sum(ends[0][:count])
        made = tree.pack_sequence_as(function_of(self.model)._outputs_struct, list(ends))
        loss = self.model.compute_loss(y=labels, y_pred=made, training=False)
        return loss * count


def derive(
    program: Program,
    paths: Sequence[str],
    data: Data,
    labels: Sequence[Any] | None,
    *,
    size: int,
    sums: Sums,
    fixed: bool = False,
    lenient: bool = False,
    progress: Progress | None = None,
) -> Iterator[Values]:
    """The wanted tensors and the gradients with regard to them, batch by batch.

    At the end `sums` holds those with regard to the variables, of these `paths`. What the number
    does not depend on has a gradient of zeros; what is no float has none.
    """
    keys = [tensor.key for tensor in program.wanted]
    kept = Rows(lenient=lenient)
    totals: dict[str, Array] = {}
    step = stepping(program)
    form = function_of(program.model)._outputs_struct
    with left_as_it_was(program.model):
        for batch in batches(data, size, fixed=fixed):
            told = None
            if labels is not None:
                rows = [np.asarray(one[batch.start : batch.stop]) for one in labels]
                told = tree.pack_sequence_as(form, rows)
            with translated():
                done = step(as_inputs(batch), told, batch.count)
            program.taking.check()
            arrays = dict(zip(keys, done.values, strict=True))
            arrays |= {
                f"{GRADIENT}/{key}": np.zeros_like(value) if found is None else found
                for key, value, found in zip(keys, done.values, done.by_tensor, strict=True)
                if "float" in value.dtype.name
            }
            _add(totals, paths, program.variables, done.by_variable)
            yield Values(batch.start, batch.stop, kept.of(arrays, batch))
            # What was handed over is nobody's here while the next batch is computed.
            del done, arrays
            if progress is not None:
                progress(batch.stop, data.samples)
    sums.arrays |= {key: total.astype(np.float32) for key, total in totals.items()}


def _add(
    totals: dict[str, Array],
    paths: Sequence[str],
    variables: Sequence[Any],
    found: Sequence[Array | None],
) -> None:
    """Add the gradients of a batch, in float64."""
    for path, variable, one in zip(paths, variables, found, strict=True):
        key = f"{GRADIENT}/{WEIGHTS}/{path}"
        if key not in totals:
            totals[key] = np.zeros(shape_of(variable), np.float64)
        if one is not None:
            totals[key] += one.astype(np.float64)


def stepping(program: Program) -> Callable[[Sequence[Any], Any, int], Step]:
    """What computes values and gradients for a batch; PS950 where the backend has no gradients."""
    backend = keras.backend.backend()
    if backend not in _BACKENDS:
        refuse(
            "PS950",
            f"Keras's backend `{backend}` computes no gradients",
            hint="set KERAS_BACKEND to tensorflow, jax or torch",
        )
    return _BACKENDS[backend](program)


def is_float(value: Any) -> bool:
    """Whether there can be a gradient with regard to a tensor or variable."""
    return "float" in keras.backend.standardize_dtype(value.dtype)


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [None if one is None else as_array(one) for one in values]


def _tensorflow(program: Program) -> Callable[[Sequence[Any], Any, int], Step]:
    import tensorflow as tf  # noqa: PLC0415 (the backend that there is)

    # `autograph` would write the code of the layers anew.
    @tf.function(reduce_retracing=True, autograph=False)  # type: ignore[untyped-decorator]
    def traced(inputs: Any, labels: Any, count: int) -> Any:
        sources = [variable.value for variable in program.variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)

            def watched(_: int, value: Any) -> Any:
                # One of its own, so that it is told from others of the same value.
                own = tf.identity(value)
                if is_float(own):
                    tape.watch(own)
                return own

            values, number = program.forward(inputs, labels, count, watched)
        found = tape.gradient(number, [*(v for v in values if is_float(v)), *sources])
        return values, [None if one is None else tf.convert_to_tensor(one) for one in found]

    def step(inputs: Sequence[Any], labels: Any, count: int) -> Step:
        values, found = traced(list(inputs), labels, count)
        floats = iter(found)
        by_tensor = [next(floats) if is_float(value) else None for value in values]
        return Step(_numbers(values), _numbers(by_tensor), _numbers(list(floats)))

    return step


def _jax(program: Program) -> Callable[[Sequence[Any], Any, int], Step]:
    import jax  # noqa: PLC0415 (the backend that there is)

    every = program.model.variables
    chosen = {id(variable) for variable in program.variables}
    rest = [variable for variable in every if id(variable) not in chosen]

    def forward(added: Any, sources: Any, others: Any, given: Any, count: int) -> Any:
        inputs, labels = given

        def moved(place: int, value: Any) -> Any:
            return value + added[place] if added and is_float(value) else value

        states = [*zip(program.variables, sources, strict=True), *zip(rest, others, strict=True)]
        with keras.StatelessScope(state_mapping=states):
            values, number = program.forward(inputs, labels, count, moved)
        return number, values

    compiled = jax.jit(jax.grad(forward, argnums=(0, 1), has_aux=True), static_argnums=4)
    shapes: dict[Any, Any] = {}

    def step(inputs: Sequence[Any], labels: Any, count: int) -> Step:
        sources = [variable.value for variable in program.variables]
        others = [variable.value for variable in rest]
        arrays = [None if x is None else jax.numpy.asarray(x) for x in inputs]
        sizes = tuple(None if x is None else x.shape for x in arrays)
        given = (arrays, labels)
        if sizes not in shapes:
            found = jax.eval_shape(lambda: forward((), sources, others, given, count))
            shapes[sizes] = found[1]
        # The gradient with regard to a tensor is that with regard to what is added to it.
        added = [
            jax.numpy.zeros(s.shape, s.dtype if is_float(s) else "float32") for s in shapes[sizes]
        ]
        (by_tensor, by_variable), values = compiled(added, sources, others, given, count)
        floats = [g if is_float(v) else None for g, v in zip(by_tensor, values, strict=True)]
        return Step(_numbers(values), _numbers(floats), _numbers(by_variable))

    return step


def _torch(program: Program) -> Callable[[Sequence[Any], Any, int], Step]:
    import torch  # noqa: PLC0415 (the backend that there is)

    def step(inputs: Sequence[Any], labels: Any, count: int) -> Step:
        sources = [variable.value for variable in program.variables]

        def watched(_: int, value: Any) -> Any:
            # One of its own, so that it is told from others of the same value.
            own = value.view_as(value)
            return own.detach().requires_grad_() if is_float(own) and not own.requires_grad else own

        with torch.enable_grad(), _wanting(sources):
            values, number = program.forward(inputs, labels, count, watched)
            floats = [value for value in values if is_float(value)]
            found = iter(torch.autograd.grad(number, [*floats, *sources], allow_unused=True))
        by_tensor = [next(found) if is_float(value) else None for value in values]
        return Step(_numbers(values), _numbers(by_tensor), _numbers(list(found)))

    return step


@contextmanager
def _wanting(sources: Sequence[Any]) -> Iterator[None]:
    """Have torch keep gradients for variables that are frozen, too."""
    before = [one.requires_grad for one in sources]
    for one in sources:
        one.requires_grad_(True)
    try:
        yield
    finally:
        for one, wanted in zip(sources, before, strict=True):
            one.requires_grad_(wanted)


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
