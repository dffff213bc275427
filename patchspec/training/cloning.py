"""The training set-up of a model, moved onto a variant of it to look at or to go on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from patchspec.building.door import said_by
from patchspec.building.live import base_of
from patchspec.building.optimizers import carry, parts, variable_paths
from patchspec.building.variant import Variant
from patchspec.graph.edits import plain
from patchspec.graph.graph import Graph
from patchspec.planning.compiling import carried_compile
from patchspec.planning.ends import Came
from patchspec.planning.labels import by_output, named_ends, pairs
from patchspec.planning.plan import Plan
from patchspec.problems import refuse, some
from patchspec.training.copying import copied
from patchspec.training.partners import Partners, differ, partners
from patchspec.training.relabelling import Outputs, begun, fitting

_NEVER = (
    "a model remembers neither its data nor its callbacks: those given here are all there are",
    "`batch_size`, `shuffle`, `class_weight`, `validation_split` are given to `fit`: do so again",
    "History knows the last `fit` alone: epochs of earlier ones are not counted",
    "sample-weight modes are no part of Keras 3: weights are by sample, or by output",
)


@dataclass(frozen=True)
class Training:
    """How a model is to be trained as another one was."""

    model: Any
    """The model, compiled, with an optimizer that goes on from the steps of the base's."""
    given: Mapping[str, Any] = field(repr=False)
    """`fit_arguments` with loaders in the place of generators over them."""
    notes: tuple[str, ...] = ()
    """What does not come along by itself, or has to be looked at."""
    left_out: tuple[str, ...] = _NEVER
    """What Keras does not say of a model's training."""
    before: Any = field(default=None, repr=False)
    """The History that the model had as this was made: it tells of no epoch trained since."""

    @property
    def fit_arguments(self) -> dict[str, Any]:
        """What `fit` of the model takes: data, callbacks, the epochs to begin and to end with.

        They are made anew each time, so that every `fit` has a loader from its beginning.
        """
        return begun(self.given)

    def fit(self, epochs: int | None = None, **more: Any) -> Any:
        """Train for so many more epochs; `more` are other arguments of `fit`, which come first.

        Without a number it trains for as many as the last `fit` of the base had left, at least one.
        Called again it goes on where it ended.
        """
        arguments = {**self.fit_arguments, **self._ended(), **more}
        first = int(arguments.get("initial_epoch", 0))
        last = max(arguments.get("epochs", 0), first + 1) if epochs is None else first + epochs
        return self.model.fit(**{**arguments, "epochs": last})

    def _ended(self) -> dict[str, int]:
        history = getattr(self.model, "history", None)
        trained = [] if history is self.before else getattr(history, "epoch", [])
        return {"initial_epoch": trained[-1] + 1} if trained else {}

    def __str__(self) -> str:
        given = ", ".join(self.given) or "nothing"
        lines = [f"training of {self.model.name}: fit is given {given}"]
        lines += [f"  look at: {note}" for note in self.notes]
        return "\n".join([*lines, *(f"  not known: {said}" for said in self.left_out)])


def clone_training(
    base: Any,
    variant: Any,
    *,
    data: Any = None,
    validation_data: Any = None,
    callbacks: Sequence[Any] | None = None,
) -> Training:
    """The training of `base` for `variant`; see `patchspec.clone_training`."""
    if not getattr(base, "compiled", False):
        refuse("PS964", "the base is not compiled, so there is no training to move", hint=_COMPILE)
    model, plan = (variant.model, variant.plan) if isinstance(variant, Variant) else (variant, None)
    opened = base_of(base)
    before, after = opened.graph, base_of(model).graph
    came = _came(before, after, base, model) if plan is None else plan.came
    compiled = opened.document["compile_config"]
    said = _said(plan)
    carried = carried_compile({"compile_config": compiled}, before, after, came, said)
    if not carried.config:
        refuse("PS964", carried.findings[0].message, hint=_COMPILE)
    outputs = _outputs(compiled, carried.config, before, after, came)
    arguments, notes = _arguments(base, data, validation_data, outputs)
    known = partners(base, model, plan)
    _compile(base, model, carried.config)
    if carried.config.get("optimizer") == compiled.get("optimizer"):
        _carry_optimizer(base, model, known)
    mine, told = copied(callbacks or (), base, model, known)
    if mine:
        arguments["callbacks"] = mine
    found = [problem.message for problem in carried.findings]
    found += _noticed(base, model, known, said)
    return Training(
        model, arguments, (*found, *notes, *told), before=getattr(model, "history", None)
    )


