"""A real browser: Debian's Chromium, driven by Playwright. `make test-browser` runs these tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from patchspec.planning.plan import Plan
from patchspec.review.report.page import report_page

Opened = Callable[..., Any]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="`patchspec[browser]` has it")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("there is no Chromium on the path")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Opened]:
    """Opens the page of a plan; whatever it complains of or asks for fails the test."""
    faults: list[str] = []
    pages: list[Any] = []

    def open_page(plan: Plan, fragment: str = "", **settings: Any) -> Any:
        file = tmp_path / "report.html"
        file.write_text(report_page(plan), encoding="utf-8")
        address = file.as_uri()
        page = browser.new_page(**{"viewport": {"width": 1280, "height": 1000}, **settings})
        page.on("console", lambda said: faults.append(said.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(address) else faults.append(asked.url),
        )
        page.goto(address + fragment)
        page.wait_for_selector("html[data-ready]", timeout=20_000)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert faults == []
