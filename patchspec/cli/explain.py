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


def _list_all() -> None:
    for name, operation in operations().items():
        print(f"{name:<14} {operation.summary()}")
    print()
    for code, told in CODES.items():
        print(f"{code:<14} {told.title}")
