"""A plan as one comment on a pull request: the verdict first, what can be spared last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from patchspec._version import __version__
from patchspec.differences.counting import trainable_parameters
from patchspec.differences.flops import Work, work_of
from patchspec.planning.plan import ACTIONS, Finding, Move, Place, Plan
from patchspec.problems import some
from patchspec.review.markdown import code, details, md_table, text
from patchspec.review.overlay.mermaid import changed_mermaid
from patchspec.review.overlay.overlay import overlay_of
from patchspec.review.rows import (
    SYMBOLS,
    EndRow,
    form_sentences,
    input_rows,
    layer_rows,
    output_rows,
    weight_rows_told,
)
from patchspec.review.style import number, plural
from patchspec.review.training import training_sentences

MOST_BYTES = 60_000
"""GitHub takes 65,536 characters, and somebody may put a line around it."""
NAMED = 30
"""So many names are listed before they are counted."""
_MARKER = re.compile(r"[^A-Za-z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the comment, and what stands in its place where there is no room for it."""

    lines: tuple[str, ...]
    title: str = ""
    """What the note of what was left out calls it; nothing for what is never left out."""


def plan_comment(plan: Plan, *, report: str | None = None) -> str:
    """The comment, shorter than 60 kB; `report` is where the page of the plan lies.

    It begins with a marker by which the next run finds it again. What there is no room for is left
    out from the bottom, and said to be.
    """
    sections = [section for section in _sections(plan) if section.lines]
    left: list[str] = []
    while True:
        said = _joined(sections, left, report)
        if len(said.encode()) <= MOST_BYTES:
            return said
        spare = [i for i, section in enumerate(sections) if section.title]
        if not spare:
            return said.encode()[: MOST_BYTES - 200].decode(errors="ignore") + "\n\n(cut off)\n"
        left.append(sections.pop(spare[-1]).title)


def _joined(sections: Sequence[Section], left: Sequence[str], report: str | None) -> str:
    parts = ["\n".join(section.lines) for section in sections]
    if left:
        parts.append(f"_There was no room for: {text(', '.join(reversed(left)))}._")
    if report:
        parts.append(f"[The whole report]({report.replace(' ', '%20').replace(')', '%29')})")
    return "\n\n".join(parts) + "\n"


def marker(plan: Plan) -> str:
    """What tells the comment of these patches from others."""
    names = "+".join(patch.name or patch.source.file or "patch" for patch in plan.patches)
    return f"<!-- patchspec:{_MARKER.sub('-', names)} -->"


def _sections(plan: Plan) -> Iterator[Section]:
    yield Section((marker(plan), f"### {text(verdict_said(plan))}", *_described(plan)))
    yield Section((f"**{counts_said(plan)}**", "", *_figures(plan)))
    yield Section(tuple(_breaking(plan)))
    yield Section(tuple(_findings(plan)))
    yield Section(tuple(_picture(plan)), "the picture")
    yield Section(tuple(details("Operations", _operations(plan))), "the operations")
    yield Section(tuple(_layers(plan)), "the layers")
    yield Section(tuple(_weights(plan)), "the weights")
    yield Section(tuple(_training(plan)), "the training")
    yield Section(tuple(_expectations(plan)), "the expectations")
    yield Section(tuple(details("Reproduce", _reproduce(plan))), "how to reproduce it")


def verdict_said(plan: Plan) -> str:
    """Whether the plan is valid, proven, and good for callers, in one line."""
    names = " + ".join(patch.name or patch.source.file or "patch" for patch in plan.patches)
    held = [check for check in plan.checks if check.holds]
    open_ = [check for check in plan.checks if check.holds is None]
    if plan.is_identity:
        return f"\u26aa {names}: nothing changes"
    breaking = list(breaking_sentences(plan))
    sign = "\u26a0\ufe0f" if breaking or _open_findings(plan) else "\u2705"
    said = [f"{sign} {names}: the plan is valid"]
    if plan.checks:
        said.append(f"{len(held)}/{len(plan.checks)} expectations hold")
    if open_:
        said.append(f"{len(open_)} to be checked when it is built")
    if breaking:
        said.append("callers break")
    if _open_findings(plan):
        said.append(plural(len(_open_findings(plan)), "finding"))
    return ", ".join(said)


def _open_findings(plan: Plan) -> list[Finding]:
    return [finding for finding in plan.findings if not finding.allowed]


def _described(plan: Plan) -> Iterator[str]:
    for patch in plan.patches:
        if patch.description:
            yield from ("", text(patch.description))
    for sentence in form_sentences(plan):
        yield from ("", text(sentence))


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


def _figures(plan: Plan) -> list[str]:
    rows = [(name, *map(_ends_in_code(name), pair)) for name, *pair in figure_rows(plan)]
    return md_table(("", "before", "after"), rows)


def _ends_in_code(name: str) -> Callable[[str], str]:
    return code if name in ("inputs", "outputs") else str


