"""The state of the optimizer: what the base's file holds of it, and what Keras starts with.

Keras saves `optimizer/vars/<n>`: the iteration, the learning rate unless a schedule gives it, and
slots for the trainable variables in the model's order. That order is known where layers hold their
variables themselves; those of parts of layers come in an order of the layer's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from patchspec.models.base import Variable
from patchspec.planning.forgotten import has_lora
from patchspec.planning.optimizing import goes_on, keeps_optimizer, state_dropped
from patchspec.planning.plan import Finding, Move, Plan
from patchspec.weights.initial import numpy_dtype

Config = Mapping[str, Any]
Groups = Sequence[Mapping[str, float]]
"""Slots by name, and what they start with: each group is gone through for all variables first."""


def _accumulated(config: Config) -> float:
    return float(config.get("initial_accumulator_value", 0.1))


def _adam(config: Config) -> Groups:
    first = {"momentum": 0.0, "velocity": 0.0}
    return [first, {"velocity_hat": 0.0}] if config.get("amsgrad") else [first]


def _rmsprop(config: Config) -> Groups:
    more = [key for key in ("momentum", "centered") if config.get(key)]
    return [{"velocity": 0.0}, *({key: 0.0} for key in more)]


_SLOTS: Mapping[str, Callable[[Config], Groups]] = {
    "SGD": lambda config: [{"momentum": 0.0}] if config.get("momentum") else [],
    "Adam": _adam,
    "AdamW": _adam,
    "Lamb": lambda _: [{"momentum": 0.0, "velocity": 0.0}],
    "Adamax": lambda _: [{"m": 0.0, "u": 0.0}],
    "Adadelta": lambda _: [{"accumulated_grad": 0.0, "accumulated_delta": 0.0}],
    "Lion": lambda _: [{"momentum": 0.0}],
    "RMSprop": _rmsprop,
    "Adagrad": lambda config: [{"accumulator": _accumulated(config)}],
    "Ftrl": lambda config: [{"accumulator": _accumulated(config), "linear": 0.0}],
}
ITERATION = "int64"
"""The dtype in which the number of steps is written, whatever the backend has in memory."""
_MORE = ("use_ema", "loss_scale_factor", "gradient_accumulation_steps")
"""Settings with which an optimizer holds more than slots."""
Key = tuple[str, str]
"""What a variable of an optimizer is: a slot and the path of its variable, or a number alone."""


def optimizer_state(plan: Plan) -> Mapping[str, Variable] | None:
    """The optimizer's variables in the variant's file, by path; none where only Keras knows them.

    The number of steps, the learning rate, and the slots of variables that are kept are those of
    the base; the others are fresh.
    """
    if not plan.document.get("compile_config"):
        return {}
    fresh = _laid_out(plan, _trained(plan))
    if fresh is None:
        return None
    saved = plan.base.optimizer
    if not saved or not keeps_optimizer(plan):
        return _numbered(fresh)
    if plan.trained is None or _base_layout(plan) is None:
        return None
    if not _is_as_promised(plan):
        return _numbered(fresh)
    layout = _base_layout(plan) or {}
    theirs = {key: saved[f"optimizer/vars/{n}"] for n, key in enumerate(layout)}
    fate = goes_on(plan)
    carried = {} if fate is None else fate.carried
    for slot, path in fresh:
        own = theirs.get((slot, carried.get(path, "")))
        if own is not None and own.shape == fresh[slot, path].shape:
            fresh[slot, path] = _as(fresh[slot, path].dtype, own)
    return _numbered(fresh)


def misfitting_state(plan: Plan) -> tuple[Finding, ...]:
    """PS424 where what the base's file holds is not the state of its optimizer."""
    goes = plan.base.optimizer and plan.trained is not None and keeps_optimizer(plan)
    if not goes or _base_layout(plan) is None or _is_as_promised(plan):
        return ()
    return (Finding(state_dropped("the file holds that of other variables than train in it")),)


def _is_as_promised(plan: Plan) -> bool:
    """Whether what the base's file holds is the state of its optimizer for its variables."""
    said = _base_layout(plan)
    return said is not None and _alike(plan.base.optimizer, _numbered(said))


