"""The cookbook: what `docs/cookbook.yaml` says of the patches, and the patches."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from patchspec.language.source import read_text
from tests.docs.running import ROOT

PAGE = ROOT / "docs" / "cookbook.md"
PATCHES = ROOT / "patches"
SUFFIX = ".patchspec.yaml"
WIDTH = 100

_INTRODUCTION = """\
# Cookbook

What people want of a trained model, each as a patch under [patches](../patches). Copy one, put
your layer names in (`patchspec inspect MODEL` prints them), and look at the plan. Made by
`make docs` from the patch files, which tests apply to models.
"""


def sections() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The recipes of each section."""
    path = ROOT / "docs" / "cookbook.yaml"
    found: Mapping[str, Any] = read_text(path.read_text(encoding="utf-8"), path.name).data
    return found


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *_contents(), *_recipes()])


def _contents() -> Iterator[str]:
    for title, recipes in sections().items():
        yield from (f"**{title}**", "")
        yield from (f"- [{_title(one)}](#{_anchor(_title(one))})" for one in recipes)
        yield ""


def _recipes() -> Iterator[str]:
    for title, recipes in sections().items():
        yield from (f"## {title}", "")
        for one in recipes:
            yield from (f"### {_title(one)}", "")
            for name in one["patches"]:
                text = (PATCHES / f"{name}{SUFFIX}").read_text(encoding="utf-8")
                body = text.partition("\n")[2] if text.startswith("# yaml-language") else text
                yield from (f"[{name}](../patches/{name}{SUFFIX}):", "")
                yield from ("```yaml", body.rstrip("\n"), "```", "")
            yield from (*_wrapped(one["mind"]), "")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _title(recipe: Mapping[str, Any]) -> str:
    return str(recipe["want"]).removesuffix(".")


def _anchor(title: str) -> str:
    kept = "".join(sign for sign in title.lower() if sign.isalnum() or sign in " -")
    return kept.replace(" ", "-")
