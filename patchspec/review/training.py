"""How training goes on in the variant of a compiled base, in words and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from patchspec.planning.labels import by_output, named_ends
from patchspec.planning.optimizing import goes_on
from patchspec.planning.plan import Plan
from patchspec.problems import some
from patchspec.review.style import plural


def training_sentences(plan: Plan) -> Iterator[str]:
    """What becomes of losses and of the optimizer, where the base or the variant is compiled."""
    was, now = (bool(of.get("compile_config")) for of in (plan.base.document, plan.document))
    if not now:
        yield from ["the variant is not compiled, as the base is"] if was else []
        return
    losses = trained_outputs(plan)
    if losses is not None:
        said = ", ".join(f"{name} {loss or 'none'}" for name, loss in losses.items())
        yield f"loss: {said}"
    state = goes_on(plan)
    if state is not None:
        optimizer = _name(plan.document["compile_config"].get("optimizer")) or "the optimizer"
        more = [f"{plural(len(state.carried), 'variable')} with the state of the base"]
        named = _labels(plan)
        anew, dropped = ([named.get(path, path) for path in p] for p in (state.anew, state.dropped))
        more += [f"{some(anew)} anew"] if anew else []
        more += [f"the state of {some(dropped)} goes"] if dropped else []
        yield f"{optimizer} goes on: {'; '.join(more)}"
    elif was and not plan.weights_known:
        yield "what of the optimizer's state is kept is not known without shapes"


def _labels(plan: Plan) -> dict[str, str]:
    """What the variables of variant and base are called, as far as it is known."""
    found: dict[str, str] = {}
    for move in plan.moves:
        for path in (*(source for _, source in move.sources), move.path):
            owner, _, _ = path.rpartition("/vars/")
            if move.name:
                found[path] = f"{owner}/{move.name}"
    return found


def training_json(plan: Plan) -> dict[str, Any]:
    """The same for programs."""
    state = goes_on(plan)
    return {
        "compiled": bool(plan.document.get("compile_config")),
        "losses": trained_outputs(plan),
        "optimizer": None
        if state is None
        else {
            "kept": len(state.carried),
            "fresh": list(state.anew),
            "dropped": list(state.dropped),
        },
    }


def trained_outputs(plan: Plan) -> Mapping[str, str | None] | None:
    """The loss of each output of the variant by its name; none where that is unclear."""
    ends = named_ends(plan.graph)
    compiled = plan.document.get("compile_config") or {}
    said = by_output(compiled.get("loss"), "loss", ends) if compiled else None
    return None if said is None else {name: _name(said.get(name)) for name in ends.names}


def _name(value: Any) -> str | None:
    """What a loss or an optimizer is called."""
    if isinstance(value, Mapping):
        config = value.get("config")
        # A function is spelled with its name where a class has its arguments.
        return str(config if isinstance(config, str) else value.get("class_name"))
    return value if isinstance(value, str) else None
