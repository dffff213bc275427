"""What most tests are made of: lower steps, refuse steps, build a variant.

Every plan that any test of the process makes is checked on the way: its RFC 6902 document, applied
by `jsonpatch`, gives its config. So is every model that is built: it holds what would be written of
its plan from file to file. And every patch of the cookbook is found again from its two models.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonpatch
import keras
import numpy as np
import pytest

import patchspec
import patchspec.building.variant as variant_module
import patchspec.planning.assembling as planning
from patchspec.building.live import Built, build_model
from patchspec.building.variables import as_array, holders
from patchspec.language.patch import Patch, parse_source
from patchspec.language.source import read_text
from patchspec.models.base import Base
from patchspec.models.document import checked_document
from patchspec.planning.plan import Plan
from patchspec.planning.resolve import resolve
from patchspec.problems import PatchError
from patchspec.rewriting.obstacles import LIVE, obstacles
from patchspec.rewriting.values import variables_of
from tests.authoring.recovering import check_recovered

RECOVERED: set[str] = set()
"""The patches of the cookbook that were found again from the models that a test planned."""
SAMPLES = Path(__file__).parent / "samples"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What looks at every plan of the run comes last."""
    late = {"every_plan", "recovered"}
    items.sort(key=lambda item: bool(late & set(getattr(item, "fixturenames", ()))))


@pytest.fixture(scope="session", autouse=True)
def _checked_plans(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """Check every plan as it is made; where a test asks for `every_plan`, keep them as lines."""
    kept = tmp_path_factory.mktemp("plans") / "plans.jsonl"
    kept.touch()
    keep = any("every_plan" in getattr(item, "fixturenames", ()) for item in request.session.items)

    def checked(**values: Any) -> Plan:
        plan = Plan(**values)
        before = json.dumps(plan.base.document)
        edits = plan.json_patch
        assert jsonpatch.apply_patch(json.loads(before), edits) == plan.document
        check_recovered(plan, RECOVERED)
        if keep:
            after = json.dumps(plan.document)
            with kept.open("a", encoding="utf-8") as lines:
                lines.write(f'{{"before":{before},"edits":{json.dumps(edits)},"after":{after}}}\n')
        return plan

    def built(plan: Plan, custom_objects: Any = None, *, share: bool = False) -> Built:
        made = build_model(plan, custom_objects, share=share)
        check_alike(plan, made.model)
        return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(planning, "Plan", checked)
        patched.setattr(variant_module, "build_model", built)
        yield kept


def check_alike(plan: Plan, model: Any) -> None:
    """What would be written without a model being made is what the model holds, bit for bit."""
    if set(obstacles(plan)) - {LIVE}:
        return
    written = {v.path: v for v in variables_of(plan)}
    held = {
        holder.variable_path(number): value
        for holder in holders(model)
        for number, value in holder.own().items()
    }
    assert written.keys() == held.keys()
    for path, value in held.items():
        array, one = as_array(value), written[path]
        assert (one.shape, one.dtype) == (array.shape, keras.backend.standardize_dtype(value.dtype))
        assert np.asarray(one.read()).tobytes() == array.tobytes(), path


@pytest.fixture
def every_plan(_checked_plans: Path) -> Path:
    """A file with a line of JSON for every plan that the run has made: before, edits, after."""
    return _checked_plans


@pytest.fixture
def recovered() -> set[str]:
    """The patches of the cookbook that the run has applied and found again."""
    return RECOVERED


def patch_of(steps: str | list[Any], **header: Any) -> Patch:
    """The patch with these operations: YAML of a list, or the list itself."""
    said = steps if isinstance(steps, str) else json.dumps(steps)
    body = "".join(f"  {line}\n" for line in said.strip().splitlines())
    head = "".join(f"{key}: {json.dumps(value)}\n" for key, value in header.items())
    text = f"patchspec: 1\n{head}operations:\n{body}"
    return parse_source(read_text(text, "patch.yaml"))


def lower(document: dict[str, Any], steps: str | list[Any], **header: Any) -> Plan:
    """The plan without Keras; the base is as it was."""
    before = copy.deepcopy(document)
    base = Base(checked_document(document, "base"), origin="base")
    plan = resolve(patch_of(steps, **header), base)
    assert document == before
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

    def build(model: Any, steps: str | list[Any], **header: Any) -> Any:
        custom = header.pop("custom_objects", None)
        return patchspec.apply(model, patch_of(steps, **header), custom_objects=custom)

    return build


@pytest.fixture
def sample() -> Callable[[str], Path]:
    return lambda name: SAMPLES / f"{name}.keras"
