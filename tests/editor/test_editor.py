"""What an editor shows of a patch: the published schema in the real yaml-language-server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from patchspec.cli.main import main
from patchspec.language.patch import parse
from patchspec.layers.table import layer_class
from patchspec.operations import operations
from patchspec.problems import PatchError
from tests.conftest import SAMPLES
from tests.editor.server import PROGRAM, Server

SCHEMA = Path(__file__).parents[2] / "schemas" / "patch.schema.json"
HEADER = {"patchspec", "name", "description", "base", "seed", "operations", "settings", "extends"}
CONDITIONS = {"name", "regex", "class", "where", "has", "after", "before", "reads", "trainable",
              "output_shape", "run", "nth", "first", "last", "not", "count"}  # fmt: skip

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PROGRAM.is_file(), reason="yaml-language-server is not installed: `make test-all` does"
    ),
]


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that knows the published schema, and that of a model in the folder `model`."""
    schema = tmp_path_factory.mktemp("schemas") / "model.schema.json"
    with pytest.MonkeyPatch.context() as patched:
        printed: list[str] = []
        patched.setattr("builtins.print", lambda text, **_: printed.append(text))
        assert main(["schema", "--model", str(SAMPLES / "nested_multi_call.keras")]) == 0
    schema.write_text("".join(printed), encoding="utf-8")
    with Server({SCHEMA: "patch/*.yaml", schema: "model/*.yaml"}) as server:
        # Until the server has asked for its settings it knows no schema.
        while not server.diagnostics("patchspec: 0\n"):
            pass
        yield server


def step(*lines: str) -> str:
    """A patch of one operation, whose first line is line 3."""
    body = "\n    ".join(lines)
    return f"patchspec: 1\noperations:\n  - {body}\n"


def new(*lines: str) -> str:
    """A patch that inserts one layer; what is said of it begins on line 6."""
    return step("op: insert", "after: a", "new:", *(f"  {line}" for line in lines))


class Mistake(NamedTuple):
    """What an author may get wrong, and what the editor must say of it."""

    text: str
    line: int
    column: int
    word: str
    most: int = 1
    """How many diagnostics there may be."""


