"""The tutorials: their files are written, commands and Python run, outputs filled in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.docs.running import ROOT, clean_folder, command_output, run_python

PAGE = ROOT / "docs" / "tutorial.md"
PROBING = ROOT / "docs" / "probing.md"
PAGES = (PAGE, PROBING)
_BLOCK = re.compile(
    r"(?:^`(?P<file>[\w.]+)`:\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def filled(page: Path = PAGE) -> str:
    """A page with what its blocks print now."""
    text = page.read_text(encoding="utf-8")
    with clean_folder() as folder:
        shutil.copy(ROOT / "examples" / "digits" / "digits.keras", folder)
        names: dict[str, object] = {"__name__": "__main__"}
        printed = ""

        def run(block: re.Match[str]) -> str:
            nonlocal printed
            kind, said = block["kind"], block["text"]
            if kind == "yaml":
                (folder / block["file"]).write_text(said, encoding="utf-8")
            elif kind == "python":
                printed = run_python(said, names)
            elif kind == "text":
                return f"```text\n{printed}```"
            elif kind == "console":
                return f"```console\n{''.join(_outputs(said))}```"
            return block[0]

        return _BLOCK.sub(run, text)


def _outputs(said: str) -> Iterator[str]:
    """Each command of a block, with what it prints."""
    for line in said.splitlines():
        if line.startswith("$ "):
            yield f"{line}\n{command_output(line.removeprefix('$ '))}"
