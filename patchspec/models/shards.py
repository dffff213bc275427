"""Files that a file names: they stay in its folder, and are files."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from patchspec.problems import refuse


def shard(folder: Path, said: object, origin: str) -> Path:
    """The path of a shard that `origin` names; PS923 where it would lead out of the folder.

    Neither `..`, an absolute path, a drive, a backslash nor a link is followed. The file may be
    missing: whether that matters is for the caller to say.
    """
    plain = isinstance(said, str) and said and not set(said) & set("\\:\0")
    parts = PurePosixPath(str(said)).parts
    if not plain or ".." in parts or PurePosixPath(str(said)).is_absolute():
        refuse(
            "PS923",
            f"`{origin}` names the shard `{said}`, which lies outside its folder",
            hint="do not use this file",
        )
    path = folder.joinpath(*parts)
    if not path.resolve().is_relative_to(folder.resolve()):
        refuse(
            "PS923",
            f"`{origin}` names the shard `{said}`, a link that leads out of its folder",
            hint="put the files themselves into the folder",
        )
    if path.exists() and not path.is_file():
        refuse("PS923", f"`{origin}` names the shard `{said}`, which is not a file")
    return path


def existing(path: Path, origin: str) -> Path:
    """The shard, which must be there: PS902."""
    if not path.is_file():
        refuse(
            "PS902",
            f"`{path.name}`, a shard of `{origin}`, does not exist",
            hint="put all shards into the folder of the file that names them",
        )
    return path


def shards_of(path: Path) -> set[str]:
    """The shards beside a `.weights.json` that it names; none where there is no such file."""
    try:
        groups = json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()
    names = {str(one) for said in groups for one in (said if isinstance(said, list) else [said])}
    return {name for name in names if Path(name).name == name}
