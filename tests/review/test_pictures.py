"""Pictures as SVG, as a page and as Mermaid: whole, safe and within limits."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings

from patchspec.models.base import Base
from patchspec.models.opening import open_base
from patchspec.review.drawing.details import details_of
from patchspec.review.drawing.draw import drawn
from patchspec.review.drawing.folding import chains_folded, neighbours_folded, smaller
from patchspec.review.drawing.layering import ranks_of
from patchspec.review.drawing.mermaid import (
    MOST_CHARACTERS,
    MOST_EDGES,
    escaped,
    flowchart_of,
)
from patchspec.review.drawing.text import clipped, columns, shown
from tests import configs
from tests.conftest import SAMPLES
from tests.planning.test_properties import documents
from tests.review.graphs import HOSTILE, hostile, recorded, scene

SVG = "{http://www.w3.org/2000/svg}"


def picture(document: Any, suffix: str) -> str:
    base = Base(document)
    return drawn(base, recorded(base.graph), suffix)[0]


def sample(name: str, suffix: str) -> str:
    base = open_base(SAMPLES / name)
    return drawn(base, recorded(base.graph), suffix)[0]


class Elements(HTMLParser):
    """What a browser makes of a page, near enough: elements, attributes, and text by element."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open = tag

    def handle_endtag(self, tag: str) -> None:
        self.open = ""

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open, []).append(data)


def elements(page: str) -> Elements:
    found = Elements()
    found.feed(page)
    return found


# SVG


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_an_svg_is_xml_with_one_group_for_each_call(document: Any) -> None:
    whole = scene(document)
    root = ET.fromstring(picture(document, ".svg"))
    groups = [g for g in root.iter(f"{SVG}g") if "node" in (g.get("class") or "").split()]
    assert len(groups) == len(list(whole.walk()))
    lines = [p for p in root.iter(f"{SVG}path") if "line" in (p.get("class") or "").split()]
    edges = len(whole.edges) + sum(len(n.inside.edges) for n in whole.walk() if n.inside)
    assert len(lines) == edges


@pytest.mark.parametrize("suffix", [".svg", ".html", ".mmd"])
def test_the_same_model_gives_the_same_bytes(suffix: str) -> None:
    for name in ("nested_multi_call.keras", "ops_nodes.keras"):
        assert sample(name, suffix) == sample(name, suffix)


def test_an_svg_needs_nothing_and_says_what_it_is() -> None:
    text = sample("nested.keras", ".svg")
    root = ET.fromstring(text)
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    found = {one.get("id"): one.text for one in root}
    assert all(found[label] for label in labels)
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"(?:href|src)=|@import|url\((?!#)", text)
    assert {one.tag for one in root.iter()} <= {
        f"{SVG}{tag}"
        for tag in ("svg", "title", "desc", "style", "defs", "marker", "path", "rect", "g", "text",
                    "circle")
    }  # fmt: skip


def test_a_tooltip_tells_all_that_is_known() -> None:
    root = ET.fromstring(sample("nested.keras", ".svg"))
    [group] = [g for g in root.iter(f"{SVG}g") if g.get("data-path") == "inner/id"]
    told = group.findtext(f"{SVG}title") or ""
    assert told.splitlines() == [
        "inner/id",
        "Dense",
        "36 parameters",
        "vars/0 float32[8, 4]",
        "vars/1 float32[4]",
        "units: 4",
    ]


def test_names_are_text_in_an_svg() -> None:
    text = picture(hostile(), ".svg")
    text.encode("utf-8")
    root = ET.fromstring(text)
    paths = {g.get("data-path") for g in root.iter(f"{SVG}g")}
    assert {shown(name) for name in HOSTILE} <= paths
    assert not {"script", "img", "b"} & {one.tag.removeprefix(SVG) for one in root.iter()}
    assert not [key for one in root.iter() for key in one.attrib if key.startswith("on")]