def _base_layout(plan: Plan) -> dict[Key, Variable] | None:
    stored = plan.base.variables or {}
    trained = [stored[path] for path in plan.trained or () if path in stored]
    return _laid_out(plan, [(v.path, v.shape, v.dtype) for v in trained])


def _trained(plan: Plan) -> list[tuple[str, tuple[int, ...], str]] | None:
    """The trainable variables of the variant; none where their order is not certain."""
    trained = [m for m in plan.moves if m.action != "dropped" and m.trainable is not False]
    if not all(_is_plain(move, plan) for move in trained):
        return None
    if any(has_lora(plan.graph.holding(move.path)) for move in trained):
        return None
    return [(m.path, m.shape or (), str(m.dtype)) for m in trained]


def _laid_out(
    plan: Plan, trained: Sequence[tuple[str, tuple[int, ...], str]] | None
) -> dict[Key, Variable] | None:
    """What the optimizer starts with for these variables, in the order of its file."""
    said = _serialised(plan.document["compile_config"].get("optimizer"))
    if trained is None or not _is_known(said):
        return None
    try:
        return dict([*_head(said), *_slots(said, trained)])
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None  # Not as Keras writes it, which Keras says best.


def _numbered(laid_out: Mapping[Key, Variable]) -> dict[str, Variable]:
    return {
        path: replace(value, path=path)
        for n, value in enumerate(laid_out.values())
        for path in (f"optimizer/vars/{n}",)
    }


def _alike(saved: Mapping[str, Variable], fresh: Mapping[str, Variable]) -> bool:
    """Whether what is saved is the state of that optimizer for those variables."""
    return saved.keys() == fresh.keys() and all(
        (one.shape, _kind(one)) == (fresh[path].shape, _kind(fresh[path]))
        for path, one in saved.items()
    )


def _kind(variable: Variable) -> str:
    """The dtype; of integers, whose width each backend chooses for itself, that it is one."""
    return "int" if variable.dtype in ("int32", ITERATION) else variable.dtype


def _as(dtype: str, variable: Variable) -> Variable:
    if variable.dtype == dtype:
        return variable
    return replace(variable, dtype=dtype, read=lambda: variable.read().astype(dtype), span=None)


def _is_known(said: Any) -> bool:
    if not isinstance(said, Mapping) or str(said.get("class_name")) not in _SLOTS:
        return False
    own = said.get("registered_name") in (None, said["class_name"])
    config = said.get("config")
    return own and isinstance(config, Mapping) and not any(config.get(key) for key in _MORE)


def _is_plain(move: Move, plan: Plan) -> bool:
    """Whether a layer holds the variable itself, and it is known that it trains."""
    layer, _, _ = move.path.rpartition("/vars/")
    known = move.trainable is True and bool(move.name) and move.shape is not None
    return known and layer in plan.graph.by_path and not plan.graph.by_path[layer].wrapped


def _serialised(said: Any) -> Any:
    """An optimizer that is named alone, as Keras takes it: `adam`."""
    names = {name.lower(): name for name in _SLOTS}
    if isinstance(said, str) and said.lower() in names:
        return {"class_name": names[said.lower()], "config": {}}
    return said


def _head(said: Mapping[str, Any]) -> Iterator[tuple[Key, Variable]]:
    yield ("iteration", ""), _full((), ITERATION, 0)
    unsaid = 0.01 if said["class_name"] == "SGD" else 0.001
    rate = said["config"].get("learning_rate", unsaid)
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        yield ("learning_rate", ""), _full((), "float32", rate)
    elif not isinstance(rate, Mapping):
        raise TypeError("a learning rate that Keras chooses")


def _slots(
    said: Mapping[str, Any], trained: Sequence[tuple[str, tuple[int, ...], str]]
) -> Iterator[tuple[Key, Variable]]:
    for group in _SLOTS[said["class_name"]](said["config"]):
        for path, shape, dtype in trained:
            for slot, start in group.items():
                yield (slot, path), _full(shape, dtype, start)


def _full(shape: tuple[int, ...], dtype: str, value: float) -> Variable:
    return Variable("", shape, dtype, lambda: np.full(shape, value, numpy_dtype(dtype)))
