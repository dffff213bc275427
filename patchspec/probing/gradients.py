"""Gradients of one number with regard to tensors inside a model and to its variables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from keras.src import tree

from patchspec.building.variables import shape_of
from patchspec.probing.backends import stepping
from patchspec.probing.calls import GRADIENT, function_of, variable_key
from patchspec.probing.data import Data, batches
from patchspec.probing.program import Program
from patchspec.probing.reading import Array
from patchspec.probing.running import (
    Progress,
    Rows,
    Values,
    as_inputs,
    left_as_it_was,
    translated,
)


@dataclass
class Sums:
    """Gradients with regard to variables, summed over the samples, once all have passed."""

    arrays: dict[str, Array] = field(default_factory=dict)


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
        key = f"{GRADIENT}/{variable_key(path)}"
        if key not in totals:
            totals[key] = np.zeros(shape_of(variable), np.float64)
        if one is not None:
            totals[key] += one.astype(np.float64)
