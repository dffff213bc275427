"""Finding the command, running it, and turning problems into text and an exit code.

Exit codes: 0 done, 1 the input has problems, 2 wrong usage. Results go to stdout, problems and
progress to stderr.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from patchspec._version import __version__
from patchspec.cli.shared import PROGRAM, Usage
from patchspec.problems import PatchError

COMMANDS = (
    "validate",
    "lint",
    "inspect",
    "select",
    "plan",
    "report",
    "apply",
    "probe",
    "show",
    "diff",
    "init",
    "invert",
    "merge",
    "git",
    "upgrade",
    "schema",
    "explain",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    detailed = "--detailed-exitcode" in given
    try:
        parsed = _parser(given).parse_args(given)
    except SystemExit as stop:
        # argparse leaves with 2 for wrong usage, which `--detailed-exitcode` uses for changes.
        return 1 if detailed and stop.code == 2 else int(stop.code or 0)  # noqa: PLR2004
    if parsed.command is None:
        _parser([]).print_help()
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    parsed.owns_process = arguments is None
    if parsed.owns_process:
        _clean_up_when_stopped()
        # What a command makes it needs to the end: looking for garbage takes a quarter of its time.
        gc.disable()
        # Nor is there any to be looked for when the process ends.
        atexit.register(gc.freeze)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except PatchError as error:
        _report(error, getattr(parsed, "format", "text"))
        return int(getattr(parsed, "trouble", 1))
    except Usage as error:
        print(f"{PROGRAM} {parsed.command}: {error}", file=sys.stderr)
        return 1 if detailed else 2
    except BrokenPipeError:
        # The reader of a pipe has enough (`| head`); leave without a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        # What the commands read and write they refuse themselves: this is the output stream.
        print(f"{PROGRAM}: the output cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _clean_up_when_stopped() -> None:
    """Have a signal to end leave as Ctrl-C does: what was half written is taken away."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the command that is asked for is imported."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description="Patch trained Keras models with reviewed YAML files."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    asked = next((word for word in given if not word.startswith("-")), None)
    for name in COMMANDS:
        if (asked in COMMANDS and name != asked) or given[:1] == ["--version"]:
            commands.add_parser(name)
            continue
        module = import_module(f"patchspec.cli.{name}")
        summary = (module.__doc__ or name).splitlines()[0]
        one = commands.add_parser(name, help=summary, description=summary)
        module.add_arguments(one)
        one.set_defaults(run=module.run)
    return parser


def _report(error: PatchError, form: str) -> None:
    from patchspec.review.problems import problem_github, problem_json, problems_text  # noqa: PLC0415
    from patchspec.review.style import plural, style_for  # noqa: PLC0415

    if form == "json":
        said = {"format": 1, "problems": [problem_json(problem) for problem in error.problems]}
        print(json.dumps(said, indent=2))
    elif form == "github":
        for problem in error.problems:
            print(problem_github(problem))
    else:
        print(problems_text(error.problems, style_for(sys.stderr)), file=sys.stderr)
        codes = " ".join(dict.fromkeys(problem.code for problem in error.problems))
        more = f"`{PROGRAM} explain {codes.split()[0]}` says more"
        print(f"\n{plural(len(error.problems), 'problem')}; {more}", file=sys.stderr)
