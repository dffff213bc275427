"""What a gradient is of: a model that is run up to some tensors, and one number made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras.src import tree

from patchspec.probing.calls import Tensor, function_of
from patchspec.probing.replay import Doing, Tap, replay, schedule
from patchspec.probing.running import Taking, packed


@dataclass(frozen=True, eq=False)
class Program:
    """What is run, and of what the gradient is: the last tensors, summed or through the loss."""

    model: Any
    wanted: tuple[Tensor, ...]
    ends: tuple[Tensor, ...]
    variables: tuple[Any, ...]
    by_loss: bool
    doings: tuple[Doing, ...]
    taking: Taking

    @classmethod
    def of(
        cls,
        model: Any,
        wanted: Sequence[Tensor],
        ends: Sequence[Tensor],
        variables: Sequence[Any],
        *,
        by_loss: bool,
    ) -> Program:
        """The program of a model; `ends` are the tensor to be summed, or the model's outputs."""
        every = list(dict.fromkeys([*wanted, *ends]))
        doings, taking = schedule(function_of(model), every), Taking(every)
        return cls(model, tuple(wanted), tuple(ends), tuple(variables), by_loss, doings, taking)

    @property
    def every(self) -> list[Tensor]:
        """All tensors that are taken, those first with regard to which the gradients are."""
        return list(dict.fromkeys([*self.wanted, *self.ends]))

    def forward(self, inputs: Sequence[Any], labels: Any, count: int, tap: Tap) -> tuple[Any, Any]:
        """The wanted tensors on a batch, and the number, of its first `count` samples.

        `tap` is given every wanted tensor, and what it returns goes on. The number is summed over
        the samples: the loss, which is a mean, is so many times it.
        """
        taken: dict[int, list[Any]] = {}
        every = self.every

        def kept(place: int, value: Any) -> Any:
            after = tap(place, value) if place < len(self.wanted) else value
            taken.setdefault(place, []).append(after)
            return after

        form = function_of(self.model)._inputs_struct
        replay(self.model, self.doings, packed(form, inputs), kept)
        values = self.taking.values(taken)
        ends = [values[every.index(end)] for end in self.ends]
        return values[: len(self.wanted)], self._number(ends, labels, count)

    def _number(self, ends: Sequence[Any], labels: Any, count: int) -> Any:
        if not self.by_loss:
            return keras.ops.sum(ends[0][:count])
        made = tree.pack_sequence_as(function_of(self.model)._outputs_struct, list(ends))
        loss = self.model.compute_loss(y=labels, y_pred=made, training=False)
        return loss * count


def is_float(value: Any) -> bool:
    """Whether there can be a gradient with regard to a tensor or variable."""
    return "float" in keras.backend.standardize_dtype(value.dtype)
