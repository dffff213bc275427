"""Gradients on each backend: of a program a step that gives values and gradients for a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import keras

from patchspec.building.variables import as_array
from patchspec.probing.program import Program, is_float
from patchspec.probing.reading import Array
from patchspec.problems import refuse


class Step(NamedTuple):
    """The wanted tensors for a batch, and gradients; none where nothing depends on a value."""

    values: list[Array]
    by_tensor: list[Array | None]
    by_variable: list[Array | None]


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
