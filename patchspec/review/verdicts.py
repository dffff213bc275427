"""Whether a plan is valid, and what whoever calls the model must change."""

from __future__ import annotations

from collections.abc import Iterator

from patchspec.graph.tensors import form_of
from patchspec.planning.plan import Finding, Plan
from patchspec.problems import some
from patchspec.review.markdown import code
from patchspec.review.rows import EndRow, input_rows, output_rows
from patchspec.review.style import plural


def verdict_said(plan: Plan) -> str:
    """Whether the plan is valid, proven, and good for callers, in one line."""
    names = " + ".join(patch.name or patch.source.file or "patch" for patch in plan.patches)
    held = [check for check in plan.checks if check.holds]
    open_ = [check for check in plan.checks if check.holds is None]
    if plan.is_identity:
        return f"\u26aa {names}: nothing changes"
    breaking = list(breaking_sentences(plan))
    sign = "\u26a0\ufe0f" if breaking or open_findings(plan) else "\u2705"
    said = [f"{sign} {names}: the plan is valid"]
    if plan.checks:
        said.append(f"{len(held)}/{len(plan.checks)} expectations hold")
    if open_:
        said.append(f"{len(open_)} to be checked when it is built")
    if breaking:
        said.append("callers break")
    if open_findings(plan):
        said.append(plural(len(open_findings(plan)), "finding"))
    return ", ".join(said)


def open_findings(plan: Plan) -> list[Finding]:
    """The findings that no patch accepts."""
    return [finding for finding in plan.findings if not finding.allowed]


def counts_said(plan: Plan) -> str:
    """How many layers come, go and change, and how many stay."""
    s = plan.layers
    counts = (
        ("+", len(s.added), "added"),
        ("\u2212", len(s.removed), "removed"),
        ("\u2212/+", len(s.replaced), "replaced"),
        ("~", len(s.changed), "changed"),
        ("\u00bb", len(s.rewired), "rewired"),
        ("\u2248", len(s.renamed), "renamed"),
    )
    said = " \u00b7 ".join(f"{sign} {count} {word}" for sign, count, word in counts if count)
    stay = len(plan.graph.by_path) - len(s.added) - len(s.replaced)
    return f"{said or 'no layer changes'} \u00b7 {plural(stay, 'layer')} of the base stay"


def breaking_sentences(plan: Plan) -> Iterator[str]:
    """Each thing that whoever calls the model must change; names stand in code type."""
    base, variant = plan.base.graph, plan.graph
    for what in ("inputs", "outputs"):
        one = what[:-1]
        for row in end_rows(plan, what):
            if row.note == "gone":
                yield f"the {one} {code(row.name)} is gone"
            elif row.note.startswith("was "):
                yield f"the {one} {code(row.note.removeprefix('was '))} is called {code(row.name)}"
            elif row.note == "new" and what == "inputs":
                yield f"there is a new input {code(row.name)}, which must be fed"
        forms = [_FORMS[form_of(g.config.get(f"{one}_layers"))] for g in (base, variant)]
        if forms[0] != forms[1]:
            yield f"the model {_verb(what)} {forms[1]}, before it was {forms[0]}"
        elif forms[0] == "a list" and what == "outputs":
            order = [came for came in plan.came if came is not None]
            if order != sorted(order):
                yield "the outputs come in another order"
    yield from _other_shapes(plan)
    classes = {layer.class_names[-1] for layer in variant.by_path.values()}
    known = {layer.class_names[-1] for layer in base.by_path.values()}
    custom = sorted(name for name in classes - known if ">" in name)
    if custom:
        yield f"loading it needs {some(map(code, custom))}"


def _verb(what: str) -> str:
    return "takes" if what == "inputs" else "returns"


_FORMS = {"lone": "one tensor", "list": "a list", "dict": "a dict"}


def _other_shapes(plan: Plan) -> Iterator[str]:
    """Inputs and outputs that stay and take or give another shape or dtype."""
    before, after = plan.base.graph.recorded, plan.graph.recorded
    for slot in plan.graph.inputs:
        origin = plan.origins.get(slot.tensor.layer)
        old = None if origin is None else before.get(type(slot.tensor)(origin))
        new = after.get(slot.tensor)
        if old is not None and new is not None and old != new:
            yield f"the input {code(slot.tensor.layer)} takes {new}, before it took {old}"
    from patchspec.differences.difference import specs_of  # noqa: PLC0415

    known = specs_of(plan.base).get("", {}) if plan.with_shapes else {}
    for output, came in zip(plan.outputs, plan.came, strict=False):
        if came is None or output.spec is None:
            continue
        old = known.get(plan.base.graph.outputs[came].tensor)
        if old is not None and old != output.spec:
            yield f"the output {code(output.name)} is {output.spec}, before it was {old}"


def end_rows(plan: Plan, what: str) -> list[EndRow]:
    """The inputs or the outputs, as `what` says."""
    if what == "inputs":
        return input_rows(plan.lineage)
    return output_rows(plan.lineage, plan.output_specs)
