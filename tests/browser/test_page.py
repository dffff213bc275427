"""The page of a plan, looked at and used in Chromium."""

from __future__ import annotations

import json
from typing import Any

import pytest

from patchspec.models.base import Base
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.review.report.page import report_page
from tests.configs import chain, dense, entrance, model, nested
from tests.conftest import patch_of

pytestmark = pytest.mark.slow

NAMES = [f"stage{i // 5}_layer{i}" for i in range(30)]


def planned(document: Any, steps: Any, **header: Any) -> Plan:
    return resolve(patch_of(steps, **header), Base(document, origin="base.keras"))


def usual() -> Plan:
    """A chain in which one layer is put in, one changed, one taken out."""
    return planned(
        chain(*NAMES),
        [
            {
                "op": "insert",
                "after": "stage1_layer5",
                "new": {"class": "Dropout", "name": "drop", "config": {"rate": 0.2}},
                "why": "it learned by heart",
            },
            {"op": "set", "layers": "stage3_layer16", "config": {"activation": "relu"}},
            {"op": "remove", "layers": "stage5_layer27"},
        ],
        name="usual",
    )


def shown(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all(
        ".node", "all => all.map(one => one.dataset.key).filter(Boolean)"
    )
    return found


def test_changes_are_shown_with_their_neighbours_and_the_rest_folded(opened: Any) -> None:
    """G4: what is seen first is what changed."""
    page = opened(usual())
    keys = shown(page)
    assert {"drop", "stage3_layer16", "-stage5_layer27"} <= set(keys)
    assert "stage0_layer1" not in keys
    assert page.locator(".node.fold").count() >= 2
    assert page.locator(".node.added").get_attribute("aria-label").startswith("added layer drop")
    # Colour is not all that tells: signs and dashes do as well.
    assert "+" in page.locator(".node.added").text_content()
    dash = page.eval_on_selector(
        ".node.removed rect", "one => getComputedStyle(one).strokeDasharray"
    )
    assert dash != "none"


def test_a_fold_opens_and_a_layer_says_what_caused_it(opened: Any) -> None:
    page = opened(usual())
    before = len(shown(page))
    page.locator(".node.fold").first.click()
    assert len(shown(page)) > before
    page.locator('.node[data-key="drop"]').click()
    panel = page.locator("#panel")
    assert panel.is_visible()
    text = panel.text_content()
    assert "it learned by heart" in text
    assert '"op": "insert"' in text
    assert "rate" in text
    page.locator('#layers button[data-layer="stage3_layer16"]').click()
    row = page.locator("#panel tr.differs").first.text_content()
    assert row == 'activation"linear""relu"'


def test_views_groups_and_search(opened: Any) -> None:
    page = opened(usual())
    page.check('input[value="before"]')
    assert page.locator('.node[data-key="drop"]').count() == 0
    page.check('input[value="overlay"]')
    page.click("#open")
    assert len(shown(page)) == 30 + 3
    page.click("#close")
    assert page.locator(".node.group").count() >= 5
    page.locator(".node.group").first.click()
    assert "stage0_layer1" in shown(page)
    page.fill("#search", "layer22")
    assert page.locator("#found").text_content() == "1 found"
    page.press("#search", "Enter")
    assert page.locator("#panel h2").text_content() == "stage4_layer22"
    page.fill("#search", "dropout")
    assert page.locator("#found").text_content() == "1 found"


def test_the_keyboard_does_all_that_the_mouse_does(opened: Any) -> None:
    page = opened(usual())
    page.focus("#drawing")
    page.keyboard.press("n")
    assert page.locator("#panel h2").text_content() == "drop"
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.key") == "stage1_layer6"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator("#panel h2").text_content() == "drop"
    page.keyboard.press("Escape")
    assert not page.locator("#panel").is_visible()
    before = page.get_attribute("#world", "transform")
    page.keyboard.press("+")
    page.wait_for_function(
        "t => document.getElementById('world').getAttribute('transform') !== t", arg=before
    )
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


def test_a_link_leads_to_a_layer_and_a_layer_into_the_address(opened: Any) -> None:
    page = opened(usual(), "#layer=stage3_layer16")
    assert page.locator("#panel h2").text_content() == "stage3_layer16"
    page.locator('.node[data-key="drop"]').click()
    assert page.url.endswith("#layer=drop")
    page.check('input[value="after"]')
    assert page.url.endswith("view=after")


def test_the_tables_lead_into_the_graph(opened: Any) -> None:
    page = opened(usual())
    page.locator('#layers button[data-layer="-stage5_layer27"]').click()
    assert page.locator("#panel h2").text_content() == "stage5_layer27"
    page.locator("#every summary").click()
    page.locator('#every button[data-layer="stage0_layer2"]').click()
    assert page.locator('.node[data-key="stage0_layer2"].chosen').count() == 1


def test_nested_models_open_where_they_changed(opened: Any) -> None:
    plan = planned(
        nested(), [{"op": "insert", "after": "inner/id", "new": {"class": "ReLU", "name": "r"}}]
    )
    page = opened(plan)
    assert "inner/r" in shown(page)
    page.check('input[value="overlay"]')
    page.click("#close")
    assert "inner/r" not in shown(page)
    assert "inner" in shown(page)
    page.click("#open")
    assert "inner/r" in shown(page)
    assert page.locator(".edge.inside").count() == 1


HOSTILE = [
    "<script>window.bitten = 1<",
    '"><img src=x onerror=window.bitten=1>',
    "</script><script>window.bitten=1<",
    "'+window.bitten+'",
    "__proto__",
    "constructor",
    "\u202egnp.exe",
    "${window.bitten}",
]


@pytest.mark.parametrize("name", [one.replace("/", "\\") for one in HOSTILE])
def test_a_name_is_text_and_nothing_else(opened: Any, name: str) -> None:
    """A model from elsewhere cannot run anything on the page, nor hide what it is called."""
    document = model([entrance(), dense(name, "x"), dense("d", name)], ["d", 0, 0])
    steps = [{"op": "set", "layers": {"class": "Dense"}, "config": {"activation": "relu"}}]
    page = opened(planned(document, steps))
    assert page.evaluate("window.bitten") is None
    assert page.locator("img").count() == 0
    text = page.locator(".node.changed").first.text_content()
    assert "\u202e" not in text
    page.locator(".node.changed").first.click()
    assert page.evaluate("window.bitten") is None
    assert page.evaluate("({}).key") is None


def test_the_policy_lets_no_other_script_run(browser: Any, tmp_path: Any) -> None:
    file = tmp_path / "report.html"
    file.write_text(report_page(usual()), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    policy = page.get_attribute('meta[http-equiv="Content-Security-Policy"]', "content")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    ran = page.evaluate(
        """() => {
          const made = document.createElement('script');
          made.textContent = 'window.bitten = 1';
          document.body.append(made);
          return window.bitten;
        }"""
    )
    assert ran is None
    page.close()


def test_the_page_is_dark_where_the_system_is_and_where_it_is_told(
    browser: Any, opened: Any
) -> None:
    page = opened(usual(), color_scheme="dark")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(13, 17, 23)"
    page.click("#theme")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_on_paper_the_tables_are_open_and_the_controls_gone(opened: Any) -> None:
    page = opened(usual())
    page.emulate_media(media="print")
    assert not page.locator(".bar").is_visible()
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#digests").get_attribute("open") is not None
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#digests").get_attribute("open") is None


def test_what_is_copied_is_the_picture_and_the_data(opened: Any) -> None:
    page = opened(usual())
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: "
        "{writeText: async text => { window.copied = text; }}})"
    )
    page.click('[data-copy="mermaid"]')
    page.wait_for_function("window.copied")
    assert page.evaluate("window.copied").startswith("flowchart TB")
    page.click('[data-copy="json"]')
    page.wait_for_function("window.copied.startsWith('{')")
    assert len(json.loads(page.evaluate("window.copied"))["nodes"]) == 33
    page.click('[data-copy="svg"]')
    page.wait_for_function("window.copied.startsWith('<svg')")


def test_a_narrow_window_holds_everything(opened: Any) -> None:
    page = opened(usual(), "#layer=drop", viewport={"width": 400, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.locator("#panel").is_visible()


def test_the_page_runs_inside_a_notebook(browser: Any, tmp_path: Any) -> None:
    """The same graph, in a frame that sees nothing of the notebook."""
    from patchspec.review.report.notebook import framed_page  # noqa: PLC0415

    file = tmp_path / "notebook.html"
    file.write_text(f"<!doctype html><body>{framed_page(usual())}", encoding="utf-8")
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(file.as_uri())
    frame = page.frames[1]
    frame.wait_for_selector("html[data-ready]")
    frame.locator('.node[data-key="drop"]').click()
    assert frame.locator("#panel h2").text_content() == "drop"
    assert errors == []
    page.close()
