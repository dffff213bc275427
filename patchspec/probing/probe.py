"""The probe: a model run over data up to some tensors, which are stored and counted as they come.

Only a batch of them is ever in memory, unless they are asked for as arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patchspec.building.loading import load
from patchspec.building.variables import Holder, as_array, holders, is_variable
from patchspec.probing.calls import Tensor, calls_of, variable_key, walk
from patchspec.probing.data import Data, batch_size_of, inputs_of, open_data, open_labels
from patchspec.probing.gradients import Sums, derive
from patchspec.probing.naming import end_names, find_layers, find_one, find_tensors
from patchspec.probing.program import Program, is_float
from patchspec.probing.reading import Array
from patchspec.probing.running import Progress, Values, graph_of, run, usual_batch
from patchspec.probing.statistics import Statistics
from patchspec.probing.stores import check_store, open_store
from patchspec.probing.takers import Counting, Keeping, Spreading, Storing, Taker
from patchspec.problems import refuse, some

LOSS = "loss"
"""What stands for the loss of a compiled model where a gradient is asked for."""


@dataclass(frozen=True)
class Job:
    """What is to be had of a model, and from which data."""

    model: Any
    wanted: tuple[Tensor, ...]
    variables: Mapping[str, Any]
    """What layers save, by the path of the variable."""
    ends: tuple[Tensor, ...] = ()
    """Of what the gradient is: one tensor, or the outputs that the loss is of."""
    of: str | None = None
    data: Data | None = None
    labels: Any = None
    size: int = 1
    fixed: bool = False
    lenient: bool = False
    """Whether a tensor that cannot be taken is left out, since nobody named it."""

    @property
    def samples(self) -> int:
        """How many samples the model is run on."""
        return 0 if self.data is None else self.data.samples


def probe(
    model: Any,
    tensors: Any = (),
    data: Any = None,
    *,
    out: str | Path | None = None,
    stats: bool = False,
    histograms: str | Path | None = None,
    batch_size: int | None = None,
    weights: Any = (),
    grad: str | None = None,
    labels: Any = None,
    custom_objects: Mapping[str, Any] | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Array] | Path | Statistics:
    """Arrays, the file that is written, or statistics; see `patchspec.probe`."""
    path, picture = (None if one is None else Path(one) for one in (out, histograms))
    if path is not None:
        check_store(path, force=force)
    if picture is not None:
        from patchspec.review.plots import check_histograms  # noqa: PLC0415 (a later room)

        check_histograms(picture, force=force)
    live = opened(model, custom_objects, compiled=grad == LOSS)
    job = job_for(
        live,
        tensors,
        data,
        batch_size=batch_size,
        weights=weights,
        grad=grad,
        labels=labels,
        counting=stats or picture is not None,
    )
    keeping = Keeping()
    written = path or picture
    takers = [keeping] if written is None and not stats else []
    told = carry_out(job, path, picture, takers, stats=stats, progress=progress)
    if stats:
        return told
    return keeping.arrays() if written is None else written


def carry_out(
    job: Job,
    path: Path | None,
    picture: Path | None = None,
    takers: Sequence[Taker] = (),
    *,
    stats: bool = True,
    progress: Progress | None = None,
) -> Statistics:
    """Run the model, write what is to be stored and drawn, and tell of what was counted."""
    calls = tuple(walk(calls_of(graph_of(job.model))))
    counting = Counting(job.wanted, calls, moments=stats)
    with ExitStack() as stack:
        every: list[Taker] = [counting, *takers]
        if path is not None:
            every.append(Storing(stack.enter_context(open_store(path)), job.samples))
        spreading = Spreading()
        if picture is not None:
            every.append(spreading)
        work(job, every, progress)
        told = counting.statistics(job.model.name, job.samples, job.of, path)
        if picture is None:
            return told
        from patchspec.review.probes import draw_spreads  # noqa: PLC0415 (a later room)

        draw_spreads(told, spreading.histograms(), picture)
    return replace(told, picture=picture)


def opened(model: Any, custom_objects: Mapping[str, Any] | None, *, compiled: bool = False) -> Any:
    """The live model, from its file if it is not one already."""
    if isinstance(model, (str, Path)):
        return load(model, custom_objects, compile=compiled)
    return model


def listed(said: Any) -> tuple[Any, ...]:
    """One reference or selector, or several, as several."""
    if said is None:
        return ()
    return tuple(said) if isinstance(said, (list, tuple)) else (said,)


def job_for(
    model: Any,
    tensors: Any,
    data: Any,
    *,
    batch_size: int | None = None,
    weights: Any = (),
    grad: str | None = None,
    labels: Any = None,
    counting: bool = False,
) -> Job:
    """What is asked for, looked up and checked before anything runs.

    Where only `weights` are named no tensors are meant, unless values are counted and there is
    data.
    """
    function = graph_of(model)
    named, layers = listed(tensors), listed(weights)
    every = bool(named) or not layers or (counting and data is not None)
    wanted = find_tensors(named, model, function) if every else ()
    variables = _variables(find_layers(layers, model, function), model) if layers else {}
    ends, of = _ends(model, grad, labels)
    inputs = inputs_of(function)
    if data is None:
        if wanted or ends:
            refuse(
                "PS941",
                "there is no data to run the model on",
                notes=[f"the inputs are {some(one.name for one in inputs)}"],
                hint="give `--data`; only the values of weights need none",
            )
        return Job(model, wanted, variables)
    size, fixed = batch_size_of(inputs, batch_size, usual_batch(wanted))
    given = open_data(data, inputs)
    names = end_names(function._outputs_struct)
    told = None if labels is None else open_labels(labels, names, given.samples)
    if told is not None and fixed and given.samples % size:
        refuse(
            "PS942",
            f"the model takes batches of {size}, and {given.samples % size} samples are left over: "
            "what a batch is filled up with would be in the loss",
            hint="give as many samples as fill every batch",
        )
    return Job(model, wanted, variables, ends, of, given, told, size, fixed, lenient=not named)


def _ends(model: Any, grad: str | None, labels: Any) -> tuple[tuple[Tensor, ...], str | None]:
    """Of what the gradient is, and how that is called."""
    function = graph_of(model)
    if grad is not None and grad != LOSS:
        end = find_one(grad, model, function)
        if end.symbol is not None and not is_float(end.symbol):
            refuse("PS950", f"`{end.key}` is {end.symbol.dtype}, of which there is no gradient")
    if grad != LOSS:
        if labels is not None:
            refuse("PS951", "labels go with the gradient of the loss", hint="ask for `loss`")
        return ((), None) if grad is None else ((end,), end.key)
    if not getattr(model, "compiled", False):
        refuse(
            "PS951",
            f"`{model.name}` is not compiled, so it has no loss",
            hint="ask for the gradient of an output: `$output`",
        )
    if labels is None:
        refuse("PS951", "a loss is of labels, and there are none", hint="give `--labels`")
    count = len(function.outputs)
    return tuple(find_one(f"$output:{i}", model, function) for i in range(count)), LOSS


def _variables(layers: Sequence[str], model: Any) -> dict[str, Any]:
    """What layers save, and the layers in them, by the path of the variable."""

    def chosen(holder: Holder) -> bool:
        return any(f"{holder.layer}/".startswith(f"{layer}/") for layer in layers)

    found = {
        holder.variable_path(number): value
        for holder in holders(model)
        if chosen(holder)
        for number, value in holder.own().items()
    }
    if not found:
        refuse("PS303", f"no variable is in {some(layers)}", hint="name layers that have weights")
    return found


def work(job: Job, takers: Sequence[Taker], progress: Progress | None = None) -> None:
    """Run the model and hand everything over, in order."""
    held = {variable_key(path): as_array(value) for path, value in job.variables.items()}
    for taker in takers if held else ():
        taker.whole(held)
    sums = Sums()
    for values in _passing(job, sums, progress):
        for taker in takers:
            taker.take(values)
        # Not held while the next batch is computed.
        del values
    for taker in takers if sums.arrays else ():
        taker.whole(sums.arrays)


def _passing(job: Job, sums: Sums, progress: Progress | None) -> Iterator[Values]:
    if job.data is None or not (job.wanted or job.ends):
        return
    if not job.ends:
        yield from run(
            job.model,
            job.wanted,
            job.data,
            job.size,
            fixed=job.fixed,
            lenient=job.lenient,
            progress=progress,
        )
        return
    variables = {path: v for path, v in job.variables.items() if is_variable(v) and is_float(v)}
    program = Program.of(
        job.model, job.wanted, job.ends, tuple(variables.values()), by_loss=job.of == LOSS
    )
    yield from derive(
        program,
        tuple(variables),
        job.data,
        job.labels,
        size=job.size,
        sums=sums,
        fixed=job.fixed,
        lenient=job.lenient,
        progress=progress,
    )
