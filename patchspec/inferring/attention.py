"""Attention of several heads, whose projections Keras makes as layers of their own."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from patchspec.graph.tensors import Spec
from patchspec.inferring.arguments import (
    Check,
    boolean,
    constraint,
    count,
    is_integer,
    list_of,
    optional,
    rate,
    regularizer,
    seed,
)
from patchspec.inferring.einsum import product, weights_of
from patchspec.inferring.initializers import initializer
from patchspec.inferring.kinds import (
    PAIR,
    Answer,
    Config,
    Read,
    Shape,
    Weight,
    always,
    decline,
    fits,
    given,
    is_flag,
    is_mask,
)

_ORDER = ("query", "value", "key")
_MASKS = ("query_mask", "value_mask", "key_mask", "attention_mask")
_SCORES = "return_attention_scores"
_FLAGS = ("training", "use_causal_mask", _SCORES)


def _projection(
    config: Config, shape: Shape, bound: int, sizes: tuple[int, ...]
) -> tuple[Weight, ...]:
    """The weights of a projection of the last `bound` axes to `sizes`."""
    letters = string.ascii_lowercase
    free = len(shape) - bound
    kept, read = letters[:free], letters[free : len(shape)]
    made = letters[len(shape) : len(shape) + len(sizes)]
    found = product(
        f"{kept}{read},{read}{made}->{kept}{made}",
        made if config["use_bias"] else None,
        shape,
        [*(None,) * (free - 1), *sizes],
    )
    kernel, bias = given(config, "kernel_initializer"), given(config, "bias_initializer")
    return weights_of(found, kernel, bias, alone=True)


def _tensors(read: Read) -> dict[str, Spec]:
    """Query, value and key, wherever in the call they stand."""
    args = read.args if isinstance(read.args, list) and len(read.args) <= len(_ORDER) else decline()
    said = dict(zip(_ORDER, args, strict=False))
    for name, value in read.kwargs.items():
        if name in _ORDER and name not in said:
            said[name] = value
        elif not (name in _MASKS and is_mask(value)) and not (name in _FLAGS and is_flag(value)):
            decline()
    if said.get("key", 0) is None:
        del said["key"]
    found = {name: said[name] for name in _ORDER if isinstance(said.get(name), Spec)}
    whole = set(found) == set(said) >= {"query", "value"}
    return found if whole and all(map(fits, found.values())) else decline()


@dataclass(frozen=True)
class Attending:
    """The class that reads a query, a value and maybe a key."""

    arguments: Mapping[str, Check]
    sound: Callable[[Config], bool] = always
    carries_masks: Callable[[Config], bool] = always

    def answer(self, read: Read) -> Answer:
        """What a call gives."""
        tensors, config = _tensors(read), read.config
        shapes = {name: spec.shape for name, spec in tensors.items()}
        query, value = shapes["query"], shapes["value"]
        key = shapes.get("key", value)
        ranks = {len(query), len(value), len(key)}
        if len(ranks) > 1 or min(ranks) <= PAIR or value[1:-1] != key[1:-1]:
            decline()
        heads, each = config["num_heads"], config["key_dim"]
        valued = config["value_dim"] or each
        own = config["output_shape"]
        made = tuple([own] if isinstance(own, int) else own) if own else query[-1:]
        within = (*query[:-1], heads, valued)
        if None in made or config["attention_axes"] not in (None, [*range(1, len(value) - 1)]):
            decline()
        parts = {
            "key_dense/": _projection(config, key, 1, (heads, each)),
            "output_dense/": _projection(config, within, PAIR, tuple(n for n in made if n)),
            "query_dense/": _projection(config, query, 1, (heads, each)),
            "value_dense/": _projection(config, value, 1, (heads, valued)),
        }
        weights = (
            Weight(w.name, w.shape, w.initializer, part=part, alone=True)
            for part, several in parts.items()
            for w in several
        )
        outputs: list[Shape] = [(*query[:-1], *made)]
        if read.kwargs.get(_SCORES):
            # Keras says so of any other number of keys too.
            outputs.append((query[0], heads, query[1], query[1]))
        return Answer(
            tuple(Spec(shape, read.policy.compute) for shape in outputs),
            tuple(weights),
            tuple(shapes.values()),
            {"shapes_dict": {f"{name}_shape": list(shape) for name, shape in shapes.items()}},
        )


KINDS: Mapping[str, Attending] = {
    "MultiHeadAttention": Attending(
        {
            "num_heads": count,
            "key_dim": count,
            "value_dim": optional(count),
            "attention_axes": optional(list_of(is_integer)),
            "dropout": rate,
            "use_bias": boolean,
            "output_shape": lambda value: value is None or count(value) or list_of(count)(value),
            "kernel_initializer": initializer,
            "bias_initializer": initializer,
            "kernel_regularizer": regularizer,
            "bias_regularizer": regularizer,
            "kernel_constraint": constraint,
            "bias_constraint": constraint,
            "seed": seed,
        }
    )
}