def test_long_names_are_clipped_in_the_middle_and_whole_in_the_tooltip() -> None:
    root = ET.fromstring(picture(hostile(), ".svg"))
    widest = max(columns(text.text or "") for text in root.iter(f"{SVG}text"))
    assert widest <= 44
    assert any("a" * 300 in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_no_text_is_wider_than_its_node() -> None:
    """Letters of a font of equal letters are 0.61 of its size wide at most."""
    for name in ("nested_multi_call.keras", "ops_nodes.keras", "composite.keras"):
        for group in ET.fromstring(sample(name, ".svg")).iter(f"{SVG}g"):
            rects, texts = group.findall(f"{SVG}rect"), group.findall(f"{SVG}text")
            if group.get("data-path"):
                room = float(rects[0].get("width") or 0)
                for text in texts:
                    assert 13 + columns(text.text or "") * 12 * 0.61 < room


def test_text_has_no_sign_that_hides_or_breaks() -> None:
    assert shown("a\nb\tc\x1b[0m\u202e\ud800\ufeff") == (
        "a\\x0ab\\x09c\\x1b[0m\\x202e\\ud800\\ufeff"
    )
    assert clipped("abcdefghij", 5) == "ab\u2026ij"
    assert columns("\u65e5a\u0301") == 3


# HTML


def test_a_page_runs_its_own_script_alone_and_reaches_no_network() -> None:
    page = sample("nested.keras", ".html")
    found = elements(page)
    [policy] = [a["content"] for tag, a in found.tags if tag == "meta" and "http-equiv" in a]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    styles, scripts = found.texts["style"], found.texts["script"]
    for directive, text in (("style-src", "".join(styles)), ("script-src", scripts[-1])):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}';" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", page)
    assert not [a for _, a in found.tags if {"src", "style", "onclick"} & set(a)]
    script = scripts[-1]
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch", script)


def test_names_are_text_in_a_page() -> None:
    page = picture(hostile(), ".html")
    page.encode("utf-8")
    found = elements(page)
    names = [tag for tag, _ in found.tags]
    assert names.count("script") == 2
    assert not {"img", "b", "i", "n"} & set(names)
    layers = json.loads(found.texts["script"][0])
    assert {shown(name) for name in HOSTILE} <= set(layers)
    links = [a["href"] for tag, a in found.tags if tag == "a"]
    assert "#layer=%3Cscript%3Ealert%281%29%3C%2Fscript%3E" in links
    assert all(link is not None and link.startswith("#layer=") for link in links)


def test_a_page_draws_every_level_of_nesting_and_shows_the_whole() -> None:
    tags = elements(sample("composite.keras", ".html")).tags
    pictures = [a for tag, a in tags if tag == "svg"]
    assert ["hidden" in one for one in pictures] == [True, True, False]
    identifiers = [a["id"] for _, a in tags if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    options = [a for tag, a in tags if tag == "option"]
    assert [one["value"] for one in options if "selected" in one] == ["2"]


def test_a_flat_model_has_nothing_to_close() -> None:
    assert '<select id="levels">' not in sample("functional_linear.keras", ".html")


def test_a_page_has_a_table_of_every_call_for_those_who_do_not_see_it() -> None:
    found = elements(sample("nested_multi_call.keras", ".html"))
    calls = [text for text in found.texts["a"] if text.strip()]
    assert {"inner@0", "inner/id", "inner@1", "add", "$output:0"} <= set(calls)
    assert [a for tag, a in found.tags if tag == "main" and a.get("aria-label")]


def test_a_page_tells_of_each_layer_what_the_panel_shows() -> None:
    layers = json.loads(elements(sample("nested_multi_call.keras", ".html")).texts["script"][0])
    assert layers["inner/id"]["parameters"] == 36
    assert layers["inner/id"]["config"] == [["units", "4"]]
    assert len(layers["inner"]["calls"]) == 2
    assert layers["$output:0"]["class"] == "output add"


# Mermaid


def test_a_flowchart_has_a_line_for_each_node_and_each_edge() -> None:
    assert picture(configs.nested(), ".mmd") == (
        "flowchart TB\n"
        '  n0(["x<br>input<br>float32[?, 4]"])\n'
        '  subgraph n1["inner \u00b7 Functional \u00b7 float32[?, 4]"]\n'
        "    direction TB\n"
        '    n2(["e<br>input<br>float32[?, 4]"])\n'
        '    n3["id<br>Dense<br>float32[?, 4]"]\n'
        '    n4["id2<br>Dense"]\n'
        '    n5(["id2<br>output"])\n'
        "    n2 --> n3\n"
        "    n3 --> n4\n"
        "    n4 --> n5\n"
        "  end\n"
        '  n6["d<br>Dense"]\n'
        '  n7(["d<br>output"])\n'
        "  n0 --> n1\n"
        "  n1 --> n6\n"
        "  n6 --> n7\n"
        "  classDef end_ fill:#8b949e33,stroke:#8b949e\n"
        "  class n0,n2,n5,n7 end_\n"
    )


def test_names_are_text_in_a_flowchart() -> None:
    text = picture(hostile(), ".mmd")
    text.encode("utf-8")
    label = r'"(?:[^"`{}<>%$*;&\\]|#\d+;|<br>)*"'
    line = re.compile(
        r"flowchart TB|\s+direction TB|\s+end|"
        rf"\s+(?:subgraph )?n\d+(?:\[{label}\]|\(\[{label}\]\))|\s+n\d+ -->(?:\|{label}\|)? n\d+|"
        r"\s+classDef \w+ [\w#:,\- ]+|\s+class [n\d,]+ \w+"
    )
    for one in text.splitlines():
        assert line.fullmatch(one), one


def test_no_line_of_a_flowchart_ends_in_a_semicolon() -> None:
    for name in ("shared.keras", "ops_nodes.keras", "nested_multi_call.keras"):
        assert not re.search(r";$", sample(name, ".mmd"), re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("conv2d_1", "conv2d_1"),
        ('a"b', "a#34;b"),
        ("#35;", "#35;35#59;"),
        ("1. x", "1#46; x"),
        ("a__b", "a#95;#95;b"),
        ("<br>", "#60;br#62;"),
    ],
)
def test_a_sign_that_means_something_is_a_number(name: str, safe: str) -> None:
    assert escaped(name) == safe


