"""patchspec: patch trained Keras models with reviewed YAML files.

    variant = patchspec.apply("base.keras", "head.patchspec.yaml")
    variant.model.predict(...)
    variant.save("variant.keras")

Importing the package imports neither Keras nor NumPy, nor what only planning needs: each function
imports what it calls, so that `patchspec validate` starts as fast as it can.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchspec._version import __version__
from patchspec.language.patch import Patch, parse, read_patches
from patchspec.problems import PatchError, Problem

if TYPE_CHECKING:
    from patchspec.building.variant import Variant
    from patchspec.models.base import Base
    from patchspec.models.streaming import Progress
    from patchspec.planning.plan import Plan
    from patchspec.probing.comparison import Comparison
    from patchspec.training.cloning import Training
    from patchspec.training.watch import Watch

__all__ = [
    "Base",
    "Patch",
    "PatchError",
    "Plan",
    "Problem",
    "Variant",
    "Watch",
    "__version__",
    "apply",
    "build",
    "clone_training",
    "compare",
    "draw",
    "load",
    "open_base",
    "parse",
    "probe",
    "report",
    "resolve",
    "rewrite",
]


def open_base(
    model: Any,
    weights: str | Path | None = None,
    *,
    custom_objects: Mapping[str, Any] | None = None,
) -> Base:
    """The base in a model file of any Keras, or that a live model is.

    `weights` is the file of the weights where the model is an architecture alone: HDF5 of any
    Keras, `.weights.json` with its shards, `.safetensors` or `.npz`. A functional subclass that
    saves the arguments of its constructor (KerasHub's backbones do) is opened through its graph
    where its class is known to Keras or among `custom_objects`.
    """
    from patchspec.models.base import Base  # noqa: PLC0415
    from patchspec.models.opening import open_base as open_file  # noqa: PLC0415

    if isinstance(model, Base):
        return model
    if isinstance(model, (str, Path)):
        try:
            return open_file(model, weights)
        except PatchError as error:
            if [problem.code for problem in error.problems] != ["PS917"]:
                raise
        from patchspec.building.subclasses import open_subclass  # noqa: PLC0415 (imports Keras)

        return open_subclass(model, custom_objects or {})
    from patchspec.building.live import base_of  # noqa: PLC0415 (imports Keras)

    return base_of(model)


def resolve(
    patches: Patch | str | Path | list[Patch | str | Path] | tuple[Patch | str | Path, ...],
    model: Any,
    *,
    shapes: bool = True,
    settings: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of one or several patches for a model: all that will happen, with nothing done.

    `patches` are patches, paths of files, or YAML texts; `model` is a path, a base or a live model.
    `settings` are values for the settings that patches given as files or texts declare; `models`
    are models, in the same ways, in the place of those that the patches name.
    With `shapes` shapes, dtypes and variables are inferred where a change reaches, as Keras would;
    it is imported where a layer is out of the ordinary. Without, it never is. Raises `PatchError`.
    """
    listed = patches if isinstance(patches, (list, tuple)) else (patches,)
    parsed = read_patches(listed, settings or {})
    base = open_base(model, custom_objects=custom_objects)
    from patchspec.models.others import open_others  # noqa: PLC0415

    given = {name: open_base(one) for name, one in (models or {}).items()}
    others = open_others(parsed, given, open_base)
    if not shapes:
        from patchspec.planning.resolve import resolve as plan  # noqa: PLC0415

        return plan(parsed, base, models=others)
    from patchspec.inferring.resolving import resolve_lightly  # noqa: PLC0415

    return resolve_lightly(parsed, base, custom_objects, others)


def build(
    plan: Plan, custom_objects: Mapping[str, Any] | None = None, *, share: bool = False
) -> Variant:
    """The variant of a plan, as a live Keras model on the current backend.

    It is independent of the base: nothing that happens to the one happens to the other. With
    `share`, which needs a live base, the layers that stay are the base's own objects with a new
    graph around them. Both compute the same when they are built; then what either learns (weights,
    moving statistics, adapted states), every flag set on a layer and every draw of a generator is
    the other's too, and a layer called in both has no lone `output` any more. Only new layers and
    the optimizer are the variant's. PS512 where an operation would change a layer that stays, PS513
    where the base is a file.
    """
    from patchspec.building.variant import build as built  # noqa: PLC0415 (imports Keras)

    return built(plan, custom_objects, share=share)


def rewrite(
    plan: Plan, path: str | Path, *, force: bool = False, progress: Progress | None = None
) -> Path:
    """Write the variant of a plan as a `.keras` file from the files of its models.

    Keras is not imported and no model is made: what stays as it is goes from file to file. The file
    is the one that `build(plan).save(path)` writes, byte for byte. `progress` is told how many
    bytes of how many are written. PS928 where only a live model can do what the plan says.
    """
    from patchspec.rewriting.file_variant import file_variant  # noqa: PLC0415 (imports NumPy)

    return file_variant(plan).save(path, force=force, progress=progress)


def apply(
    model: Any,
    *patches: Patch | str | Path,
    settings: Mapping[str, Any] | None = None,
    models: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    share: bool = False,
) -> Variant:
    """The variant that the patches make of a model; the model, file or live, is not touched.

    With `share` it is a new graph over the layers of the live model: see `build`. The composition
    of `parse`, `open_base`, `resolve` and `build`. Raises `PatchError`.
    """
    plan = resolve(patches, model, settings=settings, models=models, custom_objects=custom_objects)
    return build(plan, custom_objects, share=share)


def load(
    path: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002 (the arguments of `load_model`)
) -> Any:
    """The live Keras model in a file or folder: what `keras.saving.load_model` gives, and sooner.

    Whatever `open_base` opens and finds weights in is loaded, old files upgraded, in safe mode. A
    model whose layers only its class knows is loaded by Keras itself, with a warning that says so.
    An HDF5 file comes without what it was compiled with, and a warning says so too. Raises
    `PatchError`.
    """
    from patchspec.building.loading import load as loaded  # noqa: PLC0415 (imports Keras)

    return loaded(path, custom_objects, compile)


def draw(
    model: Any,
    path: str | Path,
    *,
    weights: str | Path | None = None,
    shapes: bool = True,
    custom_objects: Mapping[str, Any] | None = None,
    force: bool = False,
) -> Path:
    """Draw the graph of a model as `.svg`, `.html` or `.mmd` (Mermaid), by the file's suffix.

    `model` and `weights` are as for `open_base`. With `shapes` the shapes that the file does not
    record are inferred as Keras would; without, it is never imported. An existing file is replaced
    with `force` alone. Raises `PatchError`.
    """
    from patchspec.planning.shapes import known_specs  # noqa: PLC0415
    from patchspec.review.drawing.draw import check_suffix, write_graph  # noqa: PLC0415

    target = Path(path)
    check_suffix(target)
    base = open_base(model, weights, custom_objects=custom_objects)
    inferrer = None
    if shapes:
        from patchspec.inferring.resolving import inferrer_for  # noqa: PLC0415

        inferrer = inferrer_for(base, custom_objects or {})
    write_graph(base, known_specs(base.graph, inferrer), target, force=force)
    return target


def report(plan: Plan, path: str | Path, *, force: bool = False) -> Path:
    """Write the page of a plan: base and variant as one graph to look around in, and tables.

    One `.html` file that loads nothing from anywhere. An existing file is replaced with `force`
    alone. Raises `PatchError`.
    """
    from patchspec.models.files import write_text  # noqa: PLC0415
    from patchspec.review.report.page import report_page  # noqa: PLC0415

    target = Path(path)
    write_text(target, report_page(plan), force=force)
    return target


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
) -> Any:
    """What the tensors of a model hold on data: arrays, the path of a file, or statistics.

    `model` is a file that `load` opens, or live, and is left as it was. `tensors` is one or several
    of what a patch names tensors and layers by: `conv1`, `"block*"`, `shared@1`, `lstm:1`,
    `encoder/conv1`, `$output`, a selector such as `{"class": "Conv2D"}`; also `dense:in`,
    `dense:in1` (what a call reads) and `dense:pre` (what the layer hands to its own activation).
    Nothing means all of them, unless `weights` are named and not counted. `data` is an array,
    arrays by input, a `.npy`, a `.npz`, or a folder of `.npy`.

    Arrays have the samples as first axis and are keyed by the reference of the tensor; bfloat16
    comes as float32. They are returned, all in memory, unless `out` names a file (`.h5`, `.npz`,
    `.zarr`), to which they are written batch by batch; then its path is returned. With `stats`
    the result is a `Statistics` of them, and no array is kept. `histograms` names a `.png`, on
    which is drawn how the values are spread, counted batch by batch as well; where nothing else is
    asked for, its path is returned. `weights` names layers whose variables come too, as
    `weights/PATH`. `grad` is a tensor, or `loss` of a compiled model with `labels`: its gradients,
    of the sum over elements and samples, come as `gradient/KEY`. `progress` is told how many
    samples of how many are done. Raises `PatchError`.
    """
    from patchspec.probing.probe import probe as probed  # noqa: PLC0415 (imports Keras)

    return probed(
        model,
        tensors,
        data,
        out=out,
        stats=stats,
        histograms=histograms,
        batch_size=batch_size,
        weights=weights,
        grad=grad,
        labels=labels,
        custom_objects=custom_objects,
        force=force,
        progress=progress,
    )


