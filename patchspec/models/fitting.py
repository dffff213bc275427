"""Fitting the variables of a file to a model: every one is used, every one is there, all fit.

A value is converted only where that loses nothing: from a narrower float to a wider one (float16 or
bfloat16 to float32, float32 to float64). Everything else that differs is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from patchspec.models.base import Base, Variable
from patchspec.models.expected import Expected, Shape, expectations
from patchspec.problems import PatchError, Problem, nearest, some

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WIDER = {
    "float16": {"float32", "float64"},
    "bfloat16": {"float32", "float64"},
    "float32": {"float64"},
}


def fitted(base: Base, found: Mapping[str, Variable], origin: str) -> dict[str, Variable]:
    """The variables of a file under the paths of the model, in the model's order.

    The keys of `found` are paths as they are used here, or all of them Keras's own `variable.path`
    where those say unambiguously which variable each is. PS508 lists what is missing, what is of no
    layer, and what has another shape; PS921 what has another dtype. The variables of a layer that
    only Keras knows are checked when the variant is built.
    """
    wanted = expectations(base.graph)
    if wanted.labels and set(found) == set(wanted.labels):
        found = {wanted.labels[key]: variable for key, variable in found.items()}
    extra = [path for path in found if not wanted.allows(path)]
    missing = [path for path in wanted.variables if path not in found]
    problems = [*_unmatched(missing, extra, base.origin, origin)]
    fits: dict[str, Variable] = {}
    for path in (*wanted.variables, *found):
        if path in found and path not in fits and path not in extra:
            fits[path] = _typed(
                replace(found[path], path=path), wanted.variables.get(path), origin, problems
            )
    problems += _misshapen(wanted.variables, fits, origin)
    if problems:
        raise PatchError(problems)
    return fits


def check_shapes(base: Base, found: Mapping[str, Variable], origin: str) -> None:
    """PS508 where a variable has another shape than the config says."""
    problems = [*_misshapen(expectations(base.graph).variables, found, origin)]
    if problems:
        raise PatchError(problems)


def _unmatched(missing: list[str], extra: list[str], model: str, origin: str) -> Iterator[Problem]:
    if missing:
        yield Problem(
            code="PS508",
            message=f"`{origin}` lacks {len(missing)} of the variables of `{model}`: "
            f"{some(missing)}",
            notes=_alike(missing, extra),
            hint="variables go by `layer/vars/0`, as `--weights-out` writes them",
        )
    if extra:
        yield Problem(
            code="PS508",
            message=f"`{origin}` holds {len(extra)} variables that `{model}` does not have: "
            f"{some(extra)}",
            notes=() if missing else _alike(extra, missing),
            hint="the weights are those of another model",
        )


def _alike(names: list[str], others: list[str]) -> tuple[str, ...]:
    """For the first few names, what looks most like them on the other side."""
    pairs = [(name, nearest(name, others, n=1)) for name in names[:6]]
    return tuple(f"`{name}` is closest to `{found[0]}`" for name, found in pairs if found)


def _misshapen(
    wanted: Mapping[str, Expected], found: Mapping[str, Variable], origin: str
) -> Iterator[Problem]:
    unlike = [
        f"`{path}` has {_shown(found[path].shape)}, not {_shown(one.shape)}"
        for path, one in wanted.items()
        if path in found and one.shape is not None and not _fits(found[path].shape, one.shape)
    ]
    if unlike:
        yield Problem(
            code="PS508",
            message=f"{len(unlike)} of the variables in `{origin}` have another shape than the "
            "config says",
            notes=tuple(unlike[:20]),
            hint="the weights are those of another model",
        )


def _fits(shape: tuple[int, ...], wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(
        n is None or n == m for m, n in zip(shape, wanted, strict=True)
    )


def _shown(shape: Shape | None) -> str:
    return "(" + ", ".join("?" if n is None else str(n) for n in shape or ()) + ")"


def _typed(
    variable: Variable, wanted: Expected | None, origin: str, problems: list[Problem]
) -> Variable:
    """The variable in the dtype that the config says; a problem where that could lose something."""
    if wanted is None:
        return variable
    variable = replace(variable, name=wanted.name)
    if wanted.dtype in (None, variable.dtype):
        return variable
    if wanted.dtype not in _WIDER.get(variable.dtype, ()):
        problems.append(
            Problem(
                code="PS921",
                message=f"`{variable.path}` in `{origin}` is {variable.dtype}, the config says "
                f"{wanted.dtype}",
                hint="only a wider float takes the values as they are; convert the file, or give "
                "the layer another `dtype`",
            )
        )
        return variable
    widened = _widened(variable.read, wanted.dtype)
    return replace(variable, dtype=wanted.dtype, read=widened, span=None)


def _widened(read: Callable[[], NDArray[Any]], dtype: str | None) -> Callable[[], NDArray[Any]]:
    return lambda: read().astype(dtype)
