"""The page of a plan in headless Chromium, for a model of a thousand layers."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STEPS = """\
patchspec: 1
name: nasnet
operations:
  - op: insert
    after: {class: Concatenate}
    new: {class: Dropout, name: $(target)_drop, config: {rate: 0.1}}
  - op: replace
    layers: predictions
    new: {class: Dense, name: species, config: {units: 10, activation: softmax}}
"""
FRAMES = """async turn => {
  const drawing = document.getElementById('drawing'), took = [];
  let last = performance.now();
  for (const end = last + 2000; last < end;) {
    drawing.dispatchEvent(new WheelEvent('wheel', {
      ...(turn === 'pan' ? {deltaX: 3, deltaY: 12} : {deltaY: took.length % 40 < 20 ? 100 : -100}),
      clientX: 600, clientY: 700, bubbles: true, cancelable: true}));
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    took.push(now - last);
    last = now;
  }
  return 1000 * took.length / took.reduce((a, b) => a + b);
}"""


def lines() -> Iterator[str]:
    """First paint, and frames in a second while the graph is moved and zoomed."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        file, layers = _written(Path(name))
        yield f"NASNetLarge, {layers} layers: {file.stat().st_size / 1e6:.1f} MB (target: 3)"
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready]")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
        ready = page.evaluate("performance.now()")
        yield f"first paint after {paint:.0f} ms (target: 1000), all drawn after {ready:.0f} ms"
        yield from _frames(page, "the changes")
        page.check("input[value=overlay]")
        yield from _frames(page, "everything, groups closed")
        start = time.perf_counter()
        page.click("#open")
        page.wait_for_function(f"document.querySelectorAll('.node').length > {layers - 100}")
        yield f"all groups opened in {time.perf_counter() - start:.2f} s"
        yield from _frames(page, "everything, groups open")
        browser.close()


def _frames(page: Any, what: str) -> Iterator[str]:
    pan, zoom = (page.evaluate(FRAMES, turn) for turn in ("pan", "zoom"))
    yield f"{what}: {pan:.0f} frames/s while it moves, {zoom:.0f} while it zooms (target: 30)"


def _written(folder: Path) -> tuple[Path, int]:
    """The page, and the number of layers of its base."""
    import keras

    import patchspec

    model = keras.applications.NASNetLarge(weights=None)
    base = folder / "nasnet.json"
    base.write_text(model.to_json(), encoding="utf-8")
    plan = patchspec.resolve(STEPS, base)
    return patchspec.report(plan, folder / "report.html"), len(plan.base.graph.by_path)
