"""Finding, by the names that an old file gives its weights, which variable of the model each is.

A name such as `bi/forward_lstm/lstm_cell/kernel:0` or `dense_1_W` says the layer, often a part of
it, and the variable. Position decides nothing: a frozen layer changes the order in which Keras
writes, and a file with its layers in another order would load without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from patchspec.graph.graph import Graph
from patchspec.models.base import Variable
from patchspec.models.conversions import NUMBERED, RULES, rotated
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.parts import Part, parts_of_model
from patchspec.problems import PatchError, Problem, refuse, some

_KERAS1 = re.compile(
    r"^(?P<layer>.*)_(?P<leaf>[WUb](?:_[ifcozrh])?|gamma|beta|running_mean|running_std|alphas"
    r"|depthwise_kernel|pointwise_kernel)$"
)
_LEAVES = {
    "W": "kernel",
    "U": "recurrent_kernel",
    "b": "bias",
    "running_mean": "moving_mean",
    "running_std": "moving_variance",
    "alphas": "alpha",
}
_ALSO = {
    "embeddings": ("kernel",),
    "kernel": ("depthwise_kernel",),
    "alpha": ("alphas",),
    "concat_score_weight": ("scale",),
}
"""Other names under which a variable may be stored."""
_CONVOLUTIONS = {
    *(f"Conv{n}D" for n in (1, 2, 3)),
    "Conv2DTranspose",
    "Conv3DTranspose",
    "ConvLSTM2D",
}


@dataclass(frozen=True, slots=True)
class Weight:
    """A stored weight: the names in front of its own from the outside in, and its own."""

    said: str
    """As the file has it."""
    scopes: tuple[str, ...]
    leaf: str
    variable: Variable


def weight(said: str, variable: Variable, *, keras1: bool) -> Weight:
    """A weight by the name that the file gives it; Keras 1 wrote `layer_W`, later ones scopes."""
    name = said.removesuffix(":0")
    old = _KERAS1.match(name) if keras1 else None
    if old is not None:
        layer, leaf = old["layer"], old["leaf"]
        return Weight(said, (*layer.split("/"), layer), _LEAVES.get(leaf, leaf), variable)
    *scopes, leaf = name.split("/")
    return Weight(said, tuple(scopes), leaf, variable)


def placed(
    graph: Graph,
    groups: Mapping[str, Sequence[Weight]],
    upgraded: Upgraded,
    origin: str,
    *,
    theano: bool,
) -> dict[str, Variable]:
    """Every variable of the model by its path, from the weights under each layer's name.

    `theano` says that kernels are stored for convolution instead of correlation. PS913 names what
    the config has and the file has not, and what the file has and the config does not know.
    """
    sources = dict(upgraded.sources)
    problems: list[Problem] = []
    dealt: list[tuple[Part, Sequence[Weight]]] = []
    waiting = {name: list(weights) for name, weights in groups.items() if weights}
    for group, parts in _by_group(graph, groups, sources):
        given = waiting.pop(group, [])
        dealt += _dealt(parts, given, group, origin, problems)
    for group, left in waiting.items():
        problems.append(_unknown(group, graph, [one.said for one in left], origin))
    return placed_parts(dealt, upgraded, origin, theano=theano, problems=problems)


def placed_parts(
    dealt: Iterable[tuple[Part, Sequence[Weight]]],
    upgraded: Upgraded,
    origin: str,
    *,
    theano: bool,
    problems: Iterable[Problem] = (),
) -> dict[str, Variable]:
    """The variables of parts that are known with their weights; all problems at once."""
    noted = list(problems)
    found: dict[str, Variable] = {}
    dealt = list(dealt)
    check_conversions([part for part, _ in dealt], upgraded, origin)
    for part, weights in dealt:
        found |= _variables(part, weights, upgraded, origin, theano=theano, problems=noted)
    if noted:
        raise PatchError(dict.fromkeys(noted))
    return found


def _unknown(group: str, graph: Graph, said: Sequence[str], origin: str) -> Problem:
    """Weights under a name that is no layer's, or that of a layer whose weights are not known."""
    layer = graph.layers.get(group)
    if layer is None:
        why, hint = "which its config does not know", "the weights are those of another model"
    else:
        why = f"a `{layer.class_name}`, of which nobody knows how Keras 3 keeps them"
        hint = "load the model with Keras 3, and save it as `.keras`"
    return Problem(
        code="PS913",
        message=f"`{origin}` holds weights of `{group}`, {why}: {some(said)}",
        hint=hint,
    )


def _by_group(
    graph: Graph, groups: Iterable[str], sources: Mapping[str, str]
) -> Iterator[tuple[str, list[Part]]]:
    """The parts whose weights lie under one name of the file.

    A nested model's lie flat under its own name, or, before Keras 2, under those of its layers.
    """
    known = set(groups)
    found: dict[str, list[Part]] = {}
    for part in parts_of_model(graph):
        layer = _layer_of(part, graph)
        path = sources.get(layer, layer)
        outer = layer.partition("/")[0]
        top, inner = sources.get(outer, outer), path.removeprefix(f"{layer.rpartition('/')[0]}/")
        group = inner if top not in known and inner in known else top
        if "/" not in layer:
            group = path
        marks = tuple(inner if mark == layer.rpartition("/")[2] else mark for mark in part.marks)
        found.setdefault(group, []).append(replace(part, marks=marks))
    yield from found.items()