def compare(
    model: Any,
    other: Any,
    data: Any,
    tensors: Any = (),
    *,
    atol: float = 0.0,
    rtol: float = 0.0,
    batch_size: int | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Where two models part on the same data, and by how much.

    Models, data and tensors are what `probe` takes; tensors belong together by their references.
    Both run side by side, and of each tensor the distance alone is kept. As in NumPy the tolerance
    is `atol` plus `rtol` times the value of `model`. Raises `PatchError`.
    """
    from patchspec.probing.comparison import compare as compared  # noqa: PLC0415 (imports Keras)

    return compared(
        model,
        other,
        data,
        tensors,
        atol=atol,
        rtol=rtol,
        batch_size=batch_size,
        custom_objects=custom_objects,
        progress=progress,
    )


def clone_training(
    base: Any,
    variant: Any,
    *,
    data: Any = None,
    validation_data: Any = None,
    callbacks: Sequence[Any] | None = None,
) -> Training:
    """The training of a compiled live model, set up on a variant of it.

    `variant` is a `Variant` of the base, or a live model over its layers. Its model is compiled as
    the base is, what is said of outputs following them, and its optimizer goes on from the state
    that the base's has, variable by variable. `callbacks` are copied with what they have counted,
    for the new model; `data` and `validation_data` (`(x, y)`, `(x, y, sample_weight)`, a
    `keras.utils.PyDataset`, a `tf.data.Dataset`, a loader with a length, a generator) get their
    labels where the outputs are. What a patch puts in the place of what the base is compiled with
    stays. `fit(epochs)` of the result trains so many more epochs, counted on from the last `fit` of
    the base, or from its own; without a number as many as the base had left, at least one. `notes`
    and `left_out` say what has to be looked at. Nothing of the base is changed. Raises
    `PatchError`.
    """
    from patchspec.training.cloning import clone_training as cloned  # noqa: PLC0415 (imports Keras)

    return cloned(base, variant, data=data, validation_data=validation_data, callbacks=callbacks)


_LATER = {
    "Base": "patchspec.models.base",
    "Plan": "patchspec.planning.plan",
    "Variant": "patchspec.building.variant",
    "Watch": "patchspec.training.watch",
}


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
