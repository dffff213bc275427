"""Settings, `$(name)`, `if`, `each` and `extends`: resolved once, before anything looks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.language.patch import parse, read_patches
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from tests import configs
from tests.conftest import SAMPLES, lower

HEAD = """patchspec: 1
settings:
  units: {type: int, default: 4, min: 2, max: 9, description: how wide}
  rate: {type: float}
  on: {type: bool, default: true}
  kind: {type: str, default: relu, choices: [relu, tanh]}
operations:
"""
STEP = (
    "  - {op: insert, after: a, new: {class: Dropout, name: d$(units), config: {rate: $(rate)}}}\n"
)


def problems(call: Callable[[], Any]) -> list[tuple[str, int | None]]:
    with pytest.raises(PatchError) as caught:
        call()
    return [(p.code, p.span.line if p.span else None) for p in caught.value.problems]


def test_a_lone_placeholder_keeps_its_type_and_one_in_a_text_does_not() -> None:
    """C10: a value has the type that its setting declares."""
    [step] = parse(HEAD + STEP, {"rate": 0.25}).steps
    assert step.operation.new["config"] == {"rate": 0.25}  # type: ignore[attr-defined]
    assert step.operation.new["name"] == "d4"  # type: ignore[attr-defined]


def test_a_command_line_gives_values_as_yaml_reads_them() -> None:
    """C10: a default is overridden."""
    patch = parse(HEAD + STEP, {"rate": "1e-1", "units": "7", "on": "false", "kind": "tanh"})
    assert dict(patch.settings) == {"rate": 0.1, "units": 7, "on": False, "kind": "tanh"}


def test_a_setting_without_a_default_must_be_given() -> None:
    assert problems(lambda: parse(HEAD + STEP)) == [("PS218", 4)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rate": 0.1, "units": 1}, "2 to 9"),
        ({"rate": 0.1, "units": "x"}, "an integer"),
        ({"rate": 0.1, "units": True}, "an integer"),
        ({"rate": "much"}, "a number"),
        ({"rate": 0.1, "kind": "elu"}, "the choices are relu, tanh"),
        ({"rate": 0.1, "unit": 3}, "no patch declares a setting `unit`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(given: dict[str, Any], said: str) -> None:
    """C10: type, limits, choices."""
    with pytest.raises(PatchError) as caught:
        parse(HEAD + STEP, given)
    [problem] = caught.value.problems
    assert problem.code == "PS218"
    assert said in problem.message


def test_every_problem_of_the_settings_comes_at_once() -> None:
    text = (
        "patchspec: 1\nsettings:\n  target: {type: int, default: 1}\n  a: {type: int}\n"
        "  b: {type: int, default: x}\noperations:\n  - {op: freeze, layers: $(aa)}\n"
    )
    assert problems(lambda: parse(text)) == [("PS218", n) for n in (3, 4, 5, 7)]


def test_a_value_is_checked_where_it_is_put() -> None:
    text = (
        HEAD
        + "  - {op: insert, after: a, new: {class: Dense, name: d, config: {units: $(kind)}}}\n"
    )
    assert problems(lambda: parse(text, {"rate": 0.1})) == [("PS214", 8)]


def test_if_leaves_an_operation_out() -> None:
    text = HEAD + "  - {op: freeze, layers: a, if: $(on)}\n  - {op: freeze, layers: b}\n"
    assert [s.at[-1] for s in parse(text, {"rate": 0}).steps] == [0, 1]
    assert [s.at[-1] for s in parse(text, {"rate": 0, "on": False}).steps] == [1]
    assert problems(
        lambda: parse(HEAD + "  - {op: freeze, layers: a, if: maybe}\n", {"rate": 0})
    ) == [("PS203", 8)]


def test_the_digest_of_a_plan_depends_on_the_settings() -> None:
    text = HEAD + "  - {op: set, layers: a, config: {activation: $(kind)}}\n"
    document = configs.chain("a", "b")
    base = patchspec.Base(document, {}, origin="base")
    plans = [resolve(parse(text, {"rate": 0, "kind": kind}), base) for kind in ("relu", "tanh")]
    assert plans[0].digest != plans[1].digest
    assert plans[0].patches[0].digest == plans[1].patches[0].digest


def test_each_gives_every_match_its_own_value() -> None:
    new = "{class: Dropout, name: '$(target)_drop', config: {rate: $(rate)}}"
    each = "{rate: {linear: [0.0, 0.2]}}"
    step = f"- {{op: insert, after: [a, b, c], new: {new}, each: {each}}}"
    plan = lower(configs.chain("a", "b", "c"), step)
    rates = [plan.graph.layers[f"{name}_drop"].config["rate"] for name in "abc"]
    assert rates == [0.0, 0.1, 0.2]


def test_a_list_of_each_is_exactly_as_long_as_the_matches() -> None:
    step = "- {op: set, layers: '*', config: {activation: $(f)}, each: {f: [relu, tanh, elu]}}"
    assert problems(lambda: lower(configs.chain("a", "b"), step.replace("'*'", "[a, b]"))) == [
        ("PS220", 3)
    ]
    plan = lower(configs.chain("a", "b", "c"), step.replace("'*'", "[a, b, c]"))
    assert [plan.graph.layers[n].config["activation"] for n in "abc"] == ["relu", "tanh", "elu"]


def test_what_a_patch_extends_comes_first_with_its_own_settings(tmp_path: Path) -> None:
    """C9: an include has its place in the order."""
    (tmp_path / "common").mkdir()
    (tmp_path / "common/first.patchspec.yaml").write_text(
        "patchspec: 1\nsettings: {n: {type: str, default: x}}\n"
        "operations:\n  - {op: rename, layers: a, name: first_$(n)}\n"
    )
    main_file = tmp_path / "p.patchspec.yaml"
    main_file.write_text(
        "patchspec: 1\nextends: [common/first.patchspec.yaml]\n"
        "operations:\n  - {op: rename, layers: first_y, name: second}\n"
    )
    [patch] = read_patches([main_file], {"n": "y"})
    plan = resolve(patch, patchspec.Base(configs.chain("a", "b"), {}, origin="base"))
    assert plan.layers.renamed == (("a", "second"),)
    assert [p.source.file for p in plan.patches] == [
        str(tmp_path / "common/first.patchspec.yaml"),
        str(main_file),
    ]


def test_patches_that_extend_one_another_in_a_circle_are_refused(tmp_path: Path) -> None:
    for mine, other in (("a", "b"), ("b", "a")):
        text = f"patchspec: 1\nextends: [{other}.yaml]\noperations: []\n"
        (tmp_path / f"{mine}.yaml").write_text(text)
    assert ("PS219", 2) in problems(lambda: parse(tmp_path / "a.yaml"))


def test_a_missing_file_among_those_extended_has_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("patchspec: 1\nextends: [nowhere.yaml]\noperations: []\n")
    assert problems(lambda: parse(tmp_path / "a.yaml")) == [("PS902", 2)]


def test_a_saved_plan_keeps_the_settings_and_what_was_extended(tmp_path: Path, capsys: Any) -> None:
    base = str(SAMPLES / "functional_linear.keras")
    (tmp_path / "first.yaml").write_text(
        "patchspec: 1\noperations:\n  - {op: rename, layers: d1, name: first}\n"
    )
    (tmp_path / "p.yaml").write_text(
        "patchspec: 1\nextends: [first.yaml]\nsettings: {rate: {type: float}}\noperations:\n"
        "  - {op: insert, after: first, new: {class: Dropout, name: d, config: {rate: $(rate)}}}\n"
    )
    plan, target = str(tmp_path / "plan.json"), str(tmp_path / "v.keras")
    assert main(["plan", base, str(tmp_path / "p.yaml"), "--set", "rate=0.3", "-o", plan]) == 0
    (tmp_path / "first.yaml").unlink()
    assert main(["apply", plan, "-o", target]) == 0
    assert patchspec.open_base(target).graph.layers["d"].config["rate"] == 0.3
    assert main(["validate", str(tmp_path / "p.yaml"), "--set", "rate"]) == 2
    capsys.readouterr()


def test_a_placeholder_that_stands_for_nothing_is_one_error_where_its_type_is_wrong_too() -> None:
    text = "patchspec: 1\noperations:\n  - {op: freeze, layers: a, if: $(x)}\n"
    with pytest.raises(PatchError) as caught:
        parse(text)
    assert [p.code for p in caught.value.problems] == ["PS218"]
