"""Whether every layer of the variant gets the variables that it has, told without Keras.

The plan takes what a file stores for what a layer has; a file whose config and weights are of two
models would so be copied as it is.
"""

from __future__ import annotations

from patchspec.graph.layer import Layer
from patchspec.inferring.kinds import DeclinedError
from patchspec.inferring.models import native
from patchspec.planning.known import specs_of_building
from patchspec.planning.plan import Move, Plan
from patchspec.planning.shapes import with_specs
from patchspec.problems import PatchError

INTEGER = "int64"
"""What Keras means by `int` on its default backend; no variable that is saved has it."""
Wanted = dict[str, tuple[tuple[int, ...], str]]
"""Shape and dtype of each variable, by its path inside the layer."""


def misfit(plan: Plan) -> str | None:
    """The first layer whose variables are others than its config says; none where all fit.

    Of layers that only Keras knows nothing is said.
    """
    held: dict[str, list[Move]] = {}
    for move in plan.moves:
        if move.action != "dropped":
            held.setdefault(plan.graph.holding(move.path).path, []).append(move)
    for layer in plan.graph.walk():
        if layer.is_operation or layer.is_input or layer.inner is not None:
            continue
        wanted = _wanted(layer, plan)
        moves = held.get(layer.path, [])
        found = {m.path.removeprefix(f"{layer.path}/"): (m.shape, m.dtype) for m in moves}
        if wanted is not None and wanted != found:
            return layer.path
    return None


def _wanted(layer: Layer, plan: Plan) -> Wanted | None:
    """The variables of a layer on the shapes that are recorded; none where only Keras knows."""
    recorded = plan.graph.home(layer.path).recorded
    specs = dict(specs_of_building(layer))
    specs |= {s.tensor: recorded[s.tensor] for s in layer.calls[0].slots if s.tensor in recorded}
    data = layer.calls[0].data
    try:
        made = native(layer.entry, INTEGER)
        if made is None:
            return None
        made.call(
            with_specs(data.get("args", []), specs), with_specs(data.get("kwargs", {}), specs)
        )
    except (DeclinedError, KeyError, PatchError):
        return None
    return {one.inner: (one.shape, one.dtype) for one in made.variables()}
