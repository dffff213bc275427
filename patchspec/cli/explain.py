"""explain a code, an operation, or list them"""

from __future__ import annotations

import argparse
import inspect
import json
import textwrap
from typing import Any

from patchspec.cli.shared import add_format
from patchspec.codes import CODES
from patchspec.operations import operations
from patchspec.problems import did_you_mean, refuse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """[WORD]"""
    parser.add_argument("word", nargs="?", help="a code (PS302) or an operation (insert)")
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what the word means, or all there is."""
    word = arguments.word
    if arguments.format == "json" and (
        word is None or word.upper() in CODES or word in operations()
    ):
        print(json.dumps({"format": 1, **_told(word)}, indent=2))
    elif word is None:
        _list_all()
    elif word.upper() in CODES:
        told = CODES[word.upper()]
        print(f"{word.upper()}: {told.title}\n\n{textwrap.fill(told.text, 80)}")
    elif word in operations():
        print(f"{word}\n\n{inspect.cleandoc(operations()[word].__doc__ or '')}")
    else:
        refuse(
            "PS204",
            f"`{word}` is neither a code nor an operation",
            hint=did_you_mean(word, [*operations(), *CODES]) or "`patchspec explain` lists them",
        )
    return 0


def _told(word: str | None) -> dict[str, Any]:
    """What is known of the word, or of every code and operation."""
    codes = {code: {"title": told.title, "text": told.text} for code, told in CODES.items()}
    texts = {name: inspect.cleandoc(op.__doc__ or "") for name, op in operations().items()}
    if word is None:
        return {"codes": codes, "operations": texts}
    if word in texts:
        return {"operations": {word: texts[word]}}
    return {"codes": {word.upper(): codes[word.upper()]}}


def _list_all() -> None:
    for name, operation in operations().items():
        print(f"{name:<14} {operation.summary()}")
    print()
    for code, told in CODES.items():
        print(f"{code:<14} {told.title}")
