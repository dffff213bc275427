"""Reading a `.keras` archive without trusting it.

A zip can hold a member twice, so that one reader sees another config than the next; it can claim
sizes, name paths outside itself, and inflate without end. Each of these is refused.
"""

from __future__ import annotations

import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from patchspec.graph.graph import Graph
from patchspec.models.base import Base, Variable
from patchspec.models.content import Content, Recorded, held, opened
from patchspec.models.dialects.dialect import upgraded
from patchspec.models.dialects.notes import Upgraded
from patchspec.models.document import checked_graph, read_json
from patchspec.models.layout import layer_groups, named_path
from patchspec.problems import refuse

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
MAX_JSON = 64 << 20
MAX_ASSETS = 1 << 30
MAX_RATIO = 100
RATIO_FLOOR = 16 << 20
ZIP_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    EOFError,
    RuntimeError,
    struct.error,
    zlib.error,
)
"""What `zipfile` raises about an archive that is broken or of a kind that it does not read."""


def read_config(path: Path) -> Any:
    """The config that a `.keras` file holds, as it is."""
    with zipfile.ZipFile(path) as archive:
        _check_members(archive, str(path))
        return _json(archive, "config.json", str(path))


def stored_names(path: Path) -> dict[str, str]:
    """The names that layers had when a `.keras` file was saved, by the group of their weights.

    Empty where Keras, before 3.6, did not write them.
    """
    from patchspec.models.weights_file import contents_of  # noqa: PLC0415

    with zipfile.ZipFile(path) as archive:
        if "model.weights.h5" not in archive.namelist():
            return {}
        names = contents_of(_weights(archive, path), str(path)).names
    return {group.removesuffix("/vars"): name for group, name in names.items()}


def read_archive(path: Path, document: dict[str, Any] | None = None) -> Base:
    """The base that a `.keras` file holds; its weights stay in the file until they are read.

    `document` stands for the config in the file where that does not list the layers.
    """
    name = str(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, name)
            config = _json(archive, "config.json", name)
            listed = archive.namelist()
            metadata = _json(archive, "metadata.json", name) if "metadata.json" in listed else {}
            assets = {
                info.filename: archive.read(info)
                for info in archive.infolist()
                if info.filename.startswith("assets/") and not info.is_dir()
            }
            weights = _weights(archive, path) if "model.weights.h5" in listed else None
    except ZIP_DAMAGE as error:
        refuse(
            "PS903",
            f"`{name}` is not a whole `.keras` file: {error}",
            hint="it may be truncated, or of another format",
        )
    return base_of(config, metadata, weights, assets, name, document=document)


def base_of(
    config: Any,
    metadata: Any,
    weights: Content | None,
    assets: Mapping[str, bytes],
    name: str,
    *,
    document: dict[str, Any] | None = None,
) -> Base:
    """The base that the parts of a `.keras` file make, wherever they lie."""
    found = Upgraded(document) if document else upgraded(config, name, _version(metadata))
    graph = checked_graph(found.document, name)
    metadata = metadata if isinstance(metadata, Mapping) else {}
    base = Base(found.document, None, name, metadata, upgrades=found.steps, lens=graph)
    if weights is None:
        return replace(base, assets=assets)
    if found.steps and not _version(metadata).startswith("3."):
        return replace(base, variables=_of_keras2(weights, config, graph, found, name))
    variables, optimizer = _by_name(weights, graph, name)
    return replace(base, variables=variables, optimizer=optimizer, assets=assets)


def _of_keras2(
    weights: Content, old: Any, graph: Graph, found: Upgraded, name: str
) -> dict[str, Variable]:
    from patchspec.models.keras2_archive import keras2_variables  # noqa: PLC0415 (as below)
    from patchspec.models.weights_file import contents_of  # noqa: PLC0415

    stored = contents_of(weights, name).stored
    return keras2_variables(old, graph, stored, found, name)


def _version(metadata: Any) -> str:
    return str(metadata.get("keras_version", "")) if isinstance(metadata, Mapping) else ""


