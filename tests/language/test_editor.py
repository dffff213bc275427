"""The schema for editors: it refuses nothing that a patch may say, and says something of all."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from patchspec.language.editor import Names, editor_schema, names_of, printed_schema
from patchspec.language.schema import schema_problems
from patchspec.language.source import read_file
from patchspec.layers.check import check_layer
from patchspec.layers.table import LayerClass, layer_class, layer_names
from patchspec.models.opening import open_base
from patchspec.operations import operations
from tests.conftest import SAMPLES

ROOT = Path(__file__).parents[2]
PATCHES = [
    path
    for folder in ("patches", "examples")
    for path in sorted(ROOT.glob(f"{folder}/**/*.patchspec.yaml"))
    if path.name != "broken.patchspec.yaml"
]
OWN = [name for name in layer_names() if (found := layer_class(name)) and found.name == name]
VALUES: tuple[Any, ...] = (
    None, True, 0, 1, 0.5, "$(x)", "same", "SAME", "relu", "pkg>thing", "zeros", [1, 2],
    {"class": "Dense", "config": {"units": 3, "name": "inner"}},
    {"class": "RandomNormal", "config": {"stddev": 0.1}}, {"class": "L2", "config": {"l2": 0.1}},
)  # fmt: skip


def errors(data: Any, *, schema: Mapping[str, Any] | None = None) -> list[str]:
    validator = jsonschema.Draft7Validator(schema or editor_schema())
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(data)]


def layer(name: str) -> LayerClass:
    found = layer_class(name)
    assert found is not None
    return found


def config_schema(name: str) -> dict[str, Any]:
    """The schema of the constructor arguments of a class, with what it refers to."""
    definitions = editor_schema()["definitions"]
    [case] = [
        case["then"]["properties"]["config"]
        for case in definitions["constructor"]["allOf"]
        if re.search(case["if"]["properties"]["class"]["pattern"], name)
    ]
    return {**case, "definitions": definitions}


def resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema and "description" not in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    return schema


def described(schema: Any, at: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every key that any part of the schema knows, and what is said of it."""
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        for key, value in properties.items():
            yield f"{at}.{key}", value
        for key, value in schema.items():
            # A condition compares keys and is shown to nobody.
            if key != "if":
                yield from described(value, f"{at}.{key}")
    elif isinstance(schema, list):
        for i, item in enumerate(schema):
            yield from described(item, f"{at}.{i}")


def test_it_is_a_draft_07_schema_without_alternatives_that_hide_what_is_wrong() -> None:
    jsonschema.Draft7Validator.check_schema(editor_schema())
    assert '"oneOf"' not in printed_schema()
    assert '"anyOf"' not in printed_schema()


def test_what_is_printed_is_the_schema() -> None:
    assert json.loads(printed_schema()) == editor_schema()


def test_the_file_is_of_a_size_that_an_editor_loads_at_once() -> None:
    assert len(printed_schema()) < 512 << 10


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: str(path.name))
def test_a_patch_that_is_valid_has_nothing_underlined(path: Path) -> None:
    """C3: what an editor underlines is wrong."""
    assert errors(read_file(path).data) == []


@pytest.mark.parametrize("name", operations())
def test_the_example_of_an_operation_has_nothing_underlined(name: str) -> None:
    example = yaml.safe_load(operations()[name].example())
    assert errors({"patchspec": 1, "operations": example}) == []


@pytest.mark.parametrize(
    "step",
    [
        {"op": "remove", "layers": "a", "if": "$(flag)"},
        {"op": "freeze", "layers": {"class": "Conv2D", "count": "$(n)"}, "batchnorm": "$(how)"},
        {"op": "remove", "layers": {"output_shape": "$(shape)", "first": "$(n)"}},
        {"op": "replace", "layers": "a", "new": {"class": "$(class)", "config": {"units": 3}}},
        {"op": "replace", "layers": "a", "new": {"class": "Dense", "config": {"units": "$(n)"}}},
        {"op": "replace", "layers": "a", "new": {"class": "ReLU", "weights": "$(rule)"}},
        {"op": "rename", "layers": "*", "name": "$(target)_$(index)"},
    ],
    ids=json.dumps,
)
def test_a_placeholder_may_stand_wherever_a_setting_may(step: Any) -> None:
    assert errors({"patchspec": 1, "seed": "$(seed)", "operations": [step]}) == []


