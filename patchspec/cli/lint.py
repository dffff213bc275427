"""find what patches can do and had better not, and mend some of it"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from patchspec.cli.shared import (
    Usage,
    add_custom_objects,
    add_settings,
    open_model,
    settings_given,
)
from patchspec.language.patch import Patch, read_patches
from patchspec.problems import PatchError

if TYPE_CHECKING:
    from patchspec.linting.lint import Lint
    from patchspec.models.base import Base

FORMATS = ("text", "concise", "json", "github", "sarif")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATCH..."""
    parser.add_argument("patches", metavar="PATCH", nargs="+", help="patch files")
    parser.add_argument(
        "--base",
        metavar="MODEL",
        help="the model that the patches are for, in the place of the one that they name",
    )
    parser.add_argument("--fix", action="store_true", help="mend what changes nothing in meaning")
    parser.add_argument(
        "--unsafe-fixes", action="store_true", help="with --fix or --diff, mend the rest too"
    )
    parser.add_argument("--diff", action="store_true", help="print what --fix would change")
    parser.add_argument(
        "--select", metavar="CODES", help="these rules alone: `PS801,PS803`, or `PS80`"
    )
    parser.add_argument("--ignore", metavar="CODES", help="all but these rules")
    parser.add_argument("--strict", action="store_true", help="notes fail as well")
    parser.add_argument("--exit-zero", action="store_true", help="exit with 0 whatever is found")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="how findings are printed (default: text)",
    )
    add_custom_objects(parser)
    add_settings(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; exit with 1 where there is one that is no note."""
    if arguments.unsafe_fixes and not (arguments.fix or arguments.diff):
        raise Usage("`--unsafe-fixes` goes with `--fix` or `--diff`")
    codes = _codes(arguments)
    patches, sampled = _read(arguments)
    bases = [None if patch.source.file in sampled else _base(patch, arguments) for patch in patches]
    if arguments.fix or arguments.diff:
        changed = [
            _fix(path, patch, base, codes, arguments)
            for path, patch, base in zip(arguments.patches, patches, bases, strict=True)
        ]
        if arguments.diff:
            return 0 if arguments.exit_zero or not any(changed) else 1
        patches, _ = _read(arguments)
    from patchspec.linting.linting import lint  # noqa: PLC0415

    found = [
        one for patch, base in zip(patches, bases, strict=True) for one in lint(patch, base, codes)
    ]
    _report(found, arguments)
    failing = [one for one in found if one.level == "warning" or arguments.strict]
    return 1 if failing and not arguments.exit_zero else 0


def _read(arguments: argparse.Namespace) -> tuple[tuple[Patch, ...], set[str]]:
    """The patches, and the files of those in which a value that nobody gave had to be made up.

    Of these the text alone is looked at.
    """
    from patchspec.language.settings import sample_values  # noqa: PLC0415
    from patchspec.language.source import read_file  # noqa: PLC0415

    given = settings_given(arguments.settings)
    samples: dict[str, object] = {}
    sampled = set()
    for path in arguments.patches:
        data = read_file(path).data
        declared = data.get("settings") if isinstance(data, dict) else None
        made = sample_values(declared if isinstance(declared, dict) else {}, given)
        if made:
            samples |= made
            sampled.add(path)
    values = {**{name: json.dumps(value) for name, value in samples.items()}, **given}
    return read_patches([Path(path) for path in arguments.patches], values), sampled


def _codes(arguments: argparse.Namespace) -> list[str]:
    """The rules that are asked for."""
    from patchspec.linting.linting import CODES  # noqa: PLC0415

    def named(said: str | None) -> set[str]:
        found = set()
        for word in (said or "").replace(",", " ").split():
            codes = {code for code in CODES if code.startswith(word.upper())}
            if not codes:
                raise Usage(f"no rule is called `{word}`: there are {', '.join(CODES)}")
            found |= codes
        return found

    wanted = named(arguments.select) if arguments.select else set(CODES)
    return [code for code in CODES if code in wanted - named(arguments.ignore)]


def _base(patch: Patch, arguments: argparse.Namespace) -> Base | None:
    """The model at hand: as given, or as the patch names it, if it is there."""
    if arguments.base is not None:
        return open_model(arguments.base, arguments.custom_objects)
    if patch.base.path is None:
        return None
    folder = Path(patch.source.file).parent if patch.source.file else Path()
    path = folder / patch.base.path
    if not path.exists() or patch.models:
        return None
    try:
        return open_model(path, arguments.custom_objects)
    except PatchError:
        # Whether the base can be read is for `plan` to say; the text is linted all the same.
        return None


def _fix(
    path: str, patch: Patch, base: Base | None, codes: Sequence[str], arguments: argparse.Namespace
) -> bool:
    from patchspec.linting.linting import fixed  # noqa: PLC0415
    from patchspec.models.files import write_text  # noqa: PLC0415

    done = fixed(patch.source, base, codes, unsafe=arguments.unsafe_fixes)
    if done.text == patch.source.text:
        return False
    if arguments.diff:
        lines = difflib.unified_diff(
            patch.source.text.splitlines(keepends=True),
            done.text.splitlines(keepends=True),
            path,
            path,
        )
        print("".join(lines), end="")
        return True
    write_text(Path(path), done.text, force=True)
    for fix in done.fixes:
        print(f"{path}: {fix.what}", file=sys.stderr)
    return True


def _report(found: Sequence[Lint], arguments: argparse.Namespace) -> None:
    from patchspec.review.linting import (  # noqa: PLC0415
        lint_concise,
        lint_github,
        lint_json,
        lint_text,
    )
    from patchspec.review.style import style_for  # noqa: PLC0415

    if arguments.format == "json":
        print(json.dumps(lint_json(found), indent=2))
    elif arguments.format == "sarif":
        from patchspec.review.sarif import sarif  # noqa: PLC0415

        print(json.dumps(sarif((one.problem, one.level) for one in found), indent=2))
    elif arguments.format == "text":
        print(lint_text(found, len(arguments.patches), style_for(sys.stdout)))
    else:
        form = lint_concise if arguments.format == "concise" else lint_github
        for one in found:
            print(form(one))
