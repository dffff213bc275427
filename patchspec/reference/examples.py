"""Examples: the files, the commands, and what those print, which was recorded as they ran."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from patchspec.language.source import read_text

HERE = Path(__file__).parent
PRINTED = HERE / "printed.json"


@dataclass(frozen=True, slots=True)
class Example:
    """What to run in an empty folder."""

    commands: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    """A function of `examples/models.py`, whose model is saved under its name first."""
    python: str | None = None
    """Python that runs once the files are there."""


def example_of(said: Mapping[str, Any], name: str = "patch") -> Example:
    """The example as `examples.yaml` says it: short where the usual command is meant."""
    model = said.get("model")
    file = f"{name}.yaml"
    files = {file: said["patch"]} if "patch" in said else {}
    if "steps" in said:
        files = {file: patch_text(said["steps"])}
    files |= said.get("files", {})
    given = said.get("run")
    if given is None and not files and "python" not in said:
        return Example(())
    if given is None:
        given = f"patchspec plan {model}.keras {file}" if model else f"patchspec validate {file}"
    commands = (given,) if isinstance(given, str) else tuple(given)
    return Example(commands, files, model, said.get("python"))


def patch_text(steps: str) -> str:
    """The smallest patch with these operations."""
    return f"patchspec: 1\noperations:\n{textwrap.indent(steps, '  ')}"


@cache
def written() -> Mapping[str, Mapping[str, Any]]:
    """What `examples.yaml` says, by page."""
    data = read_text((HERE / "examples.yaml").read_text(encoding="utf-8"), "examples.yaml").data
    return {f"{kind}/{name}": said for kind, page in data.items() for name, said in page.items()}


@cache
def printed() -> Mapping[str, str]:
    """What the commands of an example printed when it was recorded, by page."""
    said: dict[str, str] = json.loads(PRINTED.read_text(encoding="utf-8"))["printed"]
    return said


def example_lines(example: Example, shown: str | None) -> Iterator[str]:
    """The example as Markdown."""
    for name, text in example.files.items():
        language = "yaml" if name.endswith((".yaml", ".yml")) else ""
        yield from (f"`{name}`:", "", f"```{language}", text.rstrip("\n"), "```", "")
    if example.python is not None:
        yield from ("```python", example.python.rstrip("\n"), "```", "")
    if shown is not None:
        yield from ("```console", shown.rstrip("\n"), "```", "")
    if example.model is not None:
        yield f"The model is [`{example.model}`][models]."
        yield ""
