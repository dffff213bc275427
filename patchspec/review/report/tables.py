"""The tables below the graph, which say all that it shows, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from patchspec.planning.plan import Place, Plan
from patchspec.problems import some
from patchspec.review.overlay.overlay import Node, overlay_of
from patchspec.review.rows import input_rows, layer_changes, output_rows
from patchspec.review.training import training_sentences


@dataclass(frozen=True, slots=True)
class Row:
    """A row; `layer` is the key of the node that it is of."""

    cells: tuple[str, ...]
    layer: str | None = None
    status: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One table; the cell at `linked` leads to the graph."""

    key: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    linked: int = 0
    opened: bool = False


def tables(plan: Plan) -> Iterator[Table]:
    """Those that have something to say."""
    found = (
        Table(
            "operations",
            "Operations",
            ("#", "operation", "why", "hit", "where"),
            tuple(_operations(plan)),
            9,
            opened=True,
        ),
        Table(
            "layers",
            "Layers that change",
            ("layer", "class", "", "what"),
            tuple(_layers(plan)),
            opened=True,
        ),
        Table(
            "ends",
            "Inputs and outputs",
            ("name", "tensor", "shape", ""),
            tuple(_ends(plan)),
            9,
            opened=True,
        ),
        Table("weights", "Weights", ("variable", "", "shape", "rule"), tuple(_weights(plan))),
        Table(
            "expectations",
            "Expectations",
            ("", "what", "expected", "actual"),
            tuple(_expectations(plan)),
            9,
        ),
        Table("findings", "Findings", ("code", "what", ""), tuple(_findings(plan)), 9, opened=True),
        Table(
            "training",
            "Training",
            ("",),
            tuple(Row((text,)) for text in training_sentences(plan) if not plan.is_identity),
            9,
        ),
        Table("every", "Every layer", ("layer", "class", ""), tuple(_every(plan))),
        Table("digests", "Digests", ("", ""), tuple(_digests(plan)), 9),
    )
    yield from (table for table in found if table.rows)


def _operations(plan: Plan) -> Iterator[Row]:
    for p, patch in enumerate(plan.patches):
        for s, step in enumerate(patch.steps):
            hit = [c.target for c in plan.changes if c.place == Place(p, s) and c.target]
            names = list(dict.fromkeys(hit))
            span = patch.source.span(step.at)
            where = f"{patch.source.file or 'patch'}:{span.line}" if span else ""
            matched = f"{len(names)}: {some(names, 12)}" if names else ""
            yield Row((str(s + 1), step.id or step.op, step.why or "", matched, where))


def _layers(plan: Plan) -> Iterator[Row]:
    what = layer_changes(plan.lineage)
    for node in overlay_of(plan.lineage).nodes:
        if node.status != "same" and node.kind != "output":
            said = what.get(node.after or "", "")
            yield Row((_name(node), node.class_name, node.status, said), node.key, node.status)


def _name(node: Node) -> str:
    name = node.after or node.before or ""
    moved = node.before and node.after and node.before != node.after
    return f"{node.before} \u2192 {node.after}" if moved else name


def _ends(plan: Plan) -> Iterator[Row]:
    for kind, rows in (
        ("input", input_rows(plan.lineage)),
        ("output", output_rows(plan.lineage, plan.output_specs)),
    ):
        for row in rows:
            yield Row((f"{kind} {row.name}", row.tensor, row.spec, row.note))


def _weights(plan: Plan) -> Iterator[Row]:
    for move in plan.moves:
        if move.action == "kept":
            continue
        graph = plan.base.graph if move.action == "dropped" else plan.graph
        layer = graph.holding(move.path).path
        key = f"-{layer}" if move.action == "dropped" else layer
        shape = "x".join(map(str, move.shape or ())) or "scalar"
        old = "x".join(map(str, move.shapes[0])) if move.shapes and move.sources else shape
        shapes = shape if old == shape else f"{old} \u2192 {shape}"
        rule = "" if move.action == "dropped" else move.rule or ""
        yield Row(
            (
                f"{layer}/{move.name or move.path.rpartition('/vars/')[2]}",
                move.action,
                shapes,
                rule,
            ),
            key,
        )


def _expectations(plan: Plan) -> Iterator[Row]:
    signs = {True: "\u2713 holds", False: "\u2717 fails", None: "when built"}
    for check in plan.checks:
        yield Row((signs[check.holds], check.what, check.expected, check.actual))


def _findings(plan: Plan) -> Iterator[Row]:
    for finding in plan.findings:
        problem = finding.problem
        accepted = "accepted by the patch" if finding.allowed else problem.hint or ""
        yield Row((problem.code, problem.message, accepted))


def _every(plan: Plan) -> Iterator[Row]:
    for node in overlay_of(plan.lineage).nodes:
        if node.kind != "output":
            yield Row((_name(node), node.class_name, node.status), node.key, node.status)


def _digests(plan: Plan) -> Iterator[Row]:
    yield Row(("base", plan.base.architecture))
    if plan.base.state is not None:
        yield Row(("weights of the base", plan.base.state))
    for patch in plan.patches:
        yield Row((f"patch {patch.name or ''}".strip(), patch.digest))
    yield Row(("plan", plan.digest))
    yield Row(("variant", plan.architecture))
