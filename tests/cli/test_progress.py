"""The bar that is drawn on a terminal while something lasts."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from patchspec.cli.progress import bar, drawn, size


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    made = Terminal()
    # Not `sys.stderr` itself, which pytest sets anew after fixtures.
    monkeypatch.setattr("patchspec.cli.progress.sys", SimpleNamespace(stderr=made))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return made


def at(*times: float) -> Callable[[], float]:
    """A clock that says these times, one after the other."""
    said = iter(times)
    return lambda: next(said)


def test_the_first_second_says_nothing(terminal: Terminal) -> None:
    with bar("writing v.keras", at(0.0, 0.9)) as told:
        told(50, 100)
    assert terminal.getvalue() == ""


def test_then_it_says_bytes_and_rate_and_is_gone_at_the_end(terminal: Terminal) -> None:
    with bar("writing v.keras", at(0.0, 2.0)) as told:
        told(500_000_000, 2_000_000_000)
    shown, cleared = terminal.getvalue().rsplit("\r", 1)
    line = drawn("writing v.keras", 500_000_000, 2_000_000_000, 2.0)
    assert line == (
        "writing v.keras [######..................]  25%  500.0 MB of 2.0 GB, 250.0 MB/s, 6 s left"
    )
    assert shown == f"\r\x1b[K{line[:79]}"
    assert cleared == "\x1b[K"


def test_it_is_gone_when_something_stops_it(terminal: Terminal) -> None:
    def stopped() -> None:
        with bar("writing", at(0.0, 2.0)) as told:
            told(1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert terminal.getvalue().endswith("\r\x1b[K")


def test_nothing_is_drawn_where_nobody_looks(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with bar("writing", at(0.0, 2.0)) as told:
        told(1, 2)
    assert terminal.getvalue() == ""
    monkeypatch.setenv("TERM", "xterm")
    pipe = io.StringIO()
    monkeypatch.setattr("patchspec.cli.progress.sys", SimpleNamespace(stderr=pipe))
    with bar("writing", at(0.0, 2.0)) as told:
        told(1, 2)
    assert pipe.getvalue() == ""


def test_sizes_are_in_powers_of_a_thousand() -> None:
    assert [size(n) for n in (0, 999, 1500, 2_340_000, 1_010_434_505)] == [
        "0 bytes", "999 bytes", "2 kB", "2.3 MB", "1.0 GB",
    ]  # fmt: skip
    assert drawn("w", 0, 0, 0.0).startswith("w [########################] 100%")
