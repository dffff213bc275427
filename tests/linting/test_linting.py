"""What `lint` finds, accepts and mends."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from patchspec.authoring.text import patch_text
from patchspec.language.patch import Patch, parse_source
from patchspec.language.settings import sample_values
from patchspec.language.source import read_file, read_text
from patchspec.linting.linting import CODES, fixed, lint
from patchspec.linting.rules import rules
from patchspec.models.base import Base
from patchspec.review.sarif import sarif
from tests.configs import dense, entrance, layer, model, node, tensor

ROOT = Path(__file__).parents[2]
NOTES = ("PS805", "PS806", "PS813")


def backbone() -> Base:
    """x -> conv -> bn -> pool -> head (softmax)."""

    def one(class_name: str, name: str, source: str, **config: Any) -> Any:
        return layer(class_name, name, [node(tensor(source))], **config)

    layers = [
        entrance(),
        one("Dense", "conv", "x", units=4, activation="linear", kernel_initializer="zeros"),
        one("BatchNormalization", "bn", "conv"),
        one("ReLU", "relu", "bn"),
        dense("head", "relu", units=3),
    ]
    layers[-1]["config"]["activation"] = "softmax"
    return Base(model(layers, ["head", 0, 0]), origin="base.keras")


def patch(steps: str, head: str = "") -> Patch:
    lines = "".join(f"  {line}\n" for line in steps.splitlines())
    return parse_source(read_text(f"patchspec: 1\n{head}operations:\n{lines}", "p.patchspec.yaml"))


def codes(steps: str, head: str = "", *, base: bool = True) -> list[str]:
    """What is found, advice on reasons and expectations aside."""
    found = lint(patch(steps, head), backbone() if base else None)
    return [one.problem.code for one in found if one.problem.code not in ("PS805", "PS806")]


RELU = "{class: ReLU, name: r}"
SOFTMAX = "{class: Activation, name: s, config: {activation: softmax}}"
LINEAR = "- {op: set, layers: head, config: {activation: linear}}"
DROP = "{class: Dropout, name: d, config: {rate: 0.2}}"
NEW = "{class: Dense, name: new, config: {units: 2}}"

BITES = {
    "PS803": (
        f"- {{op: freeze, layers: head}}\n- {{op: replace, layers: head, new: {NEW}}}",
        f"- {{op: replace, layers: head, new: {NEW}}}\n- {{op: freeze, layers: new}}",
    ),
    "PS804": ("- {op: freeze, layers: conv}", "- {op: freeze, layers: [conv, bn]}"),
    "PS807": (
        "- {op: freeze, layers: conv}\n- {op: unfreeze, layers: conv}\n- {op: freeze, layers: bn}",
        "- {op: freeze, layers: [conv, bn]}\n- {op: unfreeze, layers: head, batchnorm: leave}",
    ),
    "PS808": (
        f"- {{op: insert, after: relu, new: {RELU}}}",
        f"- {{op: insert, after: conv, new: {RELU}}}",
    ),
    "PS809": (
        f"- {{op: insert, after: head, new: {SOFTMAX}}}",
        f"{LINEAR}\n- {{op: insert, after: head, new: {SOFTMAX}}}",
    ),
    "PS810": (
        f"- {{op: insert, after: head, new: {DROP}}}",
        f"- {{op: insert, before: head, new: {DROP}}}",
    ),
    "PS811": (
        "- {op: set, layers: head, config: {activation: softmax}}",
        "- {op: set, layers: head, config: {activation: linear}}",
    ),
}


@pytest.mark.parametrize("code", BITES)
def test_a_rule_finds_what_bites_and_leaves_what_does_not(code: str) -> None:
    bad, good = BITES[code]
    assert code in codes(bad)
    assert code not in codes(good)


def test_a_made_up_name_is_found_unless_the_base_is_pinned() -> None:
    step = "- {op: freeze, layers: [dense_1, conv2d, softmax, block1]}"
    assert codes(step, base=False) == ["PS801", "PS801"]
    pinned = f"base: {{path: b, architecture: 'sha256:{'0' * 64}'}}\n"
    assert codes(step, pinned, base=False) == []


def test_a_base_without_a_digest_is_found() -> None:
    assert codes("- {op: freeze, layers: a}", "base: b.keras\n", base=False) == ["PS802"]
    assert codes("- {op: freeze, layers: a}", base=False) == []


def test_missing_reasons_and_expectations_are_notes() -> None:
    found = lint(patch("- {op: freeze, layers: a}"))
    assert [(one.problem.code, one.level) for one in found] == [
        ("PS806", "note"),
        ("PS805", "note"),
    ]
    said = patch("- {op: freeze, layers: a, why: it is fine}", "expect: {layers: {added: []}}\n")
    assert not lint(said)


def test_a_setting_that_nothing_reads_is_found() -> None:
    head = "settings: {n: {type: int, default: 1}, m: {type: int, default: 2}}\n"
    step = "- {op: set, layers: a, config: {units: $(n)}}"
    found = lint(patch(step, head))
    assert [x.problem.message for x in found if x.problem.code == "PS812"] == [
        "nothing reads the setting `m`"
    ]


def test_a_glob_without_count_is_advice_and_can_be_counted() -> None:
    said = patch("- {op: freeze, layers: 'b*'}")
    [found] = [one for one in lint(said, backbone()) if one.problem.code == "PS813"]
    assert found.level == "note"
    done = fixed(said.source, backbone(), ["PS813"], unsafe=True)
    assert 'layers: {name: "b*", count: 1}' in done.text
    assert fixed(said.source, backbone(), ["PS813"]).text == said.source.text


def test_a_comment_accepts_the_findings_of_its_line_or_operation() -> None:
    step = "- {op: freeze, layers: conv}  # patchspec: ignore PS804"
    assert codes(step) == []
    above = "# on purpose. patchspec: ignore PS804\n- op: freeze\n  layers: conv"
    assert codes(above) == []
    assert codes("- {op: freeze, layers: conv}", "# patchspec: ignore-file PS804\n") == []


def test_a_comment_that_accepts_nothing_is_found_and_taken_away() -> None:
    said = patch("- {op: freeze, layers: bn}  # patchspec: ignore PS804")
    assert "PS820" in [one.problem.code for one in lint(said, backbone())]
    done = fixed(said.source, backbone())
    assert "#" not in done.text
    assert codes("- {op: freeze, layers: bn}  # patchspec: ignore") == ["PS821"]
    # What was not asked for cannot be missed.
    assert not lint(said, backbone(), ["PS801", "PS820"])


def test_an_operation_that_is_said_twice_is_deleted_with_its_lines() -> None:
    freeze, rename = "- op: freeze\n  layers: conv", "- {op: rename, layers: head, name: h}"
    steps = f"{freeze}\n# again\n{freeze}\n{rename}"
    done = fixed(patch(steps).source, None, ["PS807"])
    assert done.text.count("freeze") == 1
    assert "rename" in done.text


def test_pinning_is_no_safe_fix_and_keeps_the_text_around() -> None:
    said = patch("- {op: freeze, layers: bn}", "base:\n  path: base.keras  # ours\n")
    assert fixed(said.source, backbone()).text == said.source.text
    done = fixed(said.source, backbone(), unsafe=True)
    assert f"  architecture: {backbone().architecture}" in done.text
    assert "# ours" in done.text


step_texts = st.sampled_from(
    [
        {"op": "freeze", "layers": "conv"},
        {"op": "freeze", "layers": "b*"},
        {"op": "set", "layers": "head", "config": {"activation": "linear"}},
        {"op": "extract"},
    ]
)


@settings(max_examples=50, deadline=None)
@given(st.lists(step_texts, min_size=1, max_size=5), st.booleans())
def test_safe_fixes_leave_the_variant_as_it_is_and_are_done_in_one_go(
    steps: list[Any], commented: bool
) -> None:
    from patchspec.planning.resolve import resolve  # noqa: PLC0415

    text = patch_text({"patchspec": 1, "operations": steps})
    if commented:
        text = text.replace("}\n", "}  # patchspec: ignore PS809\n")
    source = read_text(text, "p.patchspec.yaml")
    done = fixed(source, backbone())
    again = read_text(done.text, "p.patchspec.yaml")
    assert fixed(again, backbone()).text == done.text
    before, after = (resolve(parse_source(s), backbone()) for s in (source, again))
    assert before.architecture == after.architecture


def test_every_rule_has_a_code_and_every_code_a_rule() -> None:
    assert set(CODES) == {*rules(), "PS820", "PS821"}


@pytest.mark.parametrize("path", sorted((ROOT / "patches").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_cookbook_has_no_warning(path: Path) -> None:
    source = read_file(path)
    said = parse_source(source, sample_values(source.data.get("settings", {}), {}))
    assert [x.problem.code for x in lint(said) if x.level == "warning"] == []


def test_what_a_patch_expects_does_not_keep_rules_from_looking_at_its_plan() -> None:
    head = "expect: {layers: {added: [nobody]}}\n"
    assert codes("- {op: freeze, layers: conv}", head) == ["PS804"]


def test_what_a_patch_extends_is_planned_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "patchspec: 1\noperations: [{op: freeze, layers: [conv, bn]}]\n"
    )
    (tmp_path / "b.yaml").write_text(
        "patchspec: 1\nextends: [a.yaml]\noperations:\n  - {op: freeze, layers: conv, why: no}\n"
    )
    found = lint(parse_source(read_file(tmp_path / "b.yaml")), backbone())
    assert [one.problem.code for one in found] == ["PS806", "PS811"]


def test_sarif_says_all_that_code_scanning_wants() -> None:
    found = lint(patch("- {op: freeze, layers: conv}\n- {op: freeze, layers: conv}"), backbone())
    said = sarif((one.problem, one.level) for one in found)
    assert said["version"] == "2.1.0"
    [run] = said["runs"]
    rules_said = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules_said[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        place = result["locations"][0]["physicalLocation"]
        assert not re.match(r"\w+:|/", place["artifactLocation"]["uri"])
        assert place["region"]["startLine"] >= 1
        assert place["region"]["startColumn"] >= 1
        assert re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["patchspec/v1"])
    assert json.loads(json.dumps(said)) == said