_COMPILE = "compile the variant for what it is to learn"


def _said(plan: Plan | None) -> Any:
    """What the patches put in the place of what the base is compiled with; none if nothing."""
    patches = () if plan is None else plan.patches
    said = [patch.compile for patch in patches if patch.compile is not None]
    return said[-1] if said and isinstance(said[-1], Mapping) else None


def _outputs(
    compiled: Mapping[str, Any], config: Mapping[str, Any], before: Graph, after: Graph, came: Came
) -> Outputs:
    was, now = named_ends(before), named_ends(after)
    origins = tuple(pairs(was, now, came))
    trained = by_output(compiled.get("loss"), "loss", was) or {}
    wanted = by_output(config.get("loss"), "loss", now) or {}
    unlabelled = tuple(name for name, origin in origins if origin is None and name in wanted)
    return Outputs(was, now, origins, frozenset(trained), unlabelled)


def _compile(base: Any, model: Any, config: Mapping[str, Any]) -> None:
    """Compile as the configuration says, with the base's own functions and classes."""
    try:
        with keras.saving.CustomObjectScope(_own_objects(base)):
            model.compile_from_config(plain(config))
    except Exception as error:  # noqa: BLE001 (what is compiled with can raise anything)
        reason = f"the variant cannot be compiled as the base is: {said_by(error)}"
        refuse("PS964", reason, hint="register what the base is compiled with, or " + _COMPILE)


def _own_objects(base: Any) -> dict[str, Any]:
    """Functions and classes that the base was compiled with, by the names that configs have."""
    given = getattr(getattr(base, "_compile_config", None), "config", {})
    found: dict[str, Any] = {}
    for one in keras.tree.flatten(given):
        kind = one if hasattr(one, "__name__") else type(one)
        if kind.__module__.partition(".")[0] in ("builtins", "keras"):
            continue
        if found.setdefault(kind.__name__, kind) is not kind:
            refuse("PS964", f"the base is compiled with two objects called `{kind.__name__}`")
    return found


def _noticed(base: Any, model: Any, known: Partners, said: Any) -> Iterator[str]:
    if said is not None:
        yield f"the patch says {some(said)} itself: that is not as in the base"
    if differ(base, model, known.kept):
        yield "weights are not those of the base now: it or the variant was trained since"
    if len(_flat(base)) == 1 < len(_flat(model)):
        yield "Keras takes no `class_weight` for several outputs: give weights of samples"


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


def _carry_optimizer(base: Any, model: Any, known: Partners) -> None:
    """Give the model's optimizer what the base's remembers of the variables that both have."""
    if not base.optimizer.built:
        return
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    mine = parts(model.optimizer, variable_paths(model))
    carry(mine, parts(base.optimizer, variable_paths(base)), known.kept)


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
    arguments |= dict(_history(base, steps=isinstance(data, Iterator)))
    return arguments, notes


def _history(base: Any, *, steps: bool) -> Iterator[tuple[str, Any]]:
    """What Keras's History says of the last `fit`; the steps for data that does not say its own."""
    history = getattr(base, "history", None)
    epochs = getattr(history, "epoch", None)
    said = getattr(history, "params", None) or {}
    if epochs:
        yield "initial_epoch", epochs[-1] + 1
        yield "epochs", max(said.get("epochs") or 0, epochs[-1] + 2)
    if steps and said.get("steps"):
        yield "steps_per_epoch", said["steps"]
