"""What a model costs before and after: layers, parameters, bytes, operations."""

from __future__ import annotations

from collections.abc import Sequence

from patchspec.differences.counting import trainable_parameters
from patchspec.differences.flops import Work, work_of
from patchspec.planning.plan import Move, Plan
from patchspec.review.style import number, plural
from patchspec.review.verdicts import end_rows


def figure_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Name, before and after: layers, parameters, size, work, inputs and outputs."""
    before, after = plan.parameters["before"], plan.parameters["after"]
    was, now = _work(plan)
    trained = trainable_parameters(plan.base)
    rows = [
        ("layers", number(len(plan.base.graph.by_path)), number(len(plan.graph.by_path))),
        ("parameters", number(before["total"]), number(after["total"])),
        ("trainable", _share(trained, before["total"]), _share(after["trainable"], after["total"])),
        ("size", size_said(_base_bytes(plan)), size_said(_variant_bytes(plan))),
        (f"FLOPs for one sample{_at(plan)}", _flops(was), _flops(now)),
        ("inputs", *_ends(plan, "inputs")),
        ("outputs", *_ends(plan, "outputs")),
    ]
    return [row for row in rows if row[1:] != ("?", "?")]


def _share(trainable: int | None, total: int | None) -> str:
    if trainable is None or not total:
        return number(trainable)
    return f"{number(trainable)} ({100 * trainable / total:.1f} %)"


def _base_bytes(plan: Plan) -> int | None:
    if plan.base.variables is None:
        return None
    moves = (Move("", "kept", shape=v.shape, dtype=v.dtype) for v in plan.base.variables.values())
    return sum(move.nbytes for move in moves)


def _variant_bytes(plan: Plan) -> int | None:
    if not plan.weights_known:
        return None
    return sum(move.nbytes for move in plan.moves if move.action != "dropped")


def size_said(count: int | None) -> str:
    """A number of bytes for reading."""
    return "?" if count is None else f"{count / 1e6:,.1f} MB"


def _work(plan: Plan) -> tuple[Work | None, Work | None]:
    """The operations of both; of the base with the outputs that the variant still has."""
    ends = {}
    for slot, output in zip(plan.graph.outputs, plan.outputs, strict=True):
        if output.spec is not None:
            ends[slot.tensor] = output.spec
    after = None
    if plan.weights_known:
        shapes: dict[str, list[tuple[int, ...]]] = {}
        for move in plan.moves:
            if move.action != "dropped" and move.shape is not None:
                layer = plan.graph.holding(move.path).path
                shapes.setdefault(layer, []).append(move.shape)
        after = work_of(plan.graph, shapes, ends)
    before = None
    if plan.base.variables is not None:
        from patchspec.differences.difference import specs_of  # noqa: PLC0415

        own = {layer: [v.shape for v in vs] for layer, vs in plan.base.by_layer.items()}
        before = work_of(plan.base.graph, own, specs_of(plan.base).get("", {}))
    return before, after


def _flops(work: Work | None) -> str:
    if work is None or work.flops is None:
        return "?"
    said = f"{work.flops / 1e9:,.2f} G" if work.flops >= 10**8 else f"{work.flops / 1e6:,.2f} M"
    missed = plural(work.uncounted, "layer")
    return f"{said} ({missed} not counted)" if work.uncounted else said


def _at(plan: Plan) -> str:
    specs = [plan.graph.recorded.get(slot.tensor) for slot in plan.graph.inputs]
    shapes = [_dimensions(spec.shape[1:]) for spec in specs if spec is not None]
    return f" at {', '.join(shapes)}" if shapes else ""


def _dimensions(shape: Sequence[int | None]) -> str:
    return "\u00d7".join("?" if n is None else str(n) for n in shape) or "scalar"


def _ends(plan: Plan, what: str) -> tuple[str, str]:
    rows = end_rows(plan, what)
    now = [f"{row.name} {row.spec}".strip() for row in rows if row.note != "gone"]
    was = [row.note.removeprefix("was ") or row.name for row in rows if row.note != "new"]
    gone = [row.name for row in rows if row.note == "gone"]
    was = [name for name in was if name != "gone"] + gone
    return ", ".join(was), ", ".join(now)
