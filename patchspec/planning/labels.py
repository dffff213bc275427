"""What a model is compiled with for each of its outputs, and what `fit` is given for them.

Keras takes losses, metrics and loss weights as one value, a list in the order of the outputs or a
mapping by their names. Where outputs come and go they are written anew: for each output that was
there what was said of it, for a new one nothing. `fit` takes that (tried with Keras 3.15): labels
for the trained outputs alone, in a list, or for all of them with `None` for the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names
from patchspec.planning.ends import Came, structure

METRICS = ("metrics", "weighted_metrics")
KEYED = ("loss", "loss_weights", *METRICS)


@dataclass(frozen=True, slots=True)
class Named:
    """The outputs of a model: what they are called, in the order of its config."""

    names: tuple[str, ...]
    form: str
    """`single`, `list`, `dict`, or `deep` for any other nesting."""

    @property
    def listed(self) -> tuple[str, ...]:
        """Their names in the order in which Keras flattens them: keys of a dict are sorted."""
        return tuple(sorted(self.names)) if self.form == "dict" else self.names


def named_ends(graph: Graph) -> Named:
    """The outputs of a model."""
    nesting = structure(graph.config["output_layers"])
    if nesting is None:
        form = "single"
    elif isinstance(nesting, Mapping):
        form = "dict" if all(item is None for item in nesting.values()) else "deep"
    else:
        form = "list" if all(item is None for item in nesting) else "deep"
    return Named(tuple(end_names(graph.outputs)), form)


def by_output(value: Any, key: str, ends: Named) -> dict[str, Any] | None:
    """What is said under a key of the compile configuration, by output; none where that is unclear.

    Outputs of which nothing is said are left out.
    """
    if value is None:
        return {}
    names = ends.listed
    many = key in METRICS
    if isinstance(value, Mapping) and "class_name" not in value:
        if len(names) == 1 and many:
            return {names[0]: [one for said in value.values() for one in _listed(said)]}
        known = {name: one for name, one in value.items() if name in names and one is not None}
        return known if value.keys() <= set(names) else None
    if isinstance(value, list):
        if len(names) == 1:
            return {names[0]: _flat(value) if many else value[0]} if value else {}
        if len(value) != len(names):
            return None
        return {n: one for n, one in zip(names, value, strict=True) if one not in (None, [])}
    if key == "loss":
        return dict.fromkeys(names, value)
    return {names[0]: value} if len(names) == 1 else None


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _flat(value: list[Any]) -> list[Any]:
    return [one for item in value for one in _listed(item) if one is not None]


def spelled(said: Mapping[str, Any], key: str, ends: Named) -> Any:
    """What is said by output as Keras takes it for outputs of this form."""
    if not said:
        return None
    if ends.form == "single":
        return said[ends.names[0]]
    if ends.form == "dict":
        return {name: said[name] for name in ends.names if name in said}
    listed = [said.get(name) for name in ends.names]
    return (
        [_listed(one) if one is not None else None for one in listed] if key in METRICS else listed
    )


def moved(said: Mapping[str, Any], came: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """What was said by output of the base, by output of the variant; `came` pairs the names."""
    return {now: said[was] for now, was in came if was is not None and was in said}


def pairs(before: Named, after: Named, came: Came) -> list[tuple[str, str | None]]:
    """For each output its name and the one that it had."""
    return [
        (now, None if index is None else before.names[index])
        for now, index in zip(after.names, came, strict=True)
    ]


def new_labels(
    compiled: Mapping[str, Any],
    before: Named,
    after: Named,
    came: Came,
    trained: Mapping[str, Any],
) -> str | None:
    """The labels that `fit` must be given from now on, where those of the base no longer do.

    `compiled` is the configuration of the base, `trained` what the base's loss says, by output.
    """
    origins = pairs(before, after, came)
    was = [name for name in before.listed if name in trained]
    ordered = [(now, origin) for n in after.listed for now, origin in origins if now == n]
    now = [origin for _, origin in ordered if origin in trained]
    idle = [place for place, (_, origin) in enumerate(ordered) if origin not in trained]
    last = max((p for p, (_, origin) in enumerate(ordered) if origin in trained), default=-1)
    measured = any(compiled.get(key) for key in METRICS)
    keyed = before.form == "dict" or any(_is_by_name(compiled.get(key)) for key in KEYED)
    by_name = keyed and len(before.names) > 1
    more = len(idle) > len(before.names) - len(trained)
    changed = (
        now != was
        or (measured and more and any(place < last for place in idle))
        or (by_name and measured and more)
        or (by_name and any(n != o for n, o in origins if o in trained))
        or (len(now) > 1 and (before.form == "dict") != (after.form == "dict"))
    )
    if not changed:
        return None
    if after.form == "single":
        return f"`{after.names[0]}` alone"
    said = [name if origin in trained else "None" for name, origin in ordered]
    if after.form == "dict":
        entries = (f'"{n}": {label}' for n, label in zip(after.listed, said, strict=True))
        return "`{" + ", ".join(entries) + "}`"
    return f"`[{', '.join(said)}]`"


def _is_by_name(value: Any) -> bool:
    return isinstance(value, Mapping) and "class_name" not in value
