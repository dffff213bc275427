"""Expectations: what a patch says must hold, against what the plan says will be.

All but comparisons of values are known when a plan is made. Those need both models, and the ending
that builds one makes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from patchspec.graph.graph import Graph
from patchspec.graph.references import end_names, find_tensor, parse_reference
from patchspec.graph.selectors import select
from patchspec.planning.plan import ACTIONS, Check, Plan
from patchspec.problems import PatchError, Pointer, Problem, did_you_mean, some, within

UNKNOWN = object()
"""What stands for a value that a plan without shapes does not know."""
COMPARED = ("same", "different")


def check_expectations(expect: Mapping[str, Any], plan: Plan) -> tuple[Check, ...]:
    """Every expectation with what is; PS601, with all that fail, where one does not hold.

    `plan` is that of the patch alone, on what the patches before it left. Pointers start at the
    patch. PS3xx where an expectation names what is not there.
    """
    checks: list[Check] = []
    for key, said in expect.items():
        with within("expect", key):
            checks += _CHECKS[key](said, plan)
    checks = [
        Check(("expect", *check.at), check.what, check.expected, check.actual, check.holds)
        for check in checks
    ]
    failed = [_failure(check) for check in checks if check.holds is False]
    if failed:
        raise PatchError(failed)
    return tuple(checks)


def _failure(check: Check) -> Problem:
    return Problem(
        code="PS601",
        message=f"{check.what}: expected {check.expected}, it is {check.actual}",
        at=check.at,
    )


def _check(at: Pointer, what: str, expected: Any, actual: Any) -> Check:
    """A number or a shape against what is expected of it."""
    if actual is UNKNOWN:
        return Check(at, what, _shown(expected), "not known without shapes", None)
    return Check(at, what, _shown(expected), _shown(actual), _fits(expected, actual))


def _fits(expected: Any, actual: Any) -> bool:
    between = isinstance(expected, list) and isinstance(actual, int)
    if not between:
        return bool(expected == actual)
    low, high = expected
    return (low is None or low <= actual) and (high is None or actual <= high)


def _shown(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return some(value, 12) or "none"
    return json.dumps(value)


def _inputs(said: Any, plan: Plan) -> Iterator[Check]:
    slots = plan.graph.inputs
    recorded = plan.graph.recorded
    specs = [recorded.get(slot.tensor) for slot in slots]
    shapes = [UNKNOWN if spec is None else list(spec.shape) for spec in specs]
    yield from _ends("inputs", said, end_names(slots), shapes)


def _outputs(said: Any, plan: Plan) -> Iterator[Check]:
    shapes = [UNKNOWN if o.spec is None else list(o.spec.shape) for o in plan.outputs]
    yield from _ends("outputs", said, [output.name for output in plan.outputs], shapes)


def _ends(kind: str, said: Any, names: Sequence[str], shapes: Sequence[Any]) -> Iterator[Check]:
    if isinstance(said, list):
        yield _check((kind,), f"the number of {kind}", len(said), len(names))
        pairs = zip(names, said, shapes, strict=False)
        for i, (name, wanted, found) in enumerate(pairs):
            yield _check((kind, i), f"the shape of `{name}`", wanted, found)
        return
    for key, wanted in said.items():
        place = _place_of(str(key), names)
        if place is None:
            near = did_you_mean(str(key), names)
            what = f"an {kind[:-1]} `{key}`" + (f" ({near})" if near else "")
            yield Check((kind, key), what, _shown(wanted), f"not among {some(names)}", False)
        else:
            yield _check((kind, key), f"the shape of `{key}`", wanted, shapes[place])


def _place_of(key: str, names: Sequence[str]) -> int | None:
    if key in names:
        return names.index(key)
    return int(key) if key.isdigit() and int(key) < len(names) else None


def _layers(said: Mapping[str, Any], plan: Plan) -> Iterator[Check]:
    summary = plan.layers
    found: Mapping[str, list[str]] = {
        "added": [*summary.added, *(new for _, new in summary.replaced)],
        "removed": [*summary.removed, *(old for old, _ in summary.replaced)],
        "changed": list(summary.changed),
    }
    for key, wanted in said.items():
        at = ("layers", key)
        if key == "total":
            count = sum(not layer.is_operation for layer in plan.graph.layers.values())
            yield _check(at, "the number of layers", wanted, count)
        elif isinstance(wanted, int):
            yield _check(at, f"the number of layers {key}", wanted, len(found[key]))
        else:
            yield _check(at, f"the layers {key}", sorted(wanted), sorted(found[key]))


def _parameters(said: Mapping[str, Any], plan: Plan) -> Iterator[Check]:
    before, after = plan.parameters["before"], plan.parameters["after"]
    for key, wanted in said.items():
        at = ("parameters", key)
        if key == "delta":
            known = before["total"] is not None and after["total"] is not None
            delta = (after["total"] or 0) - (before["total"] or 0) if known else UNKNOWN
            yield _check(at, "the change in parameters", wanted, delta)
        else:
            what = "parameters" if key == "total" else "trainable parameters"
            number = after[key]
            yield _check(at, f"the number of {what}", wanted, UNKNOWN if number is None else number)


def _weights(said: Mapping[str, Any], plan: Plan) -> Iterator[Check]:
    counts: dict[str, int] = {
        action: sum(move.action == action for move in plan.moves) for action in ACTIONS
    }
    for action, wanted in said.items():
        found = counts[action] if plan.weights_known else UNKNOWN
        yield _check(("weights", action), f"the number of variables {action}", wanted, found)


def _frozen(said: Any, plan: Plan) -> Iterator[Check]:
    matches = select(said, plan.graph)
    inside = tuple(f"{match.layer.path}/" for match in matches)
    moves = [m for m in plan.moves if m.action != "dropped" and m.path.startswith(inside)]
    known = plan.weights_known and all(move.trainable is not None for move in moves)
    training = sorted({move.path.partition("/vars/")[0] for move in moves if move.trainable})
    found: Any = training if known else UNKNOWN
    yield _check(("frozen",), "layers that train, of those that are frozen", [], found)


def _compared(key: str) -> Callable[[Any, Plan], Iterator[Check]]:
    def checks(said: Sequence[Mapping[str, Any]], plan: Plan) -> Iterator[Check]:
        for i, one in enumerate(said):
            with within(i, "tensor"):
                _exists(one["tensor"], plan.graph)
            with within(i, "as" if "as" in one else "tensor"):
                _exists(one.get("as", one["tensor"]), plan.base.graph)
            what = f"`{one['tensor']}` against that of the base"
            yield Check((key, i), what, key, "compared when it is built", None)

    return checks


def _exists(said: Any, graph: Graph) -> None:
    """Refuse a tensor that is not there, or that is several."""
    path = parse_reference(said).path
    find_tensor(said, graph, home=graph.home(path) if "/" in path else None)


_CHECKS: Mapping[str, Callable[[Any, Plan], Iterator[Check]]] = {
    "inputs": _inputs,
    "outputs": _outputs,
    "layers": _layers,
    "parameters": _parameters,
    "weights": _weights,
    "frozen": _frozen,
    **{key: _compared(key) for key in COMPARED},
}
