"""Weight rules: what each does to shapes and to values, and what every rule owes."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import jsonschema
import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchspec.language.schema import patch_schema
from patchspec.language.source import read_text
from patchspec.problems import PatchError
from patchspec.weights.pipelines import (
    changes,
    fitting,
    read_weights,
    shapes_along,
    start_shape,
    text_of,
)
from patchspec.weights.rules import rules
from patchspec.weights.rules._rule import Fresh, Making

each = pytest.mark.parametrize(("name", "rule"), rules().items(), ids=rules())


def made(said: Any, value: Any, wanted: tuple[int, ...], **layer: Any) -> Any:
    """The value that a pipeline makes of another, in the shape that is wanted."""
    pipeline = read_weights(said, ("weights",))["*"]
    making = Making(
        layer.get("class_name", "Dense"),
        layer.get("config", {}),
        layer.get("name", "kernel"),
        lambda shape: np.full(shape, 7.0, np.float32),
    )
    first = pipeline[0].rule
    value = np.asarray(value)
    if isinstance(first, Fresh):
        shape = start_shape(pipeline, wanted)
        assert shape is not None
        first.check(shape)  # type: ignore[arg-type]
        value = first.make(shape, making)  # type: ignore[arg-type]
    shapes = shapes_along(pipeline, value.shape, wanted)
    for (_, change), after in zip(changes(pipeline), shapes, strict=True):
        value = change.apply(value, after, making)
        assert value.shape == after
    return value


def refused(said: Any, shape: tuple[int, ...], wanted: tuple[int, ...]) -> tuple[str, Any]:
    with pytest.raises(PatchError) as caught:
        made(said, np.zeros(shape), wanted)
    [problem] = caught.value.problems
    return problem.code, problem.at


@each
def test_a_rule_is_found_by_its_file_name_and_says_what_it_does(name: str, rule: Any) -> None:
    assert rule.name() == name
    assert rule.summary().endswith((".", ","))
    assert Path(inspect.getfile(rule)).stem.rstrip("_") == name


@each
def test_the_example_of_a_rule_works_on_a_model(name: str, rule: Any, builds: Any) -> None:
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="fc1")])
    if name in ("keep", "sum", "mean", "take"):
        model.add(keras.layers.Activation("relu", name="end"))
    text = inspect.getdoc(rule) or ""
    example = text[text.index("- op:") :]
    if name == "keep":
        example = example.replace("units: 16", "units: 8")
    variant = builds(model, example)
    assert f"{name}" in str([move.rule for move in variant.plan.moves]) or name == "init"


@each
def test_the_schema_of_a_rule_is_a_schema(name: str, rule: Any) -> None:
    if rule.argument is not None:
        jsonschema.Draft7Validator.check_schema(rule.argument)
        assert name in patch_schema()["definitions"]["rule"]["properties"]


def test_take_keeps_the_entries_in_the_order_in_which_they_are_listed() -> None:
    value = np.arange(6.0).reshape(2, 3)
    assert made({"take": {"axis": -1, "indices": [2, 0]}}, value, (2, 2)).tolist() == [
        [2, 0],
        [5, 3],
    ]


def test_take_with_every_counts_within_each_run() -> None:
    # A detection head: 3 anchors of 4 values each, of which two stay.
    value = np.arange(12.0)
    taken = made({"take": {"axis": 0, "indices": [0, 3], "every": 4}}, value, (6,))
    assert taken.tolist() == [0, 3, 4, 7, 8, 11]


@pytest.mark.parametrize(
    ("filler", "expected"),
    [("zeros", [1, 3, 0, 0]), ("ones", [1, 3, 1, 1]), ("mean", [1, 3, 2, 2]),
     ("repeat", [1, 3, 1, 3]), ("init", [1, 3, 7, 7])],
)  # fmt: skip
def test_pad_appends_what_it_is_told(filler: str, expected: list[float]) -> None:
    """E4: a larger shape, filled as declared."""
    assert made({"pad": {"axis": 0, "with": filler}}, [1.0, 3.0], (4,)).tolist() == expected


def test_pad_leaves_alone_what_has_the_size_already() -> None:
    assert made({"pad": {"axis": 0, "with": "ones"}}, [1.0, 3.0], (2,)).tolist() == [1, 3]


def test_sum_and_mean_keep_the_axis_unless_the_variable_has_one_less() -> None:
    value = np.arange(6.0).reshape(2, 3)
    assert made({"sum": 0}, value, (1, 3)).tolist() == [[3, 5, 7]]
    assert made({"mean": 0}, value, (3,)).tolist() == [1.5, 2.5, 3.5]


def test_identity_passes_on_what_a_layer_is_given() -> None:
    x = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype(np.float32)
    for layer, name in (
        (keras.layers.Conv2D(4, 3, padding="same", use_bias=False), "kernel"),
        (keras.layers.Conv2D(4, 2, padding="same", use_bias=False), "kernel"),
        (keras.layers.Conv2D(4, 3, padding="same", groups=2, use_bias=False), "kernel"),
        (keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False), "kernel"),
        (keras.layers.Dense(4, use_bias=False), "kernel"),
    ):
        layer.build(x.shape)
        [variable] = layer.weights
        about = {"class_name": type(layer).__name__, "config": layer.get_config(), "name": name}
        variable.assign(made("identity", 0.0, tuple(variable.shape), **about))
        assert np.array_equal(np.asarray(layer(x)), x), type(layer).__name__


@pytest.mark.parametrize("method", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [3, 7, 14])
def test_resize_is_what_keras_makes_of_an_image(method: str, size: int) -> None:
    image = np.random.default_rng(1).normal(size=(1, 6, 5, 2)).astype(np.float32)
    theirs = keras.ops.image.resize(image, (size, size), interpolation=method, antialias=False)
    mine = made({"resize": {"axes": [1, 2], "method": method}}, image, (1, size, size, 2))
    # TensorFlow reads its cubic kernel from a table of 1,024 entries.
    assert np.allclose(mine, np.asarray(theirs), atol=5e-3 if method == "bicubic" else 1e-5)


def test_position_embeddings_are_resized_between_two_reshapes() -> None:
    grid = {"resize": {"axes": [1, 2], "method": "bilinear", "size": [4, 4]}}
    said = [{"reshape": [1, 2, 2, 3]}, grid, {"reshape": [16, 3]}]
    assert made(said, np.ones((4, 3)), (16, 3)).tolist() == np.ones((16, 3)).tolist()


def test_the_size_of_a_pad_is_seen_through_a_transpose() -> None:
    said = [{"pad": {"axis": 0, "with": "zeros"}}, {"transpose": [1, 0]}]
    assert made(said, np.ones((2, 3)), (3, 5)).tolist() == [[1, 1, 0, 0, 0]] * 3


@pytest.mark.parametrize(
    ("said", "shape", "wanted"),
    [
        ({"take": {"axis": 0, "indices": [5]}}, (3,), (1,)),
        ({"take": {"axis": 0, "indices": [0], "every": 2}}, (3,), (1,)),
        ({"pad": {"axis": 0, "with": "zeros"}}, (3,), (2,)),
        ({"pad": {"axis": 2, "with": "zeros"}}, (3,), (4,)),
        ([{"pad": {"axis": 0, "with": "zeros"}}, {"reshape": [2, 2]}], (3,), (2, 2)),
        ({"sum": 1}, (3,), (1,)),
        ({"transpose": [0, 0]}, (3, 3), (3, 3)),
        ({"reshape": [2, -1]}, (3,), (2, 2)),
        ({"resize": {"axes": [0], "method": "nearest", "size": [1, 2]}}, (3,), (1,)),
        ("identity", (3,), (3,)),
        ({"constant": [1, 2]}, (3,), (3,)),
        ({"constant": [[1], [2, 3]]}, (2, 2), (2, 2)),
    ],
)
def test_a_rule_that_does_not_fit_is_refused(
    said: Any, shape: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    assert refused(said, shape, wanted)[0] == "PS509"


def test_a_refused_rule_is_named_by_its_place_in_the_pipeline() -> None:
    said = [{"scale": 2}, {"take": {"axis": 0, "indices": [9]}}]
    assert refused(said, (3,), (1,)) == ("PS509", ("weights", 1, "take"))


def test_a_mapping_is_rules_by_variable_where_a_rule_and_a_variable_have_one_name() -> None:
    assert set(read_weights({"scale": 2}, ())) == {"*"}
    assert set(read_weights({"scale": "keep"}, ())) == {"scale"}
    assert set(read_weights({"mean": {"scale": 2}}, ())) == {"mean"}


def test_a_pipeline_is_told_as_it_is_written() -> None:
    said = ["keep", {"take": {"axis": -1, "indices": [0, 2]}}, {"scale": 0.5}]
    told = text_of(read_weights(said, ())["*"])
    assert told == "take {axis: -1, indices: [0, 2]} | scale 0.5"


@given(st.data())
def test_the_rules_that_an_error_suggests_fit_the_shapes(data: Any) -> None:
    """E4: the policies on offer are those that work."""
    sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)
    old = tuple(data.draw(sizes))
    new = tuple(data.draw(st.one_of(st.just(list(old)), sizes, st.permutations(old))))
    if old == new:
        return
    suggested = fitting(old, new)
    assert suggested[-1] == "init"
    for text in suggested[:-1]:
        if "..." in text:
            continue
        made(read_text(f"- {text}").data[0], np.ones(old), new)
