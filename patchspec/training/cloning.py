"""The training set-up of a model, moved onto a variant of it to look at or to go on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from patchspec.building.live import base_of
from patchspec.building.optimizers import carry, parts, variable_paths
from patchspec.building.variant import Variant
from patchspec.graph.edits import plain
from patchspec.graph.graph import Graph
from patchspec.planning.compiling import carried_compile
from patchspec.planning.ends import Came
from patchspec.planning.known import BASE
from patchspec.planning.labels import by_output, named_ends, pairs
from patchspec.planning.plan import Plan
from patchspec.problems import refuse
from patchspec.training.copying import copied
from patchspec.training.relabelling import Outputs, fitting

_NEVER = (
    "a model remembers neither its data nor its callbacks: those given here are all there are",
    "`class_weight`, `validation_split` and `shuffle` are arguments of `fit`: give them again",
    "sample-weight modes are no part of Keras 3: weights are by sample, or by output",
)


@dataclass(frozen=True)
class Training:
    """How a model is to be trained as another one was."""

    model: Any
    """The model, compiled, with an optimizer that goes on from the steps of the base's."""
    fit_arguments: Mapping[str, Any] = field(repr=False)
    """What `fit` of the model takes: data, callbacks, and the epoch to begin with."""
    notes: tuple[str, ...] = ()
    """What does not come along by itself, or has to be looked at."""
    left_out: tuple[str, ...] = _NEVER
    """What Keras does not say of a model's training."""

    def fit(self, epochs: int = 1, **more: Any) -> Any:
        """Train for so many more epochs; `more` are other arguments of `fit`, which come first."""
        arguments = {**self.fit_arguments, **more}
        begun = int(arguments.get("initial_epoch", 0))
        return self.model.fit(**{**arguments, "epochs": begun + epochs})

    def __str__(self) -> str:
        given = ", ".join(self.fit_arguments) or "nothing"
        lines = [f"training of {self.model.name}: fit is given {given}"]
        lines += [f"  look at: {note}" for note in self.notes]
        return "\n".join([*lines, *(f"  not known: {said}" for said in self.left_out)])


def clone_training(
    base: Any,
    variant: Any,
    *,
    data: Any = None,
    validation_data: Any = None,
    callbacks: Sequence[Any] = (),
) -> Training:
    """The training of `base` for `variant`; see `patchspec.clone_training`."""
    if not getattr(base, "compiled", False):
        refuse("PS964", "the base is not compiled, so there is no training to move", hint=_COMPILE)
    model, plan = (variant.model, variant.plan) if isinstance(variant, Variant) else (variant, None)
    before, after = base_of(base).graph, base_of(model).graph
    came = _came(before, after, base, model) if plan is None else plan.came
    compiled = base_of(base).document["compile_config"]
    carried = carried_compile({"compile_config": compiled}, before, after, came)
    if not carried.config:
        refuse("PS964", carried.findings[0].message, hint=_COMPILE)
    model.compile_from_config(plain(carried.config))
    _carry_optimizer(base, model, plan)
    was, now = named_ends(before), named_ends(after)
    trained = by_output(compiled.get("loss"), "loss", was) or {}
    origins = tuple(pairs(was, now, came))
    outputs = Outputs(was, now, origins, frozenset(trained))
    arguments, notes = _arguments(base, data, validation_data, outputs)
    mine, told = copied(callbacks, base, model)
    if mine:
        arguments["callbacks"] = mine
    found = [problem.message for problem in carried.findings]
    return Training(model, arguments, (*found, *notes, *told))


_COMPILE = "compile the variant for what it is to learn"


def _came(before: Graph, after: Graph, base: Any, model: Any) -> Came:
    """Which output of the base each one of a model is: the same tensor, else one of its name."""
    theirs = {id(tensor): index for index, tensor in enumerate(_flat(base))}
    names = {name: index for index, name in enumerate(named_ends(before).names)}
    found = []
    for tensor, name in zip(_flat(model), named_ends(after).names, strict=True):
        found.append(theirs.get(id(tensor), names.get(name)))
    return tuple(found)


def _flat(model: Any) -> list[Any]:
    return list(keras.tree.flatten(model.outputs))


def _carry_optimizer(base: Any, model: Any, plan: Plan | None) -> None:
    """Give the model's optimizer what the base's remembers of the variables that both have."""
    if not base.optimizer.built:
        return
    paths, theirs = variable_paths(model), variable_paths(base)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    carried = {path: path for path in paths.values()} if plan is None else _kept(plan, paths)
    carry(parts(model.optimizer, paths), parts(base.optimizer, theirs), carried)


def _kept(plan: Plan, paths: Mapping[int, str]) -> dict[str, str]:
    """The variables of a variant that are those of the base, with their paths there."""
    kept = {
        move.path: source
        for move in plan.moves
        if move.action == "kept"
        for model, source in move.sources
        if model == BASE
    }
    return {path: kept[path] for path in paths.values() if path in kept}


def _arguments(
    base: Any, data: Any, validation_data: Any, outputs: Outputs
) -> tuple[dict[str, Any], list[str]]:
    arguments: dict[str, Any] = {}
    notes: list[str] = []
    if data is not None:
        arguments, note = fitting(data, outputs)
        notes += [] if note is None else [note]
    if validation_data is not None:
        validation, note = fitting(validation_data, outputs)
        steps = validation.pop("steps_per_epoch", None)
        validation.pop("shuffle", None)
        lone = len(validation) == 1
        arguments["validation_data"] = validation["x"] if lone else tuple(validation.values())
        arguments |= {} if steps is None else {"validation_steps": steps}
        notes += [] if note is None else [note]
    arguments |= dict(_history(base))
    return arguments, notes


def _history(base: Any) -> Iterator[tuple[str, Any]]:
    """What Keras's History says of the last `fit`."""
    history = getattr(base, "history", None)
    epochs = getattr(history, "epoch", None)
    if epochs:
        yield "initial_epoch", epochs[-1] + 1
