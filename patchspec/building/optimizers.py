"""The state of a live optimizer: as Keras saves it, and by what each part of it is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from patchspec.building.placing import independent
from patchspec.building.variables import as_array, holders, is_variable, layer_holders, shape_of
from patchspec.models.base import Variable

Key = tuple[str, str]
"""What a variable of an optimizer is: its attribute, and the path of the variable it serves."""


def state_of(optimizer: Any) -> dict[str, Any]:
    """Its variables by their path in a file: `optimizer/vars/0`."""
    if optimizer is None:
        return {}
    return {
        holder.variable_path(number): value
        for holder in layer_holders(optimizer, "optimizer")
        for number, value in holder.own().items()
    }


def give_state(optimizer: Any, stored: Mapping[str, Any]) -> None:
    """Give each part of an optimizer what is stored of it; parts without any stay as they are."""
    if optimizer is None or not stored:
        return
    for holder in layer_holders(optimizer, "optimizer"):
        folder = f"{holder.path}/vars/"
        values = {
            path.removeprefix(folder): independent(value)
            for path, value in stored.items()
            if path.startswith(folder)
        }
        if values:
            holder.saveable.load_own_variables(values)


def trained_by(optimizer: Any, model: Any) -> tuple[str, ...] | None:
    """The paths of the variables that an optimizer has slots for, in its order.

    None where it has none yet. What no file holds (LoRA's matrices) is not among them.
    """
    if optimizer is None or not optimizer.built:
        return None
    paths = variable_paths(model)
    found = [paths.get(id(variable), "") for variable in optimizer._trainable_variables]
    return tuple(path for path in found if "/vars/" in path)


UNSAVED = "/unsaved/"
"""What stands between the path of a layer and the number of a variable that no file holds."""


def variable_paths(model: Any) -> dict[int, str]:
    """The path of each variable of a model by its identity; what is not saved has one too."""
    found: dict[int, str] = {}
    for holder in holders(model):
        for number, variable in holder.own().items():
            if is_variable(variable):
                found[id(variable)] = holder.variable_path(number)
        for place, variable in enumerate(getattr(holder.saveable, "weights", ())):
            found.setdefault(id(variable), f"{holder.path}{UNSAVED}{place}")
    return found


def parts(optimizer: Any, paths: Mapping[int, str]) -> dict[Key, Any]:
    """Everything that an optimizer remembers, by what it is: slots, counters, a loss scale.

    `paths` are those of the variables that it trains, by their identity. What Keras keeps without
    saving it (the schedule of Nadam) is there too.
    """
    return dict(_parts(optimizer, paths, ""))


def _parts(optimizer: Any, paths: Mapping[int, str], prefix: str) -> Iterator[tuple[Key, Any]]:
    trained = [paths.get(id(variable), "") for variable in optimizer._trainable_variables]
    for name, value in vars(optimizer).items():
        where = f"{prefix}{name}"
        if name in ("_trainable_variables", "_variables"):
            continue
        if _holds(value):
            yield (where, ""), value
        elif isinstance(value, keras.optimizers.Optimizer):
            yield from _parts(value, paths, f"{where}/")
        elif isinstance(value, (list, tuple)):
            inner = [one for one in value if isinstance(one, keras.optimizers.Optimizer)]
            for number, one in enumerate(inner):
                yield from _parts(one, paths, f"{where}/{number}/")
            if len(value) == len(trained) and not inner:
                slots = zip(trained, value, strict=True)
                yield from (((where, path), slot) for path, slot in slots if _holds(slot))


def _holds(value: Any) -> bool:
    return is_variable(value) or isinstance(value, Stored)


def carry(mine: Mapping[Key, Any], theirs: Mapping[Key, Any], carried: Mapping[str, str]) -> None:
    """Give an optimizer what another remembers, slots to the variables that go on with theirs.

    `carried` are the paths of those, with the paths that they had.
    """
    for (where, path), variable in mine.items():
        if path and path not in carried:
            continue
        found = theirs.get((where, carried[path] if path else ""))
        if found is not None and tuple(found.shape) == shape_of(variable):
            variable.assign(as_array(found) if is_variable(found) else found.read())


@dataclass(eq=False, slots=True)
class Stored:
    """A variable of an optimizer that a file holds, in the place of a live one."""

    shape: tuple[int, ...]
    variable: Variable | None = None

    def read(self) -> Any:
        """Its value."""
        assert self.variable is not None
        return self.variable.read()


def stored_parts(
    optimizer: Any, model: Any, stored: Mapping[str, Variable]
) -> dict[Key, Any] | None:
    """What a file holds of an optimizer, by what it is; none where it holds something else.

    `optimizer` is one like it that was never built, `model` one like the base, without values:
    building the one on the other, with nothing allocated, says what Keras numbers how.
    """
    for one in _optimizers(optimizer):
        _allocate_nothing(one)
    optimizer.build(model.trainable_variables)
    numbered = [value for one in _optimizers(optimizer) for value in one._variables]
    found = [stored.get(f"optimizer/vars/{n}") for n in range(len(numbered))]
    if f"optimizer/vars/{len(numbered)}" in stored:
        return None
    saved: dict[int, Stored] = {}
    for value, variable in zip(numbered, found, strict=True):
        if variable is None or variable.shape != tuple(value.shape):
            return None
        saved[id(value)] = Stored(variable.shape, variable)
    known = parts(optimizer, variable_paths(model))
    return {key: saved[id(part)] for key, part in known.items() if id(part) in saved}


def _optimizers(optimizer: Any) -> list[Any]:
    """An optimizer and those inside it, in the order in which Keras lists their variables."""
    inner = getattr(optimizer, "inner_optimizer", None)
    return [optimizer] if inner is None else [optimizer, *_optimizers(inner)]


def _allocate_nothing(optimizer: Any) -> None:
    """Have an optimizer make shapes where it would make variables, and list them as those."""

    def add_variable(shape: Sequence[int], *_: Any, **__: Any) -> Stored:
        made = Stored(tuple(int(n) for n in shape))
        optimizer._variables.append(made)
        return made

    def add_variable_from_reference(reference_variable: Any, *_: Any, **__: Any) -> Stored:
        return add_variable(shape_of(reference_variable))

    optimizer.add_variable = add_variable
    optimizer.add_variable_from_reference = add_variable_from_reference
    # TensorFlow knows variables by what it allocates for them.
    optimizer._var_key = id
    optimizer.assign = lambda *_: None