MISTAKES = {
    "misspelt operation": Mistake(step("op: insrt", "after: a"), 3, 9, "insert"),
    "misspelt key of an operation": Mistake(step("op: remove", "layer: a"), 4, 5, "layer", 2),
    "missing key of an operation": Mistake(step("op: remove"), 3, 5, "layers"),
    "operation without op": Mistake(step("layers: a"), 3, 5, "op"),
    "number for a layer": Mistake(step("op: remove", "layers: 3"), 4, 13, "string"),
    "misspelt condition": Mistake(step("op: freeze", "layers: {clas: Dense}"), 4, 14, "clas"),
    "wrong choice": Mistake(step("op: freeze", "layers: a", "batchnorm: keep"), 5, 16, "leave"),
    "yes for true": Mistake(step("op: remove", "layers: a", "if: yes"), 5, 9, "true or false"),
    "key given twice": Mistake(step("op: remove", "layers: a", "layers: b"), 5, 5, "unique"),
    "glob without quotes": Mistake(step("op: freeze", "layers: **/conv"), 4, 13, "alias"),
    "misspelt layer class": Mistake(new("class: Dens", "name: n"), 6, 14, "no layer class"),
    "layer without class": Mistake(step("op: insert", "after: a", "new: {name: n}"), 5, 5, "class"),
    "misspelt key of a layer": Mistake(new("class: ReLU", "nam: n"), 7, 7, "nam"),
    "misspelt argument": Mistake(
        new("class: Dense", "name: n", "config:", "  units: 3", "  activaton: relu"), 10, 9,
        "activaton",
    ),
    "missing argument": Mistake(
        new("class: Dense", "name: n", "config: {activation: relu}"), 8, 7, "units"
    ),
    "text for a number": Mistake(
        new("class: Dense", "name: n", "config: {units: '3'}"), 8, 23, "integer"
    ),
    "wrong rule for weights": Mistake(
        new("class: ReLU", "name: n", "weights: zero"), 8, 16, "keep"
    ),
    "misspelt key of the header": Mistake(
        "patchspec: 1\nsetings: {}\noperations: []\n", 2, 1, "setings"
    ),
    "no version": Mistake("name: n\noperations: []\n", 1, 1, "patchspec"),
    "wrong version": Mistake("patchspec: 2\noperations: []\n", 1, 12, "1"),
    "no operations": Mistake("patchspec: 1\nname: n\n", 1, 1, "operations"),
    "operations that are no list": Mistake(
        "patchspec: 1\noperations:\n  op: remove\n", 3, 3, "array"
    ),
    "list for an operation": Mistake(
        "patchspec: 1\noperations:\n  - [remove, a]\n", 3, 5, "operation"
    ),
    "bad name": Mistake("patchspec: 1\nname: a b\noperations: []\n", 2, 7, "letter"),
    "negative seed": Mistake("patchspec: 1\nseed: -1\noperations: []\n", 2, 7, "minimum of 0"),
    "bad digest": Mistake(
        "patchspec: 1\nbase: {path: a.keras, state: sha256:12}\noperations: []\n", 2, 30,
        "64 hexadecimal",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=list(MISTAKES))
def test_a_mistake_is_underlined_where_it_is(editor: Server, mistake: Mistake) -> None:
    found = editor.diagnostics(mistake.text)
    assert (mistake.line, mistake.column) in {(d.line, d.column) for d in found}, found
    [said] = [d for d in found if (d.line, d.column) == (mistake.line, mistake.column)]
    assert mistake.word in said.message
    assert len(found) <= mistake.most, found


@pytest.mark.parametrize("what", MISTAKES)
def test_validate_finds_the_mistake_in_the_same_line(what: str) -> None:
    mistake = MISTAKES[what]
    with pytest.raises(PatchError) as caught:
        parse(mistake.text)
    lines = [problem.span.line for problem in caught.value.problems if problem.span]
    assert lines[0] == mistake.line


def test_a_right_patch_has_nothing_underlined(editor: Server) -> None:
    layer = ("class: Dense", "name: n", "config: {units: $(units), activation: my>act}")
    assert editor.diagnostics(new(*layer)) == []
    assert editor.diagnostics(new("class: my>Layer", "config: {anything: 1}")) == []
    assert editor.diagnostics(step("op: freeze", 'layers: ["b*", {not: x}]', "if: $(f)")) == []


def test_after_op_the_operations_are_offered_and_nothing_else(editor: Server) -> None:
    offered = editor.completions(step("op: |"))
    assert {entry.label for entry in offered} == set(operations())
    [insert] = [entry for entry in offered if entry.label == "insert"]
    assert insert.documentation == operations()["insert"].summary()


def test_an_operation_is_offered_its_own_keys_alone(editor: Server) -> None:
    labels = set(editor.labels(step("op: freeze", "|")))
    assert {"layers", "batchnorm", "id", "if", "why", "allow"} <= labels
    assert not {"new", "after", "outputs", "op"} & labels


def test_the_header_is_offered_its_keys(editor: Server) -> None:
    labels = set(editor.labels("patchspec: 1\n|\n"))
    assert HEADER - {"patchspec"} <= labels
    assert not {"op", "layers", "patchspec"} & labels


@pytest.mark.parametrize("lines", [("layers:", "  |"), ("layers:", "  not:", "    |")])
def test_a_selector_is_offered_its_conditions(editor: Server, lines: tuple[str, ...]) -> None:
    labels = set(editor.labels(step("op: freeze", *lines)))
    assert labels >= CONDITIONS


def test_a_choice_is_offered_its_values(editor: Server) -> None:
    assert editor.labels(step("op: freeze", "batchnorm: |")) == ["include", "leave"]
    assert editor.labels(step("op: freeze", "if: |")) == ["false", "true"]
    named = ["identity", "init", "keep", "ones", "zeros"]
    assert editor.labels(new("class: ReLU", "weights: |")) == named


@pytest.mark.parametrize(
    "text",
    [new("class: |"), step("op: replace", "new:", "  - class: |"),
     new("class: TimeDistributed", "config:", "  layer:", "    class: |")],
)  # fmt: skip
def test_after_class_the_layer_classes_are_offered(editor: Server, text: str) -> None:
    offered = {entry.label: entry for entry in editor.completions(text)}
    assert {"Dense", "Conv2D", "Bidirectional", "InputLayer", "MaxPool2D"} <= set(offered)
    assert not {"Lambda", "Layer", "null"} & set(offered)
    assert offered["Conv2D"].documentation == "2D convolution layer."


@pytest.mark.parametrize("name", ["Dense", "Conv2D", "Conv2DTranspose", "Dropout", "LSTM", "Add"])
@pytest.mark.parametrize("form", ["alone", "list", "inner"])
def test_under_config_the_arguments_of_the_class_are_offered_and_of_no_other(
    editor: Server, name: str, form: str
) -> None:
    text = {
        "alone": new(f"class: {name}", "config:", "  |"),
        "list": step("op: replace", "new:", f"  - class: {name}", "    config:", "      |"),
        "inner": new(
            "class: TimeDistributed", "config:", "  layer:", f"    class: {name}",
            "    config:", "      |",
        ),
    }[form]  # fmt: skip
    known = layer_class(name)
    assert known is not None
    assert set(editor.labels(text)) - {"object"} == {*known.parameters, "dtype"}


def test_nothing_is_offered_for_a_class_that_nobody_knows(editor: Server) -> None:
    assert editor.labels(new("class: my>Layer", "config:", "  |")) == []
    assert editor.labels(new("name: n", "config:", "  |")) == []


@pytest.mark.parametrize(
    ("argument", "values"),
    [("padding: |", {"same", "valid"}), ("use_bias: |", {"true", "false"}),
     ("activation: |", {"relu", "gelu", "null"}),
     ("kernel_initializer: |", {"HeNormal", "Zeros"}),
     ("kernel_initializer: {class: |}", {"HeNormal", "Zeros"}),
     ("kernel_regularizer: |", {"L2", "null"})],
)  # fmt: skip
def test_an_argument_is_offered_its_values(editor: Server, argument: str, values: set[str]) -> None:
    labels = set(editor.labels(new("class: Conv2D", "config:", f"  {argument}")))
    assert values <= labels


def test_the_arguments_of_an_initializer_and_of_a_call_are_offered(editor: Server) -> None:
    inside = ("  kernel_initializer:", "    class: RandomNormal", "    config:", "      |")
    labels = editor.labels(new("class: Dense", "config:", *inside))
    assert labels == ["mean", "seed", "stddev"]
    assert editor.labels(new("class: Dropout", "arguments:", "  |")) == ["training"]


LAYERS = ["x", "y", "inner", "inner/inner_in", "inner/id", "inner/r", "add"]
INPUTS = ["$input:x", "$input:y"]
OUTPUTS = ["$output:add", "$output:inner"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (step("op: freeze", "layers: |"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: inn|"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: [|]"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: [x, |]"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: {name: |}"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: {not: |}"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: {after: [|]}"), [*LAYERS, *INPUTS]),
        (step("op: insert", "after: |"), [*LAYERS, *INPUTS, *OUTPUTS]),
        (step("op: extract", "outputs: |"), [*LAYERS, *INPUTS, *OUTPUTS, "$here"]),
        (step("op: extract", "outputs: {e: |}"), [*LAYERS, *INPUTS, *OUTPUTS, "$here"]),
        (new("class: Add", "inputs: [|]"), [*LAYERS, *INPUTS, *OUTPUTS, "$here"]),
        (new("class: MultiHeadAttention", "inputs: {query: |}"),
         [*LAYERS, *INPUTS, *OUTPUTS, "$here"]),
        (new("like: |"), [*LAYERS, *INPUTS]),
        (step("op: freeze", "layers: {class: |}"),
         ["Activation", "Add", "Dense", "Functional", "InputLayer"]),
    ],
)  # fmt: skip
def test_the_schema_of_a_model_offers_its_names_wherever_one_stands(
    editor: Server, text: str, names: list[str]
) -> None:
    assert editor.labels(text, "model") == names


