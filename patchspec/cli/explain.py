"""explain a code, an operation, or list them"""

from __future__ import annotations

import argparse
import inspect
import textwrap

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
    if word is None:
        for name, operation in operations().items():
            print(f"{name:<14} {operation.summary()}")
        print()
        for code, said in CODES.items():
            print(f"{code:<14} {said.title}")
        return 0
    if word.upper() in CODES:
        code = CODES[word.upper()]
        print(f"{word.upper()}: {code.title}\n")
        print(textwrap.fill(code.text, 80))
        return 0
    if word in operations():
        print(f"{word}\n")
        print(inspect.cleandoc(operations()[word].__doc__ or ""))
        return 0
    refuse(
        "PS204",
        f"`{word}` is neither a code nor an operation",
        hint=did_you_mean(word, [*operations(), *CODES]) or "`patchspec explain` lists them",
    )
