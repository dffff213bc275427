"""A plan as one comment on a pull request: the verdict first, what can be spared last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from patchspec._version import __version__
from patchspec.planning.plan import ACTIONS, Place, Plan
from patchspec.problems import some
from patchspec.review.costs import figure_rows, size_said
from patchspec.review.markdown import code, details, md_table, text
from patchspec.review.overlay.mermaid import changed_mermaid
from patchspec.review.overlay.overlay import overlay_of
from patchspec.review.rows import (
    SYMBOLS,
    form_sentences,
    layer_rows,
    weight_rows_told,
)
from patchspec.review.style import plural
from patchspec.review.training import training_sentences
from patchspec.review.verdicts import breaking_sentences, counts_said, verdict_said

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


def _described(plan: Plan) -> Iterator[str]:
    for patch in plan.patches:
        if patch.description:
            yield from ("", text(patch.description))
    for sentence in form_sentences(plan):
        yield from ("", text(sentence))


def _figures(plan: Plan) -> list[str]:
    rows = [(name, *map(_ends_in_code(name), pair)) for name, *pair in figure_rows(plan)]
    return md_table(("", "before", "after"), rows)


def _ends_in_code(name: str) -> Callable[[str], str]:
    return code if name in ("inputs", "outputs") else str


def _breaking(plan: Plan) -> Iterator[str]:
    """What callers of the model have to change: names, number, order and shapes of its ends."""
    said = list(breaking_sentences(plan))
    if said:
        yield "**\u26a0\ufe0f Breaks callers**"
        yield ""
        yield from (f"- {line}" for line in said)


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
        size = size_said(sum(move.nbytes for move in moves))
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
