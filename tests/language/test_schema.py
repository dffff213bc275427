"""The schema: generated, fresh, and what it says of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from patchspec.language.editor import printed_schema
from patchspec.language.patch import parse
from patchspec.language.schema import patch_schema
from patchspec.operations import operations
from patchspec.problems import PatchError
from patchspec.review.schemas import printed

SCHEMAS = Path(__file__).parents[2] / "schemas"


def problems(text: str) -> list[tuple[str, int, int]]:
    with pytest.raises(PatchError) as caught:
        parse(text)
    return [(p.code, p.span.line, p.span.column) for p in caught.value.problems if p.span]


def test_the_printed_schemas_are_fresh() -> None:
    """C3: what is published is what the program checks by."""
    assert (SCHEMAS / "patch.schema.json").read_text() == printed_schema()
    for name in ("plan", "inspect", "probe", "comparison"):
        assert (SCHEMAS / f"{name}.schema.json").read_text() == printed(name)


def test_the_schema_is_a_draft_07_schema_without_one_of() -> None:
    schema = patch_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    text = json.dumps(schema)
    assert '"oneOf"' not in text
    assert '"anyOf"' not in text


def test_the_schema_holds_every_operation_in_one_chain() -> None:
    step = patch_schema()["definitions"]["operation"]
    assert step["if"]["properties"]["op"]["const"] == "__none__"
    found, link = [], step["else"]
    while link:
        found.append(link["if"]["properties"]["op"]["const"])
        link = link["else"]
    assert found == list(operations())


def test_a_patch_is_read_with_its_header() -> None:
    patch = parse(
        "patchspec: 1\nname: n\ndescription: d\nbase: {path: a.keras}\nseed: 3\n"
        "operations:\n  - {op: remove, layers: a, id: one, why: because, allow: [PS414]}\n"
        "meta: {ticket: X}\n"
    )
    assert (patch.name, patch.seed, patch.base.path) == ("n", 3, "a.keras")
    [step] = patch.steps
    assert (step.op, step.id, step.why, step.allow) == ("remove", "one", "because", ("PS414",))


def test_meta_and_layout_do_not_change_the_digest() -> None:
    one = parse("patchspec: 1\noperations: []\nmeta: {a: 1}\n")
    other = parse("# comment\noperations: []\npatchspec: 1\n")
    assert one.digest == other.digest
    assert one.digest != parse("patchspec: 1\nseed: 1\noperations: []\n").digest


@pytest.mark.parametrize("key", ["kind", "variants"])
def test_keys_of_later_versions_are_unknown_for_now(key: str) -> None:
    assert problems(f"patchspec: 1\noperations: []\n{key}: {{}}\n") == [("PS201", 3, 1)]


def test_each_belongs_to_operations_that_put_in_or_set_something() -> None:
    text = "patchspec: 1\noperations:\n  - op: remove\n    layers: a\n    each: {x: [1]}\n"
    assert problems(text) == [("PS201", 5, 5)]


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: insrt, new: {class: ReLU, name: r}}", "PS204"),
        ("{op: remove}", "PS202"),
        ("{op: remove, layers: 3}", "PS203"),
        ("{op: remove, layers: []}", "PS205"),
        ("{op: freeze, layers: a, batchnorm: no}", "PS205"),
        ("{op: rename, layers: a, name: 'a b'}", "PS205"),
        ("{op: remove, layers: {clas: Dense}}", "PS201"),
        ("{op: insert, after: a, new: {class: ReLU, nam: r}}", "PS201"),
        ("{op: insert, after: a, new: {name: r}}", "PS202"),
        ("{op: insert, after: a, new: {class: ReLU, name: r, weights: zeroes}}", "PS205"),
        ("remove: a", "PS202"),
        ("{op: remove, layers: a, allow: [414]}", "PS203"),
        ("{op: insert, after: a, new: {class: Dens, name: r}}", "PS210"),
        ("{op: insert, after: a, new: {class: Dense, name: r, config: {units: '3'}}}", "PS214"),
        ("{op: insert, after: a, new: {class: Lambda, name: r}}", "PS701"),
    ],
)
def test_a_mistake_in_an_operation_is_found_at_its_place(step: str, code: str) -> None:
    """C2, T63, T74: an argument too many is an error, not a warning."""
    found = problems(f"patchspec: 1\noperations:\n  - {step}\n")
    assert found[0][:2] == (code, 3)


def test_mistakes_in_two_operations_are_both_reported_once() -> None:
    text = (
        "patchspec: 1\noperations:\n"
        "  - {op: insert, after: a, new: "
        "{class: Dense, name: r, config: {units: 3, activaton: relu}}}\n"
        "  - {op: remove, layer: b}\n"
    )
    assert [code for code, _, _ in problems(text)] == ["PS211", "PS201"]


def test_a_misspelt_argument_is_answered_with_the_nearest_name() -> None:
    """C2, T63: unknown keys are not passed over."""
    text = (
        "patchspec: 1\noperations:\n"
        "  - {op: insert, after: a, new: "
        "{class: Dense, name: r, config: {units: 3, activaton: relu}}}\n"
    )
    with pytest.raises(PatchError) as caught:
        parse(text)
    [problem] = caught.value.problems
    assert problem.hint == "did you mean `activation`?"
    line = text.splitlines()[2]
    assert problem.span is not None
    assert line[problem.span.column - 1 :].startswith("activaton")


def test_two_operations_of_one_id_are_refused() -> None:
    text = (
        "patchspec: 1\noperations:\n"
        "  - {op: remove, layers: a, id: x}\n  - {op: remove, layers: b, id: x}\n"
    )
    assert problems(text) == [("PS217", 4, 33)]


@pytest.mark.parametrize("text", ["- a\n", "just text\n", "patchspec: 2\noperations: []\n"])
def test_what_is_no_patch_at_all_is_said_so(text: str) -> None:
    with pytest.raises(PatchError) as caught:
        parse(text)
    assert caught.value.problems[0].code in {"PS203", "PS205"}


def test_a_call_argument_that_the_class_does_not_take_is_found_without_keras() -> None:
    new = "{class: Dropout, name: n, config: {rate: 0.1}, arguments: {trainig: true}}"
    with pytest.raises(PatchError) as caught:
        parse(f"patchspec: 1\noperations:\n  - {{op: insert, after: a, new: {new}}}\n")
    [problem] = caught.value.problems
    assert problem.code == "PS211"
    assert problem.hint == "did you mean `training`?"


def test_a_place_may_be_one_call_of_a_layer_with_an_odd_name() -> None:
    step = "{op: insert, after: {layer: 'x@1'}, new: {class: ReLU, name: r}}"
    assert parse(f"patchspec: 1\noperations:\n  - {step}\n").steps[0].op == "insert"


def test_an_unquoted_glob_is_shown_quoted_whole() -> None:
    with pytest.raises(PatchError) as caught:
        parse("patchspec: 1\noperations:\n  - {op: freeze, layers: **/conv}\n")
    assert caught.value.problems[0].hint == 'quote the glob: `"**/conv"`'
