"""The page of a plan, as far as it can be told without a browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.models.base import Base
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from patchspec.review.report.data import page_data
from patchspec.review.report.groups import grouped
from patchspec.review.report.page import report_page
from tests.configs import chain, dense, diamond, entrance, model, nested
from tests.conftest import patch_of

STEPS = """\
- op: insert
  after: a
  new:
    class: Dropout
    name: drop
    config: {rate: 0.2}
  why: it learned by heart
# what comes behind is another operation
- {op: set, layers: c, config: {activation: relu}}
"""


def planned(document: Any, steps: Any = STEPS, **header: Any) -> Plan:
    return resolve(patch_of(steps, **header), Base(document, origin="base.keras"))


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def test_the_page_is_one_file_that_names_no_address() -> None:
    """G4: nothing is loaded from the network."""
    page = report_page(planned(diamond(), name="one"))
    bare = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)
    assert not re.search(r'(src|href)="', bare)
    assert "://" not in bare
    assert len(page) < 3_000_000
    assert "style=" not in bare


def test_the_same_plan_gives_the_same_bytes() -> None:
    assert report_page(planned(diamond())) == report_page(planned(diamond()))


def test_a_layer_has_the_lines_of_the_operation_that_caused_it() -> None:
    data = page_data(planned(diamond()))
    nodes = {node["key"]: node for node in data["nodes"]}
    [number] = nodes["drop"]["steps"]
    step = data["steps"][number]
    assert step["yaml"].splitlines()[0].strip() == "- op: insert"
    assert step["yaml"].splitlines()[-1].strip() == "why: it learned by heart"
    assert step["why"] == "it learned by heart"
    # What reads something else does so because of the same operation.
    assert nodes["b"]["steps"] == [number]
    assert ["activation", '"linear"', '"relu"'] in nodes["c"]["config"]


def test_names_end_no_element_and_become_no_markup() -> None:
    name = "</script><img src=x>".replace("/", "\\")
    document = model([entrance(), dense(name, "x"), dense("d", name)], ["d", 0, 0])
    page = report_page(planned(document, "- {op: freeze, layers: d}"))
    seen: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            seen.append(tag)

    Reader().feed(page)
    assert "img" not in seen
    assert seen.count("script") == 3
    assert any(node["name"] == name for node in data_of(page)["nodes"])


def test_nested_models_and_beginnings_of_names_are_groups() -> None:
    names = [f"conv{i}_block{j}_{k}" for i in (1, 2) for j in (1, 2) for k in "abc"]
    groups, owner = grouped([*names, "head"], "")
    labels = [group.label for group in groups]
    assert labels == [
        "conv1_*",
        "conv1_block1_*",
        "conv1_block2_*",
        "conv2_*",
        "conv2_block1_*",
        "conv2_block2_*",
    ]
    parents = {group.key: group.parent for group in groups}
    assert parents[owner["conv1_block1_a"]] == groups[0].key
    assert owner["head"] == ""
    data = page_data(planned(nested(), "- {op: freeze, layers: inner}"))
    assert "inner" in {group["key"] for group in data["groups"]}
    inside = [node for node in data["nodes"] if node["key"] == "inner/id"]
    assert inside[0]["group"] == "inner"


def test_a_group_of_everything_is_none() -> None:
    groups, _ = grouped([f"block_{i}_{k}" for i in range(3) for k in "abcd"], "")
    assert [group.label for group in groups] == ["block_0_*", "block_1_*", "block_2_*"]


def test_the_command_writes_the_page_and_says_where(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(json.dumps(diamond()))
    Path("p.patchspec.yaml").write_text("patchspec: 1\noperations:\n  - {op: freeze, layers: a}\n")
    given = ["report", "m.json", "p.patchspec.yaml", "--no-shapes"]
    assert main([*given, "-o", "r.html"]) == 0
    assert capsys.readouterr().out == "r.html\n"
    assert main([*given, "-o", "r.html"]) == 1
    assert main([*given, "-o", "r.html", "--force"]) == 0
    assert main([*given, "-o", "r.pdf"]) == 2
    plan = patchspec.resolve("p.patchspec.yaml", "m.json", shapes=False)
    assert patchspec.report(plan, "s.html").read_text() == Path("r.html").read_text()
    with pytest.raises(PatchError):
        patchspec.report(plan, "s.html")


def test_a_notebook_shows_bases_and_plans_in_a_frame_that_sees_nothing_of_it() -> None:
    base = Base(chain("a", "b"), origin="base.keras")
    for one in (base, planned(diamond())):
        html = one._repr_html_()
        assert html.count("<iframe") == 1
        assert 'sandbox="allow-scripts"' in html
        assert "allow-same-origin" not in html


def test_model_explorer_gets_both_graphs_and_what_changed(
    tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    """G4: for the viewers that people have, in the forms of their packages."""
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(json.dumps(nested()))
    Path("p.patchspec.yaml").write_text(
        "patchspec: 1\noperations:\n"
        "  - {op: insert, after: inner/id, new: {class: ReLU, name: r}}\n"
        "  - {op: rename, layers: d, name: head}\n"
    )
    given = ["report", "m.json", "p.patchspec.yaml", "--no-shapes", "--model-explorer", "me"]
    assert main(given) == 0
    before, after = json.loads(Path("me/graphs.json").read_text())
    assert (before["id"], after["id"]) == ("before", "after")
    nodes = {node["id"]: node for node in after["nodes"]}
    assert nodes["inner/r"]["namespace"] == "inner"
    assert nodes["inner/r"]["label"] == "ReLU"
    for graph in (before, after):
        known = {node["id"] for node in graph["nodes"]}
        edges = [edge for node in graph["nodes"] for edge in node["incomingEdges"]]
        assert edges
        assert {edge["sourceNodeId"] for edge in edges} <= known
    data = json.loads(Path("me/node_data.json").read_text())
    assert data["after"]["results"]["inner/r"]["value"] == "added"
    assert data["before"]["results"]["d"]["value"] == "renamed"
