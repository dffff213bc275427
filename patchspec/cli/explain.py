"""explain an operation, a weight rule, a condition, a key or a code, or list them"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from patchspec.cli.shared import add_format
from patchspec.problems import did_you_mean, refuse
from patchspec.reference.pages import KINDS, Page, pages, pages_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[WORD]"""
    parser.add_argument(
        "word",
        nargs="?",
        help="an operation (insert), a rule (pad), a condition (where), a key (expect) or a code "
        "(PS302)",
    )
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what the word means, of whatever kind it is, or all words there are."""
    word = arguments.word
    found = pages() if word is None else pages_of(word)
    if not found:
        refuse(
            "PS204",
            f"nothing is called `{word}`: no operation, rule, value, condition, key or code",
            hint=did_you_mean(word, dict.fromkeys(page.name for page in pages()))
            or "`patchspec explain` lists them",
        )
    if arguments.format == "json":
        print(json.dumps({"format": 1, **_told(found)}, indent=2))
    elif word is None:
        print("\n\n".join(_listed(kind, title) for kind, title in KINDS.items()))
    else:
        print("\n".join(page.text for page in found), end="")
    return 0


def _told(found: Iterable[Page]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for page in found:
        told.setdefault(page.kind, {})[page.name] = {"title": page.title, "text": page.text}
    return told


def _listed(kind: str, title: str) -> str:
    lines = [f"{page.name:<14} {page.title}" for page in pages() if page.kind == kind]
    return "\n".join([title, *lines])
