"""Problems as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any

from patchspec._version import __version__
from patchspec.codes import CODES
from patchspec.problems import Problem

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(found: Iterable[tuple[Problem, str]]) -> dict[str, Any]:
    """The problems, each with its level: `error`, `warning` or `note`."""
    listed = list(found)
    codes = sorted({problem.code for problem, _ in listed})
    driver = {
        "name": "patchspec",
        "semanticVersion": __version__,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, level, codes) for problem, level in listed],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(code: str) -> dict[str, Any]:
    known = CODES[code]
    return {
        "id": code,
        "shortDescription": {"text": known.title},
        "fullDescription": {"text": known.text},
        "help": {"text": known.text, "markdown": f"`patchspec explain {code}` says more."},
    }


def _result(problem: Problem, level: str, codes: Sequence[str]) -> dict[str, Any]:
    notes = [*problem.notes, *([f"help: {problem.hint}"] if problem.hint else [])]
    text = ". ".join([problem.message, *notes])
    said: dict[str, Any] = {
        "ruleId": problem.code,
        "ruleIndex": codes.index(problem.code),
        "level": level,
        "message": {"text": text},
    }
    if problem.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
        if problem.span is not None:
            place["region"] = {
                "startLine": problem.span.line,
                "startColumn": problem.span.column,
                "endLine": problem.span.end_line,
                "endColumn": problem.span.end_column,
            }
        said["locations"] = [{"physicalLocation": place}]
    # The same finding on another line is the same finding.
    lines = [text.strip() for _, text in problem.excerpt]
    print_of = "\n".join([problem.code, problem.file or "", problem.message, *lines])
    digest = hashlib.sha256(print_of.encode()).hexdigest()
    said["partialFingerprints"] = {"patchspec/v1": digest[:32]}
    return said


def _uri(file: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 (costs as much as all the rest)

    return quote(PurePath(file).as_posix())