def long(count: int) -> Any:
    return configs.chain(*(f"layer_with_a_rather_long_name_{i}" for i in range(count)))


def test_a_model_within_the_limits_is_not_folded() -> None:
    chart = flowchart_of(scene(long(100)))
    assert (chart.folded, chart.edges) == (0, 101)


def test_straight_chains_fold_where_a_flowchart_would_be_too_large() -> None:
    chart = flowchart_of(scene(long(1000)))
    assert len(chart.text) <= MOST_CHARACTERS
    assert chart.folded == 1000
    assert "\u2026 1,000 layers \u2026" in chart.text


def ladder(count: int) -> Any:
    """Each layer reads the two before it: there is no straight chain to fold."""
    layers = [configs.entrance("l0"), configs.dense("l1", "l0")]
    layers += [configs.add(f"l{i}", f"l{i - 1}", f"l{i - 2}") for i in range(2, count)]
    return configs.model(layers, [f"l{count - 1}", 0, 0])


def test_what_has_no_chains_is_folded_to_fit_as_well() -> None:
    chart = flowchart_of(scene(ladder(2000)))
    assert chart.edges <= MOST_EDGES
    assert len(chart.text) <= MOST_CHARACTERS
    assert chart.folded > 1000


def test_hundreds_of_outputs_fold_too() -> None:
    names = [f"l{i}" for i in range(900)]
    layers = [configs.entrance(), *(configs.dense(name, "x") for name in names)]
    chart = flowchart_of(scene(configs.model(layers, [[name, 0, 0] for name in names])))
    assert chart.edges <= MOST_EDGES
    assert len(chart.text) <= MOST_CHARACTERS


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_folding_makes_no_circle_and_loses_no_layer(document: Any) -> None:
    whole = scene(document)
    before = sum(1 for node in whole.nodes)
    for one in (*smaller(whole), chains_folded(whole, 2), neighbours_folded(whole, 3)):
        assert sum(node.folded or 1 for node in one.nodes) == before
        links = [(edge.source, edge.target, 0) for edge in one.edges]
        ranks = ranks_of(len(one.nodes), links)
        assert all(ranks[source] < ranks[target] for source, target, _ in links)


def test_a_chain_is_named_after_its_ends() -> None:
    folded = chains_folded(scene(configs.chain("a", "b", "c", "d")), 3)
    assert [node.name for node in folded.nodes] == ["x", "\u2026 4 layers \u2026", "d"]
    assert folded.nodes[1].class_name == "a \u2026 d"


def test_every_sample_is_drawn_in_every_format() -> None:
    for name in ("assets", "dtype_policies", "functional_dict_io", "seeded", "training_kwarg"):
        for suffix in (".svg", ".html", ".mmd"):
            assert sample(f"{name}.keras", suffix)


def test_details_of_hostile_configs_are_text() -> None:
    base = Base(hostile())
    details = details_of(base)
    assert dict(details["<script>alert(1)</script>"].config)["note"] == (
        '"<script>alert(1)</script>"'
    )
