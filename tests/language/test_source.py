"""Reading YAML: what it means, where it stands, and what is refused."""

from __future__ import annotations

import pytest

from patchspec.language.source import read_text
from patchspec.problems import PatchError, Span


def refused(text: str | bytes) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(PatchError) as caught:
        read_text(text)
    return [
        (p.code, p.span.line if p.span else None, p.span.column if p.span else None)
        for p in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("12:30", "12:30"),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("2024-01-01", "2024-01-01"),
        ("true", True),
        ("~", None),
        ("null", None),
        ("'1'", "1"),
        ("1.", 1.0),
        (".5", 0.5),
        ("1_000", "1_000"),
    ],
)
def test_scalars_are_those_of_yaml_1_2_core(text: str, value: object) -> None:
    """C4, T64: YAML 1.1 reads `no` as false, `010` as 8, `12:30` as 750 and `1e-3` as text."""
    found = read_text(f"k: {text}").data["k"]
    assert found == value
    assert type(found) is type(value)


def test_every_value_and_key_keeps_its_place() -> None:
    source = read_text("a: 1\nb:\n  - x\n  - {c: yy}\n")
    assert source.values[("a",)] == Span(1, 4, 1, 5)
    assert source.keys[("b",)] == Span(2, 1, 2, 2)
    assert source.values[("b", 1, "c")] == Span(4, 9, 4, 11)
    assert source.span(("b", 1, "nowhere")) == Span(4, 5, 4, 12)


def test_a_duplicate_key_names_both_lines() -> None:
    """C4, T64: a YAML loader keeps the last."""
    with pytest.raises(PatchError) as caught:
        read_text("a: 1\nb: 2\na: 3\n")
    [problem] = caught.value.problems
    assert problem.code == "PS103"
    assert problem.span == Span(3, 1, 3, 2)
    assert "line 1" in (problem.hint or "")


def test_two_mistakes_in_one_text_are_both_reported() -> None:
    assert refused("a: 1\na: 2\nb: !!python/object x\n") == [("PS103", 2, 1), ("PS106", 3, 4)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &x 1\n", "PS104"),
        ("a: 1\nb: *a\n", "PS104"),
        ("a: {<<: {b: 1}}\n", "PS104"),
        ("a: !t 1\n", "PS106"),
        ("? [a]\n: 1\n", "PS105"),
        ("true: 1\n", "PS105"),
        ("a: " + "1" * 30, "PS107"),
        ("a: .inf", "PS107"),
        ("a: 1e999", "PS107"),
        ("a: '" + "x" * 70_000 + "'", "PS107"),
        ("[" * 40 + "]" * 40, "PS108"),
        ("[" * 200_000, "PS108"),
        ("- 0\n" * 100_001, "PS108"),
        ("a: 1\n---\nb: 2\n", "PS109"),
        ("", "PS109"),
        ("# nothing but a comment\n", "PS109"),
        ("a: [1\n", "PS110"),
        ("a:\n\t- 1\n", "PS110"),
        ("a: @x\n", "PS110"),
        ("a: x\u202ey\n", "PS111"),
        ("a: x\u200by\n", "PS111"),
        ("a: \x1b[31m\n", "PS111"),
        (b"a: \xff\n", "PS102"),
        ("a: " + "x" * (1 << 20), "PS101"),
    ],
)
def test_what_would_mislead_or_exhaust_a_reader_is_refused(text: str | bytes, code: str) -> None:
    """C4, T73: each at its line; a file that is empty is no patch, `operations: []` is one."""
    [first, *_] = refused(text)
    assert first[0] == code
    assert first[1] is not None or code == "PS101"


def test_an_unquoted_glob_gets_the_hint_to_quote_it() -> None:
    with pytest.raises(PatchError) as caught:
        read_text("layers: *block\n")
    assert "quote it" in (caught.value.problems[0].hint or "")


def test_a_problem_in_bytes_that_are_no_text_has_a_place() -> None:
    assert refused(b"a: 1\nbc: \xff\n") == [("PS102", 2, 5)]