def test_a_name_is_offered_with_its_class_and_written_as_it_is(editor: Server) -> None:
    offered = {e.label: e for e in editor.completions(step("op: freeze", "layers: |"), "model")}
    assert offered["inner/id"].documentation == "Dense"
    assert offered["inner/id"].text == "inner/id"


def test_a_name_that_the_model_does_not_have_is_not_underlined(editor: Server) -> None:
    for layers in ("other", '"**"', "[a, {class: Conv2D}]"):
        assert editor.diagnostics(step("op: freeze", f"layers: {layers}"), "model") == []


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (step("op: |freeze", "layers: a"), operations()["freeze"].summary()),
        (step("op: freeze", "|layers: a"), "Layers that exist"),
        (step("op: freeze", "layers: {|regex: a}"), "matches the whole path"),
        (step("op: freeze", "layers: a", "|batchnorm: leave"), "BatchNormalization"),
        (step("op: freeze", "layers: a", "|why: b"), "reviewers"),
        ("patchspec: 1\n|seed: 3\noperations: []\n", "initial values"),
        ("patchspec: 1\nbase: {|state: 'sha256:0'}\noperations: []\n", "Refuse any other"),
        (new("class: |Conv2D"), "Conv2D: 2D convolution layer."),
        (new("|class: my>Layer"), "registered"),
        (new("class: Dense", "config:", "  |units: 3"), "dimensionality of the output space"),
        (new("class: Dense", "config:", "  |use_bias: true"), "Default: \\`true\\`"),
        (new("class: Conv2D", "config:", "  |kernel_initializer: zeros"), "GlorotUniform"),
        (new("class: Dense", "|weights: keep"), "for all variables"),
    ],
)
def test_over_a_word_there_is_what_it_means(editor: Server, text: str, word: str) -> None:
    assert word in editor.hover(text)


def test_over_a_layer_there_is_no_list_of_all_that_might_stand_there(editor: Server) -> None:
    for text in (new("class: |Dense"), step("op: freeze", "layers: |inner")):
        assert len(editor.hover(text, "model")) < 600


def test_a_long_patch_is_checked_while_its_author_types(editor: Server) -> None:
    entry = new("class: Dense", "name: n", "config: {units: 3, activation: relu}").splitlines()[2:]
    text = "\n".join(["patchspec: 1", "operations:", *(entry * 200)]) + "\n"
    started = time.monotonic()
    assert editor.diagnostics(text) == []
    assert time.monotonic() - started < 10


def test_a_patch_may_name_its_schema_itself(editor: Server) -> None:
    text = f"# yaml-language-server: $schema={SCHEMA}\npatchspec: 2\noperations: []\n"
    [said] = editor.diagnostics(text, "no_schema_is_configured_here")
    assert (said.line, said.message) == (2, "Value must be 1.")