def _layer_of(part: Part, graph: Graph) -> str:
    """The path of the layer that a part belongs to."""
    names = part.owner.split("/")
    layer = graph.layers[names[0]]
    depth = 1
    while layer.inner is not None and depth < len(names):
        layer = layer.inner.layers[names[depth]]
        depth += 1
    return "/".join(names[:depth])


def _dealt(
    parts: Sequence[Part],
    weights: Sequence[Weight],
    group: str,
    origin: str,
    problems: list[Problem],
) -> Iterator[tuple[Part, list[Weight]]]:
    """Each part with the weights whose names say that they are its."""
    if len(parts) == 1:
        yield parts[0], list(weights)
        return
    dealt: dict[int, list[Weight]] = {i: [] for i in range(len(parts))}
    for one in weights:
        best = _best(parts, one)
        if len(best) != 1:
            who = some(parts[i].owner for i in best) or "none of its parts"
            problems.append(
                Problem(
                    code="PS914",
                    message=f"`{one.said}` under `{group}` in `{origin}` may be of {who}",
                    hint="give the parts names of their own with the Keras that wrote the file",
                )
            )
        else:
            dealt[best[0]].append(one)
    for i, part in enumerate(parts):
        yield part, dealt[i]


def _best(parts: Sequence[Part], one: Weight) -> list[int]:
    """The parts that fit a weight's name best: exact names before those with a number added."""
    for fits in (_exact, _numbered):
        scores = [sum(1 for mark in part.marks if _among(mark, one, fits)) for part in parts]
        last = [_among(part.marks[-1], one, fits) for part in parts]
        top = max((s for s, ok in zip(scores, last, strict=True) if ok), default=0)
        if top:
            return [
                i for i, (s, ok) in enumerate(zip(scores, last, strict=True)) if ok and s == top
            ]
    return []


def _among(mark: str, one: Weight, fits: object) -> bool:
    assert callable(fits)
    if "/" in mark:
        return mark in one.scopes or f"/{mark}/" in f"/{one.said}"
    return any(fits(mark, scope) for scope in one.scopes)


def _exact(mark: str, scope: str) -> bool:
    return scope == mark or (mark in ("forward", "backward") and scope.startswith(f"{mark}_"))


def _numbered(mark: str, scope: str) -> bool:
    """`dense_1` where TensorFlow made the scope `dense_1_2` of it, to be unique."""
    return _exact(mark, re.sub(r"_\d+$", "", scope))


def _variables(
    part: Part,
    weights: Sequence[Weight],
    upgraded: Upgraded,
    origin: str,
    *,
    theano: bool,
    problems: list[Problem],
) -> dict[str, Variable]:
    if part.leaves is None:
        values = [one.variable for one in weights]
        return {part.path(i): replace(v, path=part.path(i)) for i, v in enumerate(values)}
    leaves = {one.leaf: one.variable for one in weights}
    if len(leaves) != len(weights):
        refuse("PS914", f"`{part.owner}` in `{origin}` has two weights of one name")
    try:
        leaves = converted(part, leaves, upgraded, theano)
    except (KeyError, ValueError, IndexError):
        problems.append(_unfit(part, origin, [one.said for one in weights]))
        return {}
    missing = [leaf for leaf in part.leaves if leaf not in leaves]
    extra = [leaf for leaf in leaves if leaf not in part.leaves]
    if missing or extra:
        problems.append(_unfit(part, origin, [one.said for one in weights]))
        return {}
    return {
        part.path(i): replace(leaves[leaf], path=part.path(i), name=leaf)
        for i, leaf in enumerate(part.leaves)
    }


def _unfit(part: Part, origin: str, said: Sequence[str]) -> Problem:
    wanted = ", ".join(part.leaves or ())
    return Problem(
        code="PS913",
        message=f"`{part.owner}` needs {wanted}; `{origin}` holds {some(said) or 'no weights'} "
        "for it",
        hint="the weights are those of another model, or in a layout that is not known",
    )


def check_conversions(parts: Iterable[Part], upgraded: Upgraded, origin: str) -> None:
    """Every conversion must be of something that holds weights: one that is not would be lost."""
    known = {part.said for part in parts}
    for conversion in upgraded.conversions:
        if conversion.owner not in known:
            refuse(
                "PS913",
                f"the weights of `{conversion.owner}` in `{origin}` are stored in an old layout, "
                "and nothing there holds weights",
                hint="save the model anew with the Keras that wrote it",
            )


def converted(
    part: Part, leaves: dict[str, Variable], upgraded: Upgraded, theano: bool
) -> dict[str, Variable]:
    """The variables of a part in Keras 3's layout, by name."""
    for conversion in upgraded.conversions:
        if conversion.owner == part.said:
            if conversion.number is not None:
                leaves = dict(NUMBERED[conversion.rule](leaves, conversion.number))
            else:
                leaves = dict(RULES[conversion.rule](leaves))
    leaves = {_known_as(name, part, leaves): variable for name, variable in leaves.items()}
    if theano and part.kind in _CONVOLUTIONS:
        kernels = [name for name in leaves if name.endswith("kernel")]
        leaves |= {name: rotated(leaves[name]) for name in kernels}
    return leaves


def _known_as(name: str, part: Part, leaves: Mapping[str, Variable]) -> str:
    """The name under which the config knows a variable."""
    for wanted in part.leaves or ():
        if (
            wanted not in leaves
            and name in _ALSO.get(wanted, ())
            and name not in (part.leaves or ())
        ):
            return wanted
    return name
