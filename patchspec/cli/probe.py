"""run a model on data and store, count, draw or compare the tensors inside it"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchspec.cli.pictures import PLOTS, check_picture
from patchspec.cli.progress import SAMPLES, bar
from patchspec.cli.shared import (
    Usage,
    add_custom_objects,
    add_format,
    custom_objects,
    quiet_backend,
    refuse_inputs,
)
from patchspec.review.style import style_for

if TYPE_CHECKING:
    from patchspec.probing.comparison import Comparison

_COMPARING = {"plot": "--plot", "atol": "--atol", "rtol": "--rtol", "exit_code": "--exit-code"}
_PROBING = {
    "output": "-o",
    "stats": "--stats",
    "histograms": "--histograms",
    "weights": "--weights",
    "grad": "--grad",
    "labels": "--labels",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """MODEL"""
    parser.add_argument("model", metavar="MODEL", help="a model file of any Keras, with weights")
    parser.add_argument(
        "--tensors",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="a layer, glob, selector or tensor: `conv1`, `block*`, `shared@1`, `lstm:1`, "
        "`encoder/conv1`, `$output`, `dense:in` (what it reads), `dense:pre` (before its "
        "activation) (repeatable; all where none is given)",
    )
    parser.add_argument(
        "--data",
        metavar="FILE",
        help="what the model is given: `.npy`, `.npz` by input (read whole), or a folder of `.npy`",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the arrays, each under its reference: `.h5`, `.npz` or `.zarr` (needs "
        "`patchspec[zarr]`)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite FILE")
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=int,
        help="samples run at once (default: 32, or as many as fit into 1 GiB)",
    )
    parser.add_argument(
        "--stats",
        action="store_true",
        help="print mean, deviation, extremes, zeros, dead channels, NaN and infinities of each",
    )
    parser.add_argument(
        "--histograms",
        metavar="FILE",
        help="draw how the values of each are spread: `.png` (needs `patchspec[plot]`)",
    )
    parser.add_argument(
        "--weights",
        metavar="SELECTOR",
        action="append",
        default=[],
        help="the variables of these layers too, as `weights/PATH` (repeatable)",
    )
    parser.add_argument(
        "--grad",
        metavar="OUTPUT",
        help="gradients of a tensor, summed, with regard to tensors and weights, as "
        "`gradient/NAME`; `loss` means that of the compiled model",
    )
    parser.add_argument("--labels", metavar="FILE", help="labels for `--grad loss`, as `--data`")
    parser.add_argument(
        "--compare", metavar="MODEL", help="another model: print where the tensors of both part"
    )
    parser.add_argument(
        "--atol", metavar="X", type=float, help="differences that count as none (default: 0)"
    )
    parser.add_argument(
        "--rtol",
        metavar="X",
        type=float,
        help="the same as a share of the value in MODEL, added to `--atol` (default: 0)",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="draw the comparison: `.png`, `.svg` or `.pdf` (needs `patchspec[plot]`)",
    )
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 where the models part"
    )
    add_custom_objects(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table or JSON; where something is written, its path is the last line of stdout."""
    _check_usage(arguments)
    # Garbage is looked for again: what a batch leaves behind must not pile up.
    gc.enable()
    return _compare(arguments) if arguments.compare is not None else _probe(arguments)


def _check_usage(arguments: argparse.Namespace) -> None:
    comparing = arguments.compare is not None
    wrong = _PROBING if comparing else _COMPARING
    for name, option in wrong.items():
        if getattr(arguments, name) not in (None, False, []):
            raise Usage(f"`{option}` {'does not go' if comparing else 'goes'} with `--compare`")
    asked = arguments.output, arguments.histograms, arguments.stats or None
    if not comparing and asked == (None, None, None):
        raise Usage(
            "say what to do: `--stats`, `--histograms FILE`, `-o FILE` for the arrays, or "
            "`--compare MODEL`"
        )
    if comparing and arguments.data is None:
        raise Usage("`--compare` needs `--data`")


def _probe(arguments: argparse.Namespace) -> int:
    path = None if arguments.output is None else Path(arguments.output)
    picture = None if arguments.histograms is None else Path(arguments.histograms)
    refuse_inputs([path, picture], [arguments.model, arguments.data, arguments.labels])
    if picture is not None:
        check_picture("--histograms", picture, (".png",), force=arguments.force)
    with quiet_backend():
        from patchspec.probing.probe import LOSS, carry_out, job_for, opened  # noqa: PLC0415
        from patchspec.probing.stores import check_store  # noqa: PLC0415
        from patchspec.review.probes import statistics_json, statistics_text  # noqa: PLC0415

        if path is not None:
            check_store(path, force=arguments.force)
        given = custom_objects(arguments.custom_objects)
        with _noted():
            model = opened(arguments.model, given, compiled=arguments.grad == LOSS)
        job = job_for(
            model,
            arguments.tensors,
            arguments.data,
            batch_size=arguments.batch_size,
            weights=arguments.weights,
            grad=arguments.grad,
            labels=arguments.labels,
            counting=arguments.stats or picture is not None,
        )
    with bar(f"probing {Path(arguments.model).name}", scale=SAMPLES) as progress:
        told = carry_out(job, path, picture, stats=arguments.stats, progress=progress)
    if arguments.format == "json":
        print(json.dumps(statistics_json(told), indent=2))
        return 0
    print(statistics_text(told, style_for(sys.stdout)))
    written = [str(one) for one in (path, picture) if one is not None]
    if written:
        print("", *written, sep="\n")
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    plot = None if arguments.plot is None else Path(arguments.plot)
    refuse_inputs([plot], [arguments.model, arguments.compare, arguments.data])
    with quiet_backend():
        from patchspec.probing.comparison import compare  # noqa: PLC0415 (imports Keras)
        from patchspec.probing.probe import opened  # noqa: PLC0415
        from patchspec.review.comparisons import comparison_json, comparison_text  # noqa: PLC0415

        if plot is not None:
            check_picture("--plot", plot, PLOTS, force=arguments.force)
        given = custom_objects(arguments.custom_objects)
        with _noted():
            models = [opened(path, given) for path in (arguments.model, arguments.compare)]
    names = _names(arguments.model, arguments.compare)
    with bar("comparing", scale=SAMPLES) as progress:
        told = compare(
            models[0],
            models[1],
            arguments.data,
            arguments.tensors,
            atol=arguments.atol or 0.0,
            rtol=arguments.rtol or 0.0,
            batch_size=arguments.batch_size,
            names=names,
            progress=progress,
        )
    if plot is not None:
        _draw(told, plot)
    if arguments.format == "json":
        print(json.dumps(comparison_json(told), indent=2))
    else:
        print(comparison_text(told, style_for(sys.stdout)))
        if plot is not None:
            print(f"\n{plot}")
    return int(arguments.exit_code and not told.alike)


@contextmanager
def _noted() -> Iterator[None]:
    """Have what is warned of as a model is loaded be a line on stderr."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        yield
    for one in told:
        if one.category is UserWarning:
            print(f"note: {one.message}", file=sys.stderr)


def _names(one: str, other: str) -> tuple[str, str]:
    """What the models are called: the names of their files, where those tell them apart."""
    names = Path(one).name, Path(other).name
    return names if names[0] != names[1] else (one, other)


def _draw(told: Comparison, path: Path) -> None:
    from patchspec.models.files import replacing  # noqa: PLC0415
    from patchspec.review.comparison_plots import comparison_plot, write_plot  # noqa: PLC0415

    figure: Any = comparison_plot(told)
    with replacing(path) as temporary:
        write_plot(figure, temporary, path.suffix)
