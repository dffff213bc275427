"""What the commands share: common arguments, and opening what they name."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchspec.language.patch import Patch, read_patches
from patchspec.problems import PatchError, refuse

if TYPE_CHECKING:
    from patchspec.models.base import Base

PROGRAM = "patchspec"
PATCH_SUFFIXES = (".yaml", ".yml")


class Usage(Exception):  # noqa: N818 (said to the user as it is)
    """The command was called in a way that means nothing."""


def add_format(parser: argparse.ArgumentParser, *more: str) -> None:
    """`--format` and `--json`; `more` are forms that not every command has."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--format",
        choices=("text", "json", "github", *more),
        default="text",
        help="how results and problems are printed (default: text)",
    )
    group.add_argument(
        "--json", dest="format", action="store_const", const="json", help="short for --format json"
    )


def add_custom_objects(parser: argparse.ArgumentParser) -> None:
    """`--custom-objects`."""
    parser.add_argument(
        "--custom-objects",
        metavar="MODULE",
        action="append",
        default=[],
        help="a module that defines the model's custom layers; it is imported (repeatable)",
    )


def add_weights(parser: argparse.ArgumentParser) -> None:
    """`--weights`."""
    parser.add_argument(
        "--weights",
        metavar="FILE",
        help="the file of the weights, where the model is an architecture alone: `.weights.h5`, "
        "`.h5`, `.weights.json`, `.safetensors` or `.npz`",
    )


def add_weights_out(parser: argparse.ArgumentParser) -> None:
    """`--weights-out`."""
    parser.add_argument(
        "--weights-out",
        metavar="FILE",
        help="write the weights alone too: by path as `.npz` or `.safetensors`, or as Keras has "
        "them as `.weights.h5` or in shards as `.weights.json` (vocabularies and the optimizer's "
        "state are in the `.keras` file only)",
    )
    parser.add_argument(
        "--shard-size",
        metavar="SIZE",
        type=_bytes,
        help="the most that a shard of a `.weights.json` holds: `500MB`, `2GB` (default: 5GiB)",
    )


_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)(i?)B?", re.IGNORECASE)


def _bytes(said: str) -> int:
    """A size as people write it: `500MB`, `2GiB`, or bytes."""
    found = _SIZE.fullmatch(said.strip())
    size = 0
    if found is not None:
        number, prefix, binary = found.groups()
        size = int(
            float(number) * (1024 if binary else 1000) ** " kmgt".index(prefix.lower() or " ")
        )
    if size < 1:
        raise argparse.ArgumentTypeError(f"{said!r} is no size such as 500MB")
    return size


def check_outputs(arguments: argparse.Namespace) -> tuple[Path, Path | None]:
    """The files to write, refused before any work is done where they cannot be."""
    from patchspec.models.files import check_folder, check_target  # noqa: PLC0415
    from patchspec.models.weights_out import check_weights_target  # noqa: PLC0415

    output, weights = Path(arguments.output), arguments.weights_out
    check = check_folder if arguments.output.endswith("/") else check_target
    check(output, force=arguments.force)
    if weights is None:
        return output, None
    if Path(weights).resolve() == output.resolve():
        raise Usage("`-o` and `--weights-out` name the same file")
    if output.resolve() in Path(weights).resolve().parents:
        raise Usage("`--weights-out` lies in the folder that `-o` writes")
    check_weights_target(Path(weights), force=arguments.force)
    return output, Path(weights)


@contextlib.contextmanager
def removed_on_failure(path: Path | None) -> Iterator[None]:
    """Take a file away again that was written before something that failed."""
    try:
        yield
    except BaseException:
        if path is not None:
            from patchspec.models.weights_out import remove_weights  # noqa: PLC0415

            remove_weights(path)
        raise


