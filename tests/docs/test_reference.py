"""The reference: every page is there, fresh, and its example does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keras
import pytest

from patchspec.cli.main import main
from patchspec.codes import CODES
from patchspec.operations import own_names
from patchspec.reference import site
from patchspec.reference.examples import PRINTED, Example, printed
from patchspec.reference.pages import KINDS, examples_by_page, pages, pages_of
from patchspec.weights.rules import rules
from tests.docs.running import ROOT, recorded

REFERENCE = ROOT / "docs" / "reference"
RECORDED_WITH = json.loads(PRINTED.read_text(encoding="utf-8"))["keras"]
WITHOUT_EXAMPLE = {
    "PS512": "comes from Python alone: the command shares nothing",
    "PS513": "comes from Python alone: the command shares nothing",
    "PS920": "needs an environment without the package safetensors",
    "PS948": "needs an environment without the package zarr",
    "PS928": "comes from Python alone: the command makes a model where one is needed",
    "PS930": "comes from Python alone: for the command another suffix is wrong usage",
    "PS931": "needs an environment without the package matplotlib",
    "PS960": "needs an environment without the package tensorboard",
    "PS961": "comes from Python alone, as Watch does",
    "PS962": "comes from Python alone, as clone_training does",
    "PS963": "comes from Python alone, as clone_training does",
    "PS980": "needs a folder that is no repository, or an environment without git",
    "PS964": "comes from Python alone, as clone_training does",
}
SEVERAL = {"PS914": {"PS913", "PS914"}}
"""Codes that never come alone."""
DECIMALS = re.compile(r"\d+\.\d{3,}(e-\d+)?")


def alike(text: str) -> str:
    """What a text says, but for digits that depend on the machine."""
    return DECIMALS.sub("0.0", text)


def test_the_pages_on_disk_are_those_of_the_code() -> None:
    found = {
        path.relative_to(REFERENCE).as_posix(): path.read_text(encoding="utf-8")
        for path in REFERENCE.rglob("*.md")
    }
    assert found == dict(site.files()), "run `make docs`"


def test_every_operation_rule_and_code_has_a_page() -> None:
    named = {(page.kind, page.name) for page in pages()}
    assert {("operations", name) for name in own_names()} <= named
    assert {("rules", name) for name in rules()} <= named
    assert {("codes", code) for code in CODES} <= named
    assert {page.kind for page in pages()} == set(KINDS)


def test_every_page_of_something_to_write_has_an_example_or_says_why_not() -> None:
    without = {
        page.name
        for page in pages()
        if page.kind != "values" and f"{page.kind}/{page.name}" not in examples_by_page()
    }
    assert without == set(WITHOUT_EXAMPLE)
    for name in without:
        assert "## Example" in pages_of(name)[0].text


@pytest.mark.parametrize(("page", "example"), examples_by_page().items(), ids=examples_by_page())
def test_an_example_prints_what_its_page_shows(page: str, example: Example) -> None:
    shown = recorded(example)
    kind, _, name = page.partition("/")
    wanted = SEVERAL.get(name, {name}) if kind == "codes" else set()
    assert set(re.findall(r"(?:error|finding|warning|note)\[(PS\d+)\]", shown)) == wanted
    if keras.__version__ == RECORDED_WITH:
        assert alike(shown) == alike(printed()[page]), "run `make docs`"


def test_no_page_shows_a_place_on_this_machine() -> None:
    here = "|".join(re.escape(str(path)) for path in (ROOT, Path.home()))
    for text in site.files().values():
        assert not re.search(rf"/tmp/|site-packages|({here})/", text)


def test_every_link_of_a_page_leads_to_a_file() -> None:
    for name, text in site.files().items():
        found = re.findall(r"^\[[\w-]+\]: (\S+)|\]\(([^)\s]+)\)", text, re.MULTILINE)
        for place in (one or other for one, other in found):
            path = (REFERENCE / name).parent / place.partition("#")[0]
            assert path.exists(), (name, place)


def test_every_word_in_brackets_is_a_link_of_its_page() -> None:
    for name, text in site.files().items():
        prose = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
        for word in re.findall(r"\[([a-z-]+)\](?![:\[(])", prose):
            assert f"\n[{word}]: " in text, (name, word)


@pytest.mark.parametrize("word", ["insert", "pad", "where", "expect", "selector", "PS302"])
def test_explain_prints_the_page(word: str, capsys: Any) -> None:
    assert main(["explain", word]) == 0
    [page] = pages_of(word)
    assert capsys.readouterr().out == page.text


def test_explain_prints_every_page_of_a_word_with_two_meanings(capsys: Any) -> None:
    assert main(["explain", "name"]) == 0
    shown = capsys.readouterr().out
    assert "What the variant is called." in shown
    assert "A name or a glob, or a list of them." in shown
    assert main(["explain", "name", "--json"]) == 0
    assert {"conditions", "keys"} <= set(json.loads(capsys.readouterr().out))


def test_explain_takes_a_code_in_small_letters_and_proposes_the_nearest_word(capsys: Any) -> None:
    assert main(["explain", "ps302"]) == 0
    capsys.readouterr()
    assert main(["explain", "freez"]) == 1
    assert "did you mean `freeze`?" in capsys.readouterr().err


def test_explain_without_a_word_lists_every_page(capsys: Any) -> None:
    assert main(["explain"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n{page.name} " in shown for page in pages())
