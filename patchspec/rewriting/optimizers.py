"""The state of an optimizer that starts anew, as Keras saves it before the first step.

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
from patchspec.planning.compiling import optimizer_fits
from patchspec.planning.plan import Move, Plan
from patchspec.weights.initial import numpy_dtype

Config = Mapping[str, Any]
Groups = Sequence[Sequence[float]]
"""What slots start with: each group is gone through for all variables before the next one."""


def _accumulated(config: Config) -> float:
    return float(config.get("initial_accumulator_value", 0.1))


def _adam(config: Config) -> Groups:
    return [[0.0, 0.0], [0.0]] if config.get("amsgrad") else [[0.0, 0.0]]


def _rmsprop(config: Config) -> Groups:
    more = [key for key in ("momentum", "centered") if config.get(key)]
    return [[0.0], *([0.0] for _ in more)]


_SLOTS: Mapping[str, Callable[[Config], Groups]] = {
    "SGD": lambda config: [[0.0]] if config.get("momentum") else [],
    "Adam": _adam,
    "AdamW": _adam,
    "Lamb": lambda _: [[0.0, 0.0]],
    "Adamax": lambda _: [[0.0, 0.0]],
    "Adadelta": lambda _: [[0.0, 0.0]],
    "Lion": lambda _: [[0.0]],
    "RMSprop": _rmsprop,
    "Adagrad": lambda config: [[_accumulated(config)]],
    "Ftrl": lambda config: [[_accumulated(config), 0.0]],
}
ITERATION = "int64"
"""The dtype in which the number of steps is written, whatever the backend has in memory."""
_MORE = ("use_ema", "loss_scale_factor", "gradient_accumulation_steps")
"""Settings with which an optimizer holds more than slots."""


def optimizer_state(plan: Plan) -> Mapping[str, Variable] | None:
    """The optimizer's variables in the variant's file, by path; none where only Keras knows them.

    Those of the base where they still belong to the variables in their order, else fresh ones.
    """
    if not plan.document.get("compile_config"):
        return {}
    try:
        fresh = _fresh(plan)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None  # Not as Keras writes it, which Keras says best.
    saved = plan.base.optimizer
    if fresh is None or not saved or not optimizer_fits(plan) or not _alike(saved, fresh):
        return fresh
    return {path: _as(fresh[path].dtype, variable) for path, variable in saved.items()}


def _fresh(plan: Plan) -> Mapping[str, Variable] | None:
    """What the optimizer starts with."""
    said = _serialised(plan.document["compile_config"].get("optimizer"))
    trained = [m for m in plan.moves if m.action != "dropped" and m.trainable is not False]
    if not _is_known(said) or not all(_is_plain(move, plan) for move in trained):
        return None
    values = [*_head(said), *_slots(said, trained)]
    return {f"optimizer/vars/{n}": value for n, value in enumerate(values)}


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


def _head(said: Mapping[str, Any]) -> Iterator[Variable]:
    yield _full((), ITERATION, 0)
    unsaid = 0.01 if said["class_name"] == "SGD" else 0.001
    rate = said["config"].get("learning_rate", unsaid)
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        yield _full((), "float32", rate)
    elif not isinstance(rate, Mapping):
        raise TypeError("a learning rate that Keras chooses")


def _slots(said: Mapping[str, Any], trained: Sequence[Move]) -> Iterator[Variable]:
    for group in _SLOTS[said["class_name"]](said["config"]):
        for move in trained:
            for start in group:
                assert move.shape is not None
                yield _full(move.shape, str(move.dtype), start)


def _full(shape: tuple[int, ...], dtype: str, value: float) -> Variable:
    return Variable("", shape, dtype, lambda: np.full(shape, value, numpy_dtype(dtype)))