@contextlib.contextmanager
def quiet_backend() -> Iterator[None]:
    """Hold back what TensorFlow's native code logs on stderr as it starts; let the rest through.

    It writes to the descriptor itself, before anything in Python could set its level.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            lines = held.read().splitlines(keepends=True)
            for line in lines:
                if not _STARTUP.match(line):
                    os.write(2, line)


_STARTUP = re.compile(
    rb"WARNING: All log messages before absl|[IWE]0000 |\d{4}-\d\d-\d\d .*: [IWE] |"
    rb"To enable the following instructions|\s*$"
)


def custom_objects(modules: Sequence[str]) -> Mapping[str, Any]:
    """The objects of the modules that the user named."""
    if not modules:
        return {}
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    from patchspec.building.door import import_custom_objects  # noqa: PLC0415 (imports Keras)

    return import_custom_objects(modules)


def open_model(
    path: str | Path, modules: Sequence[str] = (), weights: str | Path | None = None
) -> Base:
    """The base in a file; one that only a class of the modules can make is opened by it."""
    from patchspec.models.opening import open_base  # noqa: PLC0415 (`validate` opens none)

    try:
        return open_base(path, weights)
    except PatchError as error:
        if not modules or [problem.code for problem in error.problems] != ["PS917"]:
            raise
    with quiet_backend():
        from patchspec.building.subclasses import open_subclass  # noqa: PLC0415 (imports Keras)

        return open_subclass(path, custom_objects(modules))


def add_planned(parser: argparse.ArgumentParser) -> None:
    """What a plan is made of: the base, patches in order, and whatever they need."""
    parser.add_argument(
        "paths",
        metavar="[BASE] PATCH",
        nargs="+",
        help="the model, unless the first patch names it, then patch files in order",
    )
    parser.add_argument(
        "--base", metavar="FILE", help="the model, where its name ends like a patch"
    )
    parser.add_argument(
        "--no-shapes", action="store_true", help="without Keras: shapes are not inferred"
    )
    add_weights(parser)
    add_models(parser)
    add_custom_objects(parser)
    add_settings(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """`--set`."""
    parser.add_argument(
        "--set",
        dest="settings",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a value for a setting of a patch (repeatable)",
    )


def add_models(parser: argparse.ArgumentParser) -> None:
    """`--model`."""
    parser.add_argument(
        "--model",
        dest="models",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="the file of a model that a patch names under `models` (repeatable)",
    )


def models_for(patches: Sequence[Patch], arguments: argparse.Namespace) -> dict[str, Base]:
    """The other models that the patches name, from the command line or from beside the patch."""
    from patchspec.models.others import open_others  # noqa: PLC0415 (most commands open none)

    modules = arguments.custom_objects
    given = {}
    for said in arguments.models:
        name, sign, path = said.partition("=")
        if not sign:
            raise Usage(f"`--model {said}`: give its file, `--model {said}=FILE`")
        given[name] = open_model(path, modules)
    return open_others(patches, given, lambda path, weights: open_model(path, modules, weights))


def patches_in(paths: Sequence[str], settings: Sequence[str]) -> tuple[Patch, ...]:
    """The patches in these files, with these values for their settings."""
    return read_patches([Path(path) for path in paths], settings_given(settings))


def settings_given(settings: Sequence[str]) -> dict[str, str]:
    """The values of `--set`, by name."""
    given = {}
    for said in settings:
        name, sign, value = said.partition("=")
        if not sign:
            raise Usage(f"`--set {said}`: give a value, `--set {said}=...`")
        given[name] = value
    return given


def refuse_inputs(outputs: Iterable[Path | None], inputs: Iterable[str | None]) -> None:
    """Refuse (PS904) to write over what the command reads, forced or not."""
    read = [Path(path) for path in inputs if path is not None and Path(path).exists()]
    read += [member for path in read for member in _members(path)]
    for output in outputs:
        if output is None or not output.exists():
            continue
        if any(map(output.samefile, read)):
            refuse("PS904", f"`{output}` is what the command reads", hint="give another name")
        inside = [path for path in read if output.resolve() in path.resolve().parents]
        if inside:
            what = f"`{output}` holds `{inside[0].name}`, which the command reads"
            refuse("PS904", what, hint="give another name")


def _members(path: Path) -> Iterator[Path]:
    """The files of a folder, and those that a list of shards names."""
    from patchspec.models.shards import shards_of  # noqa: PLC0415 (most commands write nothing)

    if path.is_dir():
        yield from path.rglob("*")
    elif path.suffix == ".json":
        named = (path.with_name(name) for name in shards_of(path))
        yield from (one for one in named if one.exists())


def split_base(paths: Sequence[str]) -> tuple[str | None, list[str]]:
    """BASE, if one was given, and the patches: a patch is what ends in `.yaml` or `.yml`."""
    first, *rest = paths
    odd = [path for path in rest if not path.endswith(PATCH_SUFFIXES)]
    if odd:
        raise Usage(
            f"`{odd[0]}` is no patch: those end in .yaml or .yml, and the model comes first"
        )
    if first.endswith(PATCH_SUFFIXES):
        return None, list(paths)
    return first, rest


def open_for(base: str | None, patches: Sequence[Patch], arguments: argparse.Namespace) -> Base:
    """The base that the command line names, else the first patch, relative to its own file.

    Weights on the command line win over those that the patch names; a base on the command line
    takes none from the patch.
    """
    modules, weights = arguments.custom_objects, arguments.weights
    if base is not None:
        return open_model(base, modules, weights)
    pinned = patches[0].base.path if patches else None
    if pinned is None:
        refuse(
            "PS910",
            "no base: the patch names none and none was given",
            hint="give it first: `BASE.keras PATCH.yaml`, or write `base: path` in the patch",
        )
    source, own = patches[0].source, patches[0].base.weights
    folder = Path(source.file).parent if source.file else Path()
    try:
        return open_model(folder / pinned, modules, weights or (folder / own if own else None))
    except PatchError as error:
        at = ("base",) if isinstance(source.data["base"], str) else ("base", "path")
        raise PatchError(source.place(replace(p, at=at) for p in error.problems)) from None
