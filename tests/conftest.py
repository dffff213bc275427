"""What most tests are made of: lower steps, refuse steps, build a variant."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonpatch
import pytest

from patchspec.language.patch import Patch, parse_source
from patchspec.language.source import read_text
from patchspec.models.base import Base
from patchspec.models.document import checked_document
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError

SAMPLES = Path(__file__).parent / "samples"


def patch_of(steps: str | list[Any], **header: Any) -> Patch:
    """The patch with these operations: YAML of a list, or the list itself."""
    said = steps if isinstance(steps, str) else json.dumps(steps)
    body = "".join(f"  {line}\n" for line in said.strip().splitlines())
    head = "".join(f"{key}: {json.dumps(value)}\n" for key, value in header.items())
    text = f"patchspec: 1\n{head}operations:\n{body}"
    return parse_source(read_text(text, "patch.yaml"))


def lower(document: dict[str, Any], steps: str | list[Any], **header: Any) -> Plan:
    """The plan without Keras; its RFC 6902 document gives its config, and the base is as it was."""
    before = copy.deepcopy(document)
    base = Base(checked_document(document, "base"), origin="base")
    plan = resolve(patch_of(steps, **header), base)
    assert document == before
    assert jsonpatch.apply_patch(before, plan.json_patch) == plan.document
    return plan


@pytest.fixture
def lowers() -> Callable[..., Plan]:
    return lower


@pytest.fixture
def refuses() -> Callable[..., list[tuple[str, int | None]]]:
    """The codes and lines with which steps are refused; the first operation is on line 3."""

    def refused(
        document: dict[str, Any], steps: str | list[Any], **header: Any
    ) -> list[tuple[str, int | None]]:
        with pytest.raises(PatchError) as caught:
            lower(document, steps, **header)
        return [(p.code, p.span.line if p.span else None) for p in caught.value.problems]

    return refused


@pytest.fixture
def builds() -> Callable[..., Any]:
    """The variant that steps make of a live model or a file."""
    import patchspec

    def build(model: Any, steps: str | list[Any], **header: Any) -> Any:
        custom = header.pop("custom_objects", None)
        return patchspec.apply(model, patch_of(steps, **header), custom_objects=custom)

    return build


@pytest.fixture
def sample() -> Callable[[str], Path]:
    return lambda name: SAMPLES / f"{name}.keras"
