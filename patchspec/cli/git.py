"""have git show models as text, and merge patches by their meaning"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from patchspec.models.files import write_text
from patchspec.problems import refuse

MODELS = ("*.keras", "*.h5", "*.hdf5")
"""The files that git hands to `patchspec show`."""
ATTRIBUTES = (*(f"{name} diff=patchspec" for name in MODELS), "*.patchspec.yaml merge=patchspec")
SECTIONS = ("diff.patchspec", "difftool.patchspec", "merge.patchspec")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """enable|disable|status"""
    parser.add_argument("action", choices=("enable", "disable", "status"))
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--global",
        dest="everywhere",
        action="store_true",
        help="for all repositories of this user; the attributes go to git's own file of them",
    )
    group.add_argument(
        "--private",
        action="store_true",
        help="the attributes go to `.git/info/attributes`, which is not committed",
    )


def run(arguments: argparse.Namespace) -> int:
    """Set or unset what git reads, or say what is set; print each file that was written."""
    scope = "--global" if arguments.everywhere else "--local"
    attributes = _attributes(arguments)
    if arguments.action == "status":
        return _status(scope, attributes)
    if arguments.action == "enable":
        for key, value in settings(_program()).items():
            _git("config", scope, key, value)
        wanted = with_lines(_read(attributes))
    else:
        for section in SECTIONS:
            _git("config", scope, "--remove-section", section, check=False)
        wanted = without_lines(_read(attributes))
    if not wanted.strip() and attributes.exists():
        attributes.unlink()
    elif wanted != _read(attributes):
        attributes.parent.mkdir(parents=True, exist_ok=True)
        write_text(attributes, wanted, force=True)
        print(attributes)
    state = "on" if arguments.action == "enable" else "off"
    print(f"patchspec git: {state} for {', '.join(MODELS)}", file=sys.stderr)
    return 0


def settings(program: str) -> Mapping[str, str]:
    """What git's configuration says; `program` is how a shell runs patchspec."""
    return {
        "diff.patchspec.textconv": f"{program} show --textconv",
        "diff.patchspec.cachetextconv": "true",
        "difftool.patchspec.cmd": f'{program} diff "$LOCAL" "$REMOTE"',
        "merge.patchspec.name": "patches by their meaning",
        "merge.patchspec.driver": f"{program} merge %O %A %B -o %A --force --path %P",
    }


def _program() -> str:
    """The command as it is found on the path, else through this Python."""
    if shutil.which("patchspec"):
        return "patchspec"
    return f"{shlex.quote(sys.executable)} -m patchspec"


def with_lines(text: str) -> str:
    """The attributes with the lines that are wanted, each once, what stands there untouched."""
    present = [line.strip() for line in text.splitlines()]
    missing = [line for line in ATTRIBUTES if line not in present]
    end = "" if not text or text.endswith("\n") else "\n"
    return text + end + "".join(f"{line}\n" for line in missing)


def without_lines(text: str) -> str:
    """The attributes without those lines."""
    kept = [line for line in text.splitlines(keepends=True) if line.strip() not in ATTRIBUTES]
    return "".join(kept)


def _attributes(arguments: argparse.Namespace) -> Path:
    if arguments.everywhere:
        said = _git("config", "--global", "--type=path", "core.attributesFile", check=False)
        return Path(said or "~/.config/git/attributes").expanduser()
    if arguments.private:
        return Path(_git("rev-parse", "--git-path", "info/attributes"))
    return Path(_git("rev-parse", "--show-toplevel")) / ".gitattributes"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _status(scope: str, attributes: Path) -> int:
    lines = [line.strip() for line in _read(attributes).splitlines()]
    for key in settings("patchspec"):
        print(f"{key} = {_git('config', scope, key, check=False) or 'not set'}")
    for line in ATTRIBUTES:
        print(f"{attributes}: {line}{'' if line in lines else ' (not there)'}")
    return 0


def _git(*words: str, check: bool = True) -> str:
    """What git answers; PS980 where it is not there or refuses."""
    try:
        done = subprocess.run(  # noqa: S603 (no word of it comes from a model or a patch)
            ["git", *words],  # noqa: S607 (git is where the user's path says)
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        refuse("PS980", "git is not installed", hint="install git, and run this in a repository")
    if done.returncode and check:
        said = done.stderr.strip().splitlines()
        refuse(
            "PS980",
            f"`git {' '.join(words)}` failed: {said[-1] if said else done.returncode}",
            hint="run this inside a repository, or with `--global`",
        )
    return done.stdout.strip()