def _check_members(archive: zipfile.ZipFile, name: str) -> None:
    infos = archive.infolist()
    names = [info.filename for info in infos]
    for member, count in Counter(names).items():
        if count > 1:
            _unsafe(name, f"holds `{member}` twice, so that readers would disagree")
        path = PurePosixPath(member)
        if path.is_absolute() or ".." in path.parts or "\\" in member:
            _unsafe(name, f"holds a member named `{member}`, which lies outside it")
        if member not in MEMBERS and path.parts[:1] != ("assets",):
            _unsafe(name, f"holds `{member}`, which is no part of a model")
    if "config.json" not in names:
        refuse(
            "PS903",
            f"`{name}` is a zip archive without `config.json`",
            hint="it is not a model that Keras saved",
        )
    for info in infos:
        if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 0x1:
            _unsafe(name, f"holds `{info.filename}` as a link, or encrypted")
        if info.file_size > RATIO_FLOOR and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            _unsafe(name, f"holds `{info.filename}`, which unpacks to {info.file_size} bytes")
    assets = [info for info in infos if info.filename.startswith("assets/")]
    unpacked, packed = sum(i.file_size for i in assets), sum(i.compress_size for i in assets)
    if unpacked > MAX_ASSETS or unpacked > max(RATIO_FLOOR, MAX_RATIO * packed):
        _unsafe(name, f"holds assets that unpack to {unpacked} bytes")


def _unsafe(name: str, what: str) -> NoReturn:
    refuse("PS702", f"`{name}` {what}", hint="do not use this file")


def _json(archive: zipfile.ZipFile, member: str, name: str) -> Any:
    with archive.open(member) as file:
        content = file.read(MAX_JSON + 1)
    if len(content) > MAX_JSON:
        _unsafe(name, f"holds a `{member}` of more than {MAX_JSON} bytes")
    return read_json(content, f"{member} in {name}")


def _weights(archive: zipfile.ZipFile, path: Path) -> Content:
    """The weights as they lie in the archive; compared with their checksum when values are read."""
    info = archive.getinfo("model.weights.h5")
    if info.compress_type != zipfile.ZIP_STORED:
        return _inflated(archive, info)
    whole = opened(path)
    header = whole.read(info.header_offset, 30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":  # noqa: PLR2004 (a local header)
        refuse("PS903", f"`{path}` is damaged where its weights begin")
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    named = whole.read(info.header_offset + 30, name_length)
    if named != info.filename.encode() or info.compress_size != info.file_size:
        _unsafe(str(path), "says two things of its weights, so that readers would disagree")
    start = info.header_offset + 30 + name_length + extra_length
    if start + info.file_size > len(whole):
        refuse("PS903", f"`{path}` ends within its weights", hint="it may be truncated")
    return whole.part(start, info.file_size, Recorded(info.CRC, str(path)))


def _inflated(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Content:
    """A compressed member in a temporary file: it can be larger than memory.

    zipfile compares the checksum itself.
    """
    with tempfile.TemporaryFile() as file:
        with archive.open(info) as member:
            shutil.copyfileobj(member, file, 1 << 20)
        return held(file)


def _by_name(
    content: Content, graph: Graph, name: str
) -> tuple[dict[str, Variable], dict[str, Variable]]:
    """The stored variables by layer path, and those of the optimizer by their path in the file."""
    from patchspec.models.weights_file import contents_of, variable_of  # noqa: PLC0415

    found = contents_of(content, name)
    groups: dict[str, str] = {}
    for layer, group in layer_groups(graph):
        groups[group] = layer.path
        said = found.names.get(f"{group}/vars")
        if said is not None and said != layer.config.get("name", layer.name):
            refuse(
                "PS508",
                f"the weights in `{name}` say that `{group}` is `{said}`, the config says "
                f"`{layer.name}`",
                hint="the file's config and weights are not of one model",
            )
    variables: dict[str, Variable] = {}
    optimizer: dict[str, Variable] = {}
    for path, one in found.stored.items():
        if path.startswith("optimizer/"):
            optimizer[path] = variable_of(one, path)
            continue
        own = named_path(groups, path)
        if own is None:
            if path.startswith(("vars/", "metrics/")):
                continue
            refuse(
                "PS508",
                f"`{name}` stores `{path}`, which belongs to no layer of its config",
                hint="the file's config and weights are not of one model",
            )
        variables[own] = variable_of(one, own)
    return variables, optimizer
