"""Which layer of one model is which layer of another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from patchspec.differences.likeness import config_key, position_key, read_key
from patchspec.differences.values import content_key
from patchspec.graph.graph import Graph
from patchspec.graph.layer import Layer
from patchspec.models.base import Base
from patchspec.planning.summary import Lineage

Reason = Literal["weights", "structure"]
"""What a guess rests on."""


@dataclass(frozen=True)
class Match:
    """The layers of two models that belong together, and which of them by a guess."""

    lineage: Lineage
    guesses: Mapping[str, Reason] = field(default_factory=dict)
    """Layers afterwards that have another name than before, and how they were recognised."""


def match(before: Base, after: Base, *, values: bool = True) -> Match:
    """The layers of `after`, each with the one of `before` that it is, where there is one.

    Of one name and class they are the same. What is left is held together by the values of its
    weights, where both models have some and `values` says to read them, then by its config and its
    neighbours; both are guesses, and only what cannot be mistaken for another is guessed.
    """
    found = _Matching(before, after, values and None not in (before.variables, after.variables))
    if not found.by_order():
        found.by_name(before.graph, after.graph)
        found.by_values()
        found.by_structure()
    return found.match()


@dataclass
class _Matching:
    """What has been found so far; the layers of both models by path."""

    before: Base
    after: Base
    with_values: bool
    origins: dict[str, str] = field(default_factory=dict)
    came: dict[str, str] = field(default_factory=dict)
    """The other way around."""
    guesses: dict[str, Reason] = field(default_factory=dict)

    def pair(self, old: str, new: str, reason: Reason | None = None) -> None:
        """Two layers are one; layers inside them that have one name too."""
        self.origins[new], self.came[old] = old, new
        if reason is not None:
            self.guesses[new] = reason
        was, now = self.before.graph.by_path[old].inner, self.after.graph.by_path[new].inner
        if was is not None and now is not None:
            self.by_name(was, now)

    def left(self) -> tuple[list[Layer], list[Layer]]:
        """The layers of both models that have no partner."""
        return (
            [x for path, x in self.before.graph.by_path.items() if path not in self.came],
            [x for path, x in self.after.graph.by_path.items() if path not in self.origins],
        )

    def by_order(self) -> bool:
        """Whether the models are one but for names: then layers go by their place in the order.

        Not where values say that layers of other names changed places.
        """
        was, now = self.before.graph, self.after.graph
        if set(was.by_path) == set(now.by_path):
            return False
        if position_key(was) != position_key(now):
            return False
        pairs = list(zip(was.walk(), now.walk(), strict=True))
        renamed = [(old, new) for old, new in pairs if old.name != new.name]
        held = [self._values(old, new) for old, new in renamed] if self.with_values else []
        moved = {a for a, b in held if a != b} & {b for a, b in held if a != b} - {None}
        if moved:
            return False
        for old, new in pairs:
            self.origins[new.path], self.came[old.path] = old.path, new.path
        same = {
            new.path
            for (_, new), (a, b) in zip(renamed, held, strict=False)
            if a is not None and a == b
        }
        for _, new in renamed:
            self.guesses[new.path] = "weights" if new.path in same else "structure"
        return True

    def _values(self, old: Layer, new: Layer) -> tuple[Hashable, Hashable]:
        return content_key(self.before, old), content_key(self.after, new)

    def by_name(self, was: Graph, now: Graph) -> None:
        """Layers of one name and one class; those whose names Keras made only if sure."""
        unsure = self._renumbered(was, now)
        for name, new in now.layers.items():
            old = was.layers.get(name)
            if old is not None and old.class_names == new.class_names and name not in unsure:
                self.pair(old.path, new.path)

    def _renumbered(self, was: Graph, now: Graph) -> set[str]:
        """Names that Keras made up and numbered, which one process gives other layers than another.

        They are sure where the models have the same ones, and where the values agree.
        """
        made_was = {n for n, layer in was.layers.items() if is_made_up(layer)}
        made_now = {n for n, layer in now.layers.items() if is_made_up(layer)}
        if made_was == made_now or not self.with_values:
            return set()
        return {
            name
            for name in made_was & made_now
            if content_key(self.before, was.layers[name])
            not in (None, content_key(self.after, now.layers[name]))
        }

    def by_values(self) -> None:
        """Layers of one class whose variables hold the same, whatever they are called."""
        if not self.with_values:
            return

        def of(base: Base) -> Callable[[Layer], Hashable]:
            def key(layer: Layer) -> Hashable:
                value = content_key(base, layer)
                return None if value is None else (layer.class_names, value)

            return key

        old, new = self.left()
        self._unique(old, new, of(self.before), of(self.after), "weights")

    def by_structure(self) -> None:
        """Layers made alike that stand between the same neighbours, again and again."""
        while True:
            known = len(self.origins)
            old, new = self.left()
            self._unique(old, new, self._old_key(config=True), self._new_key(config=True))
            if len(self.origins) == known:
                return

    def _old_key(self, *, config: bool) -> Callable[[Layer], Hashable]:
        return lambda layer: self._place(layer, self.before.graph, self.came, config=config)

    def _new_key(self, *, config: bool) -> Callable[[Layer], Hashable]:
        alike = {path: path for path in self.origins}
        return lambda layer: self._place(layer, self.after.graph, alike, config=config)

    def _place(
        self, layer: Layer, graph: Graph, names: Mapping[str, str], *, config: bool
    ) -> Hashable:
        """Where a layer stands, in terms of layers that have a partner; none if nowhere."""
        around = read_key(graph, layer, names)
        if around is None:
            return None
        home = names.get(layer.home, "") if layer.home else ""
        return (home, around, (layer.class_names, config_key(layer)) if config else None)

    def _unique(
        self,
        old: Iterable[Layer],
        new: Iterable[Layer],
        old_key: Callable[[Layer], Hashable],
        new_key: Callable[[Layer], Hashable],
        reason: Reason = "structure",
    ) -> None:
        """Pair what has a key that no other layer of its model has."""
        once = dict(_once(old, old_key))
        for key, layer in dict(_once(new, new_key)).items():
            old_layer = once.get(key)
            if old_layer is None or old_layer.path in self.came or layer.path in self.origins:
                continue
            self.pair(old_layer.path, layer.path, reason)

    def match(self) -> Match:
        """All that was found, and which new layers stand in the place of which old ones."""
        before, after = self.before.graph, self.after.graph
        origins = {path: self.origins.get(path) for path in after.by_path}
        return Match(Lineage(before, after, origins, dict(self._replaces())), self.guesses)

    def _replaces(self) -> Iterator[tuple[str, str]]:
        """New layers that have the name, or the place, of one that is gone."""
        old, new = self.left()
        gone = {layer.path: layer for layer in old}
        seen = set()
        for layer in new:
            home = self.origins.get(layer.home, layer.home)
            named = "/".join(filter(None, (home, layer.name)))
            if named in gone and named not in seen:
                seen.add(named)
                yield layer.path, named
        taken = set(seen)
        once = dict(_once([x for x in old if x.path not in taken], self._old_key(config=False)))
        for key, layer in _once(new, self._new_key(config=False)):
            if key in once and once[key].path not in seen:
                seen.add(once[key].path)
                yield layer.path, once[key].path


def _once(
    layers: Iterable[Layer], key: Callable[[Layer], Hashable]
) -> Iterator[tuple[Hashable, Layer]]:
    keyed = [(key(layer), layer) for layer in layers]
    counts = Counter(k for k, _ in keyed)
    return ((k, layer) for k, layer in keyed if k is not None and counts[k] == 1)


_NUMBER = re.compile(r"_\d+\Z")


def is_made_up(layer: Layer) -> bool:
    """Whether the name is one that Keras makes of the class: `conv2d`, `conv2d_3`."""
    return _NUMBER.sub("", layer.name) == snake_case(layer.class_name)


def snake_case(name: str) -> str:
    """The name that Keras makes of a class name."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
