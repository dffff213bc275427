"""What every operation owes. A new one is held to this without touching the file."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from patchspec.language.patch import parse
from patchspec.operations import operations, own_names
from patchspec.operations._operation import Operation
from tests.configs import nested

each = pytest.mark.parametrize(("name", "operation"), operations().items(), ids=operations())


def test_an_operation_is_found_by_its_file_name() -> None:
    assert set(own_names()) <= set(operations())
    assert operations()["expose-output"].__name__ == "ExposeOutput"


@each
def test_its_schema_is_a_schema(name: str, operation: type[Operation]) -> None:
    jsonschema.Draft7Validator.check_schema({"type": "object", **operation.schema()})


@each
def test_its_docstring_begins_with_a_sentence_and_holds_an_example(
    name: str, operation: type[Operation]
) -> None:
    assert operation.summary().endswith((".", ","))
    body = "".join(f"  {line}\n" for line in operation.example().splitlines())
    patch = parse(f"patchspec: 1\noperations:\n{body}")
    assert [type(step.operation) for step in patch.steps] == [operation]


@each
def test_it_has_a_test_file_of_its_name(name: str, operation: type[Operation]) -> None:
    assert (Path(__file__).parent / f"test_{name.replace('-', '_')}.py").is_file()


NEW = "new: {class: ReLU, name: n}"
INSIDE = {
    "insert": f"{{op: insert, after: inner/id, {NEW}}}",
    "remove": "{op: remove, layers: inner/id}",
    "rewire": "{op: rewire, layers: inner/id2, inputs: {'0': inner/e}}\n- {op: extract}",
    "rename": "{op: rename, layers: inner/id, name: n}",
    "replace": f"{{op: replace, layers: inner/id, {NEW}}}",
    "set": "{op: set, layers: inner/id, config: {activation: relu}}",
    "freeze": "{op: freeze, layers: inner/id}",
    "expose-output": "{op: expose-output, outputs: {n: inner/id}}",
    "extract": "{op: extract, outputs: [inner/id]}",
}


@pytest.mark.parametrize("step", INSIDE.values(), ids=INSIDE)
def test_a_layer_inside_a_nested_model_is_reached_by_its_path(step: str, lowers: Any) -> None:
    plan = lowers(nested(), f"- {step}")
    edits = [edit for change in plan.changes if change.place for edit in change.edits]
    assert any(edit.path[:4] == ("config", "layers", 1, "config") for edit in edits)
    assert edits[0].value == "inner"


@each
def test_it_stays_pure(name: str, operation: type[Operation]) -> None:
    tree = ast.parse(inspect.getsource(sys.modules[operation.__module__]))
    found = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    found += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    roots = {module.split(".")[0] for module in found}
    assert roots <= {"patchspec"} | sys.stdlib_module_names


@each
def test_it_is_a_frozen_value(name: str, operation: type[Operation]) -> None:
    assert operation.__dataclass_params__.frozen  # type: ignore[attr-defined]
