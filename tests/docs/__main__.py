"""Record what the examples print, and write the pages: `make docs`.

Words given on the command line are pages (`codes/PS302`) whose examples alone are run.
"""

from __future__ import annotations

import json
import sys

import keras

from patchspec.reference import examples, pages, site
from tests.docs import cookbook, reviews, tutorial
from tests.docs.running import ROOT, recorded

REFERENCE = ROOT / "docs" / "reference"


def record(wanted: list[str]) -> None:
    known = dict(examples.printed()) if wanted and examples.PRINTED.exists() else {}
    for page, example in pages.examples_by_page().items():
        if not wanted or page in wanted:
            known[page] = recorded(example)
    kept = {page: known[page] for page in pages.examples_by_page() if page in known}
    said = {"keras": keras.__version__, "printed": kept}
    text = json.dumps(said, indent=1, ensure_ascii=False)
    examples.PRINTED.write_text(f"{text}\n", encoding="utf-8")
    examples.printed.cache_clear()


def write() -> None:
    files = site.files()
    for path in REFERENCE.rglob("*.md"):
        if path.relative_to(REFERENCE).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = REFERENCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for page in tutorial.PAGES:
        page.write_text(tutorial.filled(page), encoding="utf-8")
    cookbook.PAGE.write_text(cookbook.page(), encoding="utf-8")


if __name__ == "__main__":
    record(sys.argv[1:])
    write()
    if not sys.argv[1:]:
        reviews.write()
