"""A whole patch file: the operations that were found, the base that they are for, and notes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from patchspec.authoring.author import author
from patchspec.authoring.gaps import Gaps
from patchspec.authoring.selecting import in_graph_order, selector
from patchspec.authoring.text import patch_text
from patchspec.authoring.weights import with_weights
from patchspec.differences.matching import Match
from patchspec.graph.references import end_names
from patchspec.models.base import Base
from patchspec.planning.plan import Plan
from patchspec.planning.summary import Lineage, names_after
from patchspec.problems import Problem, some

ORIGINAL = "original"
"""What the patch that undoes another calls the model to take values from."""


@dataclass(frozen=True)
class Written:
    """A patch that was written, and what has to be known of it."""

    text: str
    notes: tuple[str, ...] = ()
    """What no patch can say."""
    left: tuple[str, ...] = ()
    """In what the patched model would still differ; nothing where the patch is whole."""

    @property
    def problem(self) -> Problem:
        """What is wrong with a patch that is not whole."""
        return Problem(
            code="PS985",
            message="no operations were found that make all of the model that is wanted",
            notes=self.left,
            hint="`--partial` prints those that were found",
        )


def written(
    before: Base, after: Base, name: str | None = None, folder: Path | None = None
) -> Written:
    """The patch that turns `before` into `after`; `folder` is where its file will lie.

    Values that were trained are none of its: the notes say which layers hold other ones.
    """
    found, trained = with_weights(author(before, after), before, after)
    notes = list(_trained_notes(trained))
    if before.graph.config.get("name") != after.graph.config.get("name"):
        was, now = (base.graph.config.get("name") for base in (before, after))
        notes.append(f"the model is called `{now}`, which no operation changes from `{was}`")
    if _compiled(before) != _compiled(after):
        notes.append("the models are compiled in other ways: `compile:` says how, if it matters")
    said = {"patchspec": 1, **({"name": name} if name else {}), "base": pinned(before, folder)}
    said |= {"seed": found.seed} if found.seed else {}
    text = patch_text({**said, "operations": list(found.steps)}, notes)
    return Written(text, tuple(notes), tuple(_left(found.gaps)))


def _trained_notes(trained: Sequence[str]) -> Iterator[str]:
    if trained:
        what = "layer holds" if len(trained) == 1 else "layers hold"
        yield (
            f"{len(trained)} {what} values that no patch makes: {some(trained)}; `op: load` takes "
            "them from a file"
        )


def _compiled(base: Base) -> Any:
    return base.document.get("compile_config") or None


def pinned(base: Base, folder: Path | None = None) -> Mapping[str, Any]:
    """What a patch says of the model that it is for: where it is, from its own folder, and what."""
    path = base.origin
    if folder is not None and Path(path).exists():
        path = Path(os.path.relpath(path, folder)).as_posix()
    return {"path": path, "architecture": base.architecture}


def _left(gaps: Gaps) -> Iterator[str]:
    """What the patched model would still differ in, for people."""
    if gaps.missing:
        yield f"without {some(gaps.missing)}"
    if gaps.extra:
        yield f"with {some(gaps.extra)}"
    for path, keys in gaps.configs.items():
        yield f"`{path}` has another {some(keys)}"
    for path in gaps.rewired:
        yield f"`{path}` is called in another way"
    flags = [graph.config.get("trainable", True) for graph in (gaps.now, gaps.wanted)]
    if flags[0] != flags[1]:
        yield f"the model itself has `trainable` {str(flags[1]).lower()}"
    if gaps.ends > (flags[0] != flags[1]):
        yield "inputs or outputs are others"


def undone(plan: Plan, folder: Path | None = None) -> Written:
    """The patch that makes the base of a plan from its variant; `folder` is where it will lie.

    Values that the plan drops or adapts are loaded from the base, which the patch names.
    """
    variant = replace(plan.base, document=plan.document, variables=None, lens=plan.graph)
    back = Match(_reversed(plan))
    found = author(variant, plan.base, back)
    lost = _lost(plan)
    steps = list(found.steps)
    said: dict[str, Any] = {"patchspec": 1, "name": _undoing(plan)}
    if lost:
        layers = selector(in_graph_order(lost, plan.base.graph), plan.base.graph)
        steps.append({"op": "load", "from": ORIGINAL, "layers": layers})
        said["models"] = {ORIGINAL: pinned(plan.base, folder)}
    said["base"] = {"architecture": plan.architecture}
    said |= {"seed": found.seed} if found.seed else {}
    notes = _forgotten(plan)
    text = patch_text({**said, "operations": steps}, notes)
    return Written(text, tuple(notes), tuple(_left(found.gaps)))


def _undoing(plan: Plan) -> str:
    return "undo-" + "-".join(patch.name or "patch" for patch in plan.patches)


def _reversed(plan: Plan) -> Lineage:
    """Which layer of the variant each layer of the base became."""
    names = names_after(plan.origins)
    origins = {path: names.get(path) for path in plan.base.graph.by_path}
    return Lineage(plan.graph, plan.base.graph, origins, dict(plan.layers.replaced))


def _lost(plan: Plan) -> list[str]:
    """The layers of the base whose values the variant does not hold as they were."""
    kept = {source for m in plan.moves if m.action == "kept" for _, source in m.sources}
    graph = plan.base.graph
    gone = [path for path in plan.base.variables or () if path not in kept]
    return list(dict.fromkeys(graph.holding(path).path for path in gone))


def _forgotten(plan: Plan) -> list[str]:
    if plan.base.variables is None and plan.layers.removed:
        return ["the base has no weights, so what comes back starts anew"]
    return []


def scaffold(base: Base, folder: Path | None = None) -> str:
    """A patch that changes nothing yet, with the names that the first operations need."""
    last = [layer.path for layer in base.graph.in_order if not layer.is_operation][-1]
    outputs = end_names(base.graph.outputs)
    comments = [
        "What the patch is for, and what each operation does and why, is read by reviewers.",
        "`patchspec inspect` prints the layers, `patchspec explain insert` says how to write one.",
    ]
    said = {
        "patchspec": 1,
        "name": "my-variant",
        "description": "",
        "base": pinned(base, folder),
        "operations": [],
    }
    text = patch_text(said, comments)
    examples = [
        "# - op: freeze",
        '#   layers: {name: "*", not: {last: 1}}',
        "#   why: the backbone stays as it was trained",
        "# - op: insert",
        f"#   before: {last}",
        "#   new: {class: Dropout, name: drop, config: {rate: 0.2}}",
        "#   why: ...",
        f"# The outputs are {', '.join(outputs)}; say here what must hold of the variant:",
        "# expect: {layers: {added: [drop]}}",
    ]
    return text + "\n".join(examples) + "\n"
