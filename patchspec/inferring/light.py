"""An inferrer that knows the common layers itself, and asks Keras only about the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NoReturn

from patchspec.graph.tensors import Spec
from patchspec.inferring.kinds import DeclinedError
from patchspec.inferring.models import native
from patchspec.planning.shapes import InferredLayer, Inferrer, VariableSpec
from patchspec.problems import refuse


@dataclass(frozen=True)
class LightInferrer:
    """Answers like the inferrer of Keras, which is made when something needs it.

    Not for where the user has objects of his own: Keras would look names up among them first.
    """

    of_keras: Callable[[], Inferrer]
    """Makes that inferrer; this is what imports Keras."""
    integer: str = "int64"
    """The dtype that Keras means by `int`."""

    @cached_property
    def keras(self) -> Inferrer:
        """The inferrer of Keras."""
        return self.of_keras()

    def layer(self, entry: Mapping[str, Any]) -> InferredLayer:
        """The layer of an entry; PS412 with Keras's own words where its arguments do not fit."""
        found = native(entry, self.integer)
        if found is None:
            return self.keras.layer(entry)
        return LightLayer(found, lambda: self.keras.layer(entry))

    def check_compile(self, config: Mapping[str, Any]) -> None:
        """Refuse (PS429) a compile configuration of which something cannot be made."""
        self.keras.check_compile(config)


def plain_inferrer() -> LightInferrer:
    """An inferrer that never asks Keras: what is out of the ordinary stays unknown."""

    def of_keras() -> NoReturn:
        refuse("PS906", "the layer is not one whose shapes are known without Keras")

    return LightInferrer(of_keras)


@dataclass
class LightLayer:
    """A layer that is known here, until a call is made that is not."""

    made: InferredLayer
    again: Callable[[], InferredLayer]
    """Has Keras make the layer."""
    calls: list[tuple[Any, Any]] = field(default_factory=list)
    """Those that were answered here, which Keras must know of to go on."""

    @property
    def carries_masks(self) -> bool:
        """Whether a mask on the input is passed on."""
        return self.made.carries_masks

    def call(self, args: Any, kwargs: Any) -> tuple[Spec, ...]:
        """The specs of the outputs; PS411 with Keras's own words where the inputs do not fit."""
        try:
            found = self.made.call(args, kwargs)
        except DeclinedError:
            self.made = self.again()
            for before in self.calls:
                self.made.call(*before)
            return self.made.call(args, kwargs)
        self.calls.append((args, kwargs))
        return found

    def variables(self) -> tuple[VariableSpec, ...]:
        """The variables that Keras would save, in its order of saving."""
        return self.made.variables()

    def entry(self) -> Mapping[str, Any]:
        """The layer as Keras serialises it, with what it derived in building."""
        return self.made.entry()