def figure_rows(plan: Plan) -> list[tuple[str, str, str]]:
    """Name, before and after: layers, parameters, size, work, inputs and outputs."""
    before, after = plan.parameters["before"], plan.parameters["after"]
    was, now = _work(plan)
    trained = trainable_parameters(plan.base)
    rows = [
        ("layers", number(len(plan.base.graph.by_path)), number(len(plan.graph.by_path))),
        ("parameters", number(before["total"]), number(after["total"])),
        ("trainable", _share(trained, before["total"]), _share(after["trainable"], after["total"])),
        ("size", _size(_base_bytes(plan)), _size(_variant_bytes(plan))),
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


def _size(count: int | None) -> str:
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
    rows = _end_rows(plan, what)
    now = [f"{row.name} {row.spec}".strip() for row in rows if row.note != "gone"]
    was = [row.note.removeprefix("was ") or row.name for row in rows if row.note != "new"]
    gone = [row.name for row in rows if row.note == "gone"]
    was = [name for name in was if name != "gone"] + gone
    return ", ".join(was), ", ".join(now)


def _end_rows(plan: Plan, what: str) -> list[EndRow]:
    if what == "inputs":
        return input_rows(plan.lineage)
    return output_rows(plan.lineage, plan.output_specs)


def _breaking(plan: Plan) -> Iterator[str]:
    """What callers of the model have to change: names, number, order and shapes of its ends."""
    said = list(breaking_sentences(plan))
    if said:
        yield "**\u26a0\ufe0f Breaks callers**"
        yield ""
        yield from (f"- {line}" for line in said)


def breaking_sentences(plan: Plan) -> Iterator[str]:
    """Each thing that whoever calls the model must change; names stand in code type."""
    base, variant = plan.base.graph, plan.graph
    for what in ("inputs", "outputs"):
        one = what[:-1]
        for row in _end_rows(plan, what):
            if row.note == "gone":
                yield f"the {one} {code(row.name)} is gone"
            elif row.note.startswith("was "):
                yield f"the {one} {code(row.note.removeprefix('was '))} is called {code(row.name)}"
            elif row.note == "new" and what == "inputs":
                yield f"there is a new input {code(row.name)}, which must be fed"
        forms = [_form(graph.config.get(f"{one}_layers")) for graph in (base, variant)]
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


def _form(said: object) -> str:
    if isinstance(said, Mapping):
        return "a dict"
    lone = isinstance(said, list) and len(said) == 3 and isinstance(said[0], str)  # noqa: PLR2004
    return "one tensor" if lone else "a list"


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


def _findings(plan: Plan) -> Iterator[str]:
    if not plan.findings:
        return
    yield "**Findings**"
    yield ""
    for finding in plan.findings:
        problem = finding.problem
        accepted = " (accepted by the patch)" if finding.allowed else ""
        yield f"- {code(problem.code)} {text(problem.message)}{accepted}"


def _picture(plan: Plan) -> Iterator[str]:
    chart = changed_mermaid(overlay_of(plan.lineage))
    if chart is not None:
        yield from ("```mermaid", chart, "```")


def _operations(plan: Plan) -> list[str]:
    rows = []
    for p, patch in enumerate(plan.patches):
        for s, step in enumerate(patch.steps):
            hit = [c.target for c in plan.changes if c.place == Place(p, s) and c.target]
            names = list(dict.fromkeys(hit))
            matched = f"{len(names)}: {some(names, 3)}" if names else ""
            span = patch.source.span(step.at)
            where = f"{patch.source.file or 'patch'}:{span.line}" if span else ""
            rows.append(
                (str(s + 1), step.id or step.op, step.why or "", code(matched), code(where))
            )
    return md_table(("#", "operation", "why", "hit", "where"), rows)


def _layers(plan: Plan) -> Iterator[str]:
    rows = layer_rows(plan.lineage)
    if rows:
        cells = [(f"{SYMBOLS[r.kind][0]} {r.kind}", code(r.name), r.what) for r in rows]
        yield from details(f"Layers ({len(rows)})", md_table(("", "layer", "what"), cells))


def _weights(plan: Plan) -> Iterator[str]:
    if not plan.moves:
        return
    lines = []
    for action in ACTIONS:
        moves = [move for move in plan.moves if move.action == action]
        if not moves:
            continue
        size = _size(sum(move.nbytes for move in moves))
        names = [move.path for move in moves]
        listed = "" if action == "kept" else f": {some(_variables(names), NAMED)}"
        lines.append(f"- {action}: {plural(len(moves), 'variable')} ({size}){text(listed)}")
    told = [
        (row.action, code(row.name), row.shape, code(row.rule)) for row in weight_rows_told(plan)
    ]
    table = ["", *md_table(("", "variable", "shape", "rule"), told)] if told else []
    yield from details("Weights", [*lines, *table])


def _variables(paths: Sequence[str]) -> list[str]:
    """The variables, by layer where there are many."""
    if len(paths) <= NAMED:
        return list(paths)
    counts: dict[str, int] = {}
    for path in paths:
        layer = path.partition("/vars/")[0]
        counts[layer] = counts.get(layer, 0) + 1
    return [f"{layer} ({count})" for layer, count in counts.items()]


def _training(plan: Plan) -> Iterator[str]:
    said = list(training_sentences(plan)) if not plan.is_identity else []
    if said:
        yield from details("Training", [f"- {text(one)}" for one in said])


def _expectations(plan: Plan) -> Iterator[str]:
    if plan.checks:
        signs = {True: "\u2705 holds", False: "\u274c fails", None: "when built"}
        rows = [(signs[c.holds], code(c.what), c.expected, c.actual) for c in plan.checks]
        yield from details("Expectations", md_table(("", "what", "expected", "actual"), rows))


def _reproduce(plan: Plan) -> list[str]:
    files = " ".join(patch.source.file or "PATCH" for patch in plan.patches)
    sets = " ".join(
        f"--set {name}={value}" for patch in plan.patches for name, value in patch.settings.items()
    )
    command = f"patchspec plan {plan.base.origin} {files} {sets}".strip()
    rows = [
        ("base", code(plan.base.architecture)),
        ("weights of the base", code(plan.base.state or "none")),
        *(("patch", code(patch.digest)) for patch in plan.patches),
        ("plan", code(plan.digest)),
        ("variant", code(plan.architecture)),
        ("edits", f"{len(plan.json_patch)} (RFC 6902)"),
        ("patchspec", __version__),
    ]
    return ["```sh", command.replace("```", ""), "```", "", *md_table(("", ""), rows)]
