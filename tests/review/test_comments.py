"""The comment on a pull request, its picture, and the work that it counts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from patchspec.cli.main import main
from patchspec.differences.flops import work_of
from patchspec.graph.graph import Graph
from patchspec.language.patch import parse_source
from patchspec.language.source import read_text
from patchspec.models.base import Base
from patchspec.models.document import checked_document
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from patchspec.review.comments import MOST_BYTES, marker, plan_comment
from patchspec.review.overlay.mermaid import changed_mermaid
from patchspec.review.overlay.overlay import overlay_of
from patchspec.review.overlay.region import MOST_EDGES, MOST_NODES, changed_region
from tests.configs import add, chain, dense, diamond, entrance, model
from tests.conftest import patch_of
from tests.planning.test_properties import cases


def planned(document: Any, steps: Any, **header: Any) -> Plan:
    return resolve(patch_of(steps, **header), Base(document, origin="base.keras"))


RENAMED = [{"op": "rename", "layers": "d", "name": "head", "why": "the team calls it so"}]


def test_the_verdict_comes_first_and_what_breaks_before_the_rest() -> None:
    """C7: a dry run that people read; G5: as a comment."""
    said = plan_comment(planned(diamond(), RENAMED, name="heads")).splitlines()
    assert said[0] == "<!-- patchspec:heads -->"
    assert said[1] == "### \u26a0\ufe0f heads: the plan is valid, callers break"
    text = "\n".join(said)
    assert text.index("Breaks callers") < text.index("```mermaid") < text.index("Operations")
    assert "- the output `d` is called `head`" in text
    assert "the team calls it so" in text
    assert "`1: d`" in text


def test_a_patch_without_a_name_goes_by_its_file() -> None:
    text = "patchspec: 1\noperations: []\n"
    patch = parse_source(read_text(text, "p/--> <script>.yaml"))
    plan = resolve(patch, Base(diamond(), origin="base.keras"))
    assert marker(plan) == "<!-- patchspec:p-script-.yaml -->"


def test_a_plan_without_changes_says_so() -> None:
    said = plan_comment(planned(diamond(), []))
    assert "nothing changes" in said
    assert "```mermaid" not in said


def test_a_comment_is_never_too_long_and_says_what_it_leaves_out() -> None:
    names = [f"{'long_' * 12}{i}" for i in range(900)]
    plan = planned(
        chain(*names),
        [{"op": "set", "layers": n, "config": {"units": i + 5}} for i, n in enumerate(names[:600])],
    )
    said = plan_comment(plan, report="report.html")
    assert len(said.encode()) <= MOST_BYTES
    assert "There was no room for" in said
    assert "the operations" in said
    assert said.splitlines()[-1] == "[The whole report](report.html)"


@pytest.mark.parametrize(
    "name", ["<script>alert(1)", "a|b", "`x`", "@everyone", "](http:x)", "\u202eabc"]
)
def test_names_of_layers_are_text(name: str) -> None:
    document = model([entrance(), dense(name, "x"), dense("d", name)], ["d", 0, 0])
    steps = [{"op": "set", "layers": {"class": "Dense"}, "config": {"activation": "relu"}}]
    said = plan_comment(planned(document, steps))
    prose = "".join(re.split(r"```.*?```|`[^`]*`", said, flags=re.DOTALL))
    assert "<script>" not in prose
    assert "\u202e" not in said
    assert "](http" not in prose
    assert "@everyone" not in prose


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(cases())
def test_an_overlay_holds_each_layer_of_both_models_once(case: Any) -> None:
    """G4: the picture of a difference is of all of it."""
    document, steps = case
    base = Base(checked_document(document, "base"), origin="base")
    try:
        plan = resolve(patch_of(steps), base)
    except PatchError:
        return
    overlay = overlay_of(plan.lineage)
    layers = [node for node in overlay.nodes if node.kind != "output"]
    assert len({node.key for node in overlay.nodes}) == len(overlay.nodes)
    assert {n.after for n in layers if n.after} == set(plan.graph.by_path)
    assert {n.before for n in layers if n.before} == set(plan.base.graph.by_path)
    assert overlay.is_changed or not plan.json_patch or plan.is_identity or _is_quiet(plan)
    keys = {node.key for node in overlay.nodes}
    assert all(edge.source in keys and edge.target in keys for edge in overlay.edges)
    region = changed_region(overlay)
    if region is not None:
        assert region.fits
        names = {node.key for node in region.nodes} | {one.key for one in region.folded}
        assert all(edge.source in names and edge.target in names for edge in region.edges)
        chart = changed_mermaid(overlay)
        assert chart is not None
        assert not any(line.endswith(";") for line in chart.splitlines())


def _is_quiet(plan: Plan) -> bool:
    """Whether the layers and wires are the same: what differs is the form of the outputs."""
    return not plan.layers


def test_what_lies_between_is_one_node_and_no_loop() -> None:
    names = [f"l{i}" for i in range(20)]
    plan = planned(
        chain(*names),
        [
            {"op": "set", "layers": "l2", "config": {"activation": "relu"}},
            {"op": "set", "layers": "l15", "config": {"activation": "relu"}},
        ],
    )
    region = changed_region(overlay_of(plan.lineage))
    assert region is not None
    assert [node.key for node in region.nodes] == ["l1", "l2", "l3", "l14", "l15", "l16"]
    assert [one.count for one in region.folded] == [10]


def test_too_many_changes_are_shown_in_part_and_counted() -> None:
    names = [f"l{i}" for i in range(200)]
    new = {"class": "ReLU", "name": "$(target)_r"}
    plan = planned(chain(*names), [{"op": "insert", "after": "l*", "new": new}])
    region = changed_region(overlay_of(plan.lineage))
    assert region is not None
    assert region.left > 100
    assert len(region.nodes) <= MOST_NODES
    assert len(region.edges) <= MOST_EDGES
    assert "more layers changed" in str(changed_mermaid(overlay_of(plan.lineage)))


def test_only_flags_make_no_picture() -> None:
    plan = planned(diamond(), [{"op": "freeze", "layers": ["a", "b"]}])
    assert changed_mermaid(overlay_of(plan.lineage)) is None


def test_the_work_of_dense_layers_and_convolutions_is_counted_at_every_place() -> None:
    """Two operations for each weight of a kernel at each place where it is used."""
    document = model(
        [entrance(), dense("a", "x"), add("s", "a", "a"), dense("b", "s")], ["b", 0, 0]
    )
    shapes = {"a": [(4, 4), (4,)], "b": [(4, 4), (4,)]}
    graph = Graph.of(document)
    ends = {graph.outputs[0].tensor: graph.recorded[graph.layers["s"].calls[0].slots[0].tensor]}
    work = work_of(graph, shapes, ends)
    assert (work.flops, work.uncounted) == (2 * 16 + 2 * 16, 0)
    assert work_of(graph, shapes).flops is None
    odd = {**shapes, "s": [(3,)]}
    assert work_of(graph, odd, ends).uncounted == 1


def test_many_patches_of_one_base_are_a_table_of_variants(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """G7: one base, many patches, one table."""
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(json.dumps(diamond()))
    steps = {
        "same": "[]",
        "named": "[{op: rename, layers: d, name: head}]",
        "odd": "[{op: freeze, layers: nobody}]",
    }
    for name, said in steps.items():
        Path(f"{name}.patchspec.yaml").write_text(f"patchspec: 1\noperations: {said}\n")
    files = [f"{name}.patchspec.yaml" for name in steps]
    assert main(["plan", "m.json", *files, "--each", "--no-shapes"]) == 1
    rows = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert rows == ["variant", "same", "named", "odd"]
    main(["plan", "m.json", *files, "--each", "--no-shapes", "--json"])
    said = json.loads(capsys.readouterr().out)["variants"]
    assert [one["verdict"] for one in said] == ["no change", "breaks callers", "refused (PS301)"]
    assert main(["plan", "m.json", files[0], "--each", "--no-shapes", "--format", "markdown"]) == 0
    assert "| `same` |" in capsys.readouterr().out
    assert main(["plan", "m.json", files[0], "--each", "-o", "x.json"]) == 2
    assert main(["plan", "m.json", "--each"]) == 2