def test_a_registered_class_and_its_arguments_are_not_checked() -> None:
    new = {"class": "my_package>Scale", "name": "s", "config": {"anything": [1, {"a": None}]}}
    steps = [{"op": "insert", "after": "a", "new": new}]
    assert errors({"patchspec": 1, "operations": steps}) == []


@pytest.mark.parametrize("name", [*OWN, "InputLayer"])
def test_no_argument_that_is_accepted_is_underlined(name: str) -> None:
    schema = {**config_schema(name), "required": []}
    parameters = layer(name).parameters if name != "InputLayer" else ("shape", "batch_size")
    validator = jsonschema.Draft7Validator(schema)
    accepted = 0
    for key in (*parameters, "dtype", "name", "trainable", "no_such_argument"):
        for value in VALUES:
            config = {key: value}
            held = value == "$(x)" and key in parameters
            if held or not list(check_layer(name, config, partial=True)):
                accepted += 1
                assert list(validator.iter_errors(config)) == [], config
    assert accepted >= len(parameters)


@pytest.mark.parametrize("name", OWN)
def test_the_defaults_of_a_class_are_not_underlined(name: str) -> None:
    known = layer(name)
    defaults = {k: v for k, v in known.defaults.items() if k in known.parameters}
    assert errors(defaults, schema={**config_schema(name), "required": []}) == []


def test_an_argument_that_is_required_is_missed_unless_another_layer_gives_it() -> None:
    def of(**new: Any) -> list[str]:
        return errors({"patchspec": 1, "operations": [{"op": "insert", "after": "a", "new": new}]})

    assert of(**{"class": "Dense", "name": "n"}) != []
    assert of(**{"class": "Dense", "name": "n", "config": {"activation": "relu"}}) != []
    assert of(**{"class": "Dense", "name": "n", "like": "fc"}) == []
    assert of(layer="fc") == []


def test_every_key_has_a_description() -> None:
    """C3: an editor shows it."""
    schema = editor_schema()
    definitions = schema["definitions"]
    silent = [
        at
        for at, said in described(schema)
        if not {"description", "title", "required", "properties"} & set(resolved(said, definitions))
    ]
    assert silent == []


def test_every_constructor_argument_says_whether_it_is_required_or_what_it_is_unless_given() -> (
    None
):
    definitions = editor_schema()["definitions"]
    dense = {
        key: resolved(said, definitions)["description"]
        for key, said in config_schema("Dense")["properties"].items()
    }
    assert dense["units"].endswith("Required.")
    assert dense["activation"].endswith('Default: `"linear"`.')
    assert dense["kernel_initializer"].endswith("Default: `GlorotUniform`.")


def test_the_names_of_a_model_are_its_paths_in_order_what_wrappers_hold_included() -> None:
    names = names_of(open_base(SAMPLES / "nested_multi_call.keras").graph)
    assert list(names.layers)[:5] == ["x", "y", "inner", "inner/inner_in", "inner/id"]
    assert (names.inputs, names.outputs) == (("x", "y"), ("add", "inner"))
    assert names.classes["InputLayer"] == "3 layers"
    wrapped = names_of(open_base(SAMPLES / "composite.keras").graph).layers
    assert "bi/forward_lstm_in" in wrapped


def test_names_are_proposed_and_nothing_else_is_refused() -> None:
    schema = editor_schema(Names({"conv1": "Conv2D", "true": "Dense"}))
    offered = schema["definitions"]["selector"]["defaultSnippets"]
    assert [entry["label"] for entry in offered] == ["conv1", "true", "$input"]
    assert [entry["body"] for entry in offered] == ["conv1", '"true"', "\\$input"]
    for layers in ("other", "**", ["a", "b*"], {"name": "z", "not": ["q"]}):
        steps = [{"op": "freeze", "layers": layers}]
        assert errors({"patchspec": 1, "operations": steps}, schema=schema) == []


@pytest.mark.parametrize(
    "selector", [3, [], [3], {}, {"clas": "Dense"}, {"not": [3]}, [{"nth": []}]]
)
def test_what_is_no_selector_is_underlined_as_it_is_refused(selector: Any) -> None:
    patch = {"patchspec": 1, "operations": [{"op": "freeze", "layers": selector}]}
    assert errors(patch) != []
    assert schema_problems(patch) != []
