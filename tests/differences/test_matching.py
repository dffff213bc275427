"""Which layer of one model is which layer of another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from patchspec.differences.difference import difference
from patchspec.differences.matching import match, snake_case
from patchspec.models.base import Base, Variable
from tests.configs import Document, add, chain, dense, diamond, entrance, model, nested


def base(document: Document, values: Mapping[str, Any] | None = None) -> Base:
    """A model of which the layers in `values` hold a kernel."""
    if values is None:
        return Base(document)
    variables = {
        f"{layer}/vars/0": Variable(
            f"{layer}/vars/0", np.shape(value), "float32", lambda v=value: np.float32(v), "kernel"
        )
        for layer, value in values.items()
    }
    return Base(document, variables)


def renamed(document: Document, names: Mapping[str, str]) -> Document:
    """The document with other names, wherever they stand."""

    def said(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: said(v) for k, v in value.items()}
        if isinstance(value, list):
            return [said(item) for item in value]
        return names.get(value, value) if isinstance(value, str) else value

    return dict(said(copy.deepcopy(document)))


def test_layers_of_one_name_and_class_are_one() -> None:
    found = match(Base(diamond()), Base(diamond()))
    assert all(new == old for new, old in found.lineage.origins.items())
    assert not found.guesses
    assert not found.lineage.layers


def test_a_model_in_which_names_alone_differ_is_matched_layer_by_layer() -> None:
    names = {"a": "one", "b": "two", "c": "three"}
    found = match(Base(diamond()), Base(renamed(diamond(), names)))
    assert found.lineage.layers.renamed == (("a", "one"), ("b", "two"), ("c", "three"))
    assert found.guesses == {"one": "structure", "two": "structure", "three": "structure"}
    assert not found.lineage.layers.rewired


def test_a_renamed_layer_is_known_by_its_weights_where_the_graph_differs_too() -> None:
    before = base(chain("a", "b", "c"), {"a": [1.0], "b": [2.0], "c": [3.0]})
    after = base(chain("a", "new", "other"), {"a": [1.0], "new": [9.0], "other": [2.0]})
    found = match(before, after)
    assert found.lineage.origins["other"] == "b"
    assert found.guesses["other"] == "weights"


def test_weights_that_two_layers_hold_tell_nothing() -> None:
    before = base(chain("a", "b", "c"), {"a": [0.0], "b": [0.0], "c": [0.0]})
    after = base(chain("a", "y", "z", "w"), {"a": [0.0], "y": [0.0], "z": [0.0], "w": [5.0]})
    assert "weights" not in match(before, after).guesses.values()


def test_a_renamed_layer_is_known_by_its_place_and_config() -> None:
    before = model([entrance(), dense("a", "x"), dense("b", "a"), dense("c", "b")], ["c", 0, 0])
    after = model(
        [entrance(), dense("a", "x"), dense("bb", "a"), dense("c", "bb"), dense("d", "c")],
        ["d", 0, 0],
    )
    found = match(Base(before), Base(after))
    assert found.lineage.layers.renamed == (("b", "bb"),)
    assert found.guesses == {"bb": "structure"}
    assert found.lineage.layers.added == ("d",)


def test_what_could_be_either_is_not_guessed() -> None:
    """Two equal layers between the same neighbours: neither is more the old one."""
    before = model([entrance(), dense("a", "x"), dense("b", "x"), add("s", "a", "b")], ["s", 0, 0])
    layers = [entrance(), dense("p", "x"), dense("q", "x"), add("s", "p", "q"), dense("t", "s")]
    found = match(Base(before), Base(model(layers, ["t", 0, 0])))
    layers_found = found.lineage.layers
    pairs = {*layers_found.renamed, *layers_found.replaced}
    # `s` reads them in order, which tells them apart as its neighbours.
    assert pairs in ({("a", "p"), ("b", "q")}, set())


def test_another_layer_in_the_place_of_one_replaces_it() -> None:
    before = model([entrance(), dense("a", "x"), dense("head", "a", units=10)], ["head", 0, 0])
    after = model([entrance(), dense("a", "x"), dense("species", "a", units=3)], ["species", 0, 0])
    found = match(Base(before), Base(after)).lineage.layers
    assert found.replaced == (("head", "species"),)
    assert not found.added
    assert not found.removed


def test_a_layer_of_one_name_and_another_class_replaces_the_old_one() -> None:
    before = model([entrance(), dense("a", "x"), dense("b", "a")], ["b", 0, 0])
    other = dense("a", "x")
    other["class_name"] = "EinsumDense"
    found = match(Base(before), Base(model([entrance(), other, dense("b", "a")], ["b", 0, 0])))
    assert found.lineage.layers.replaced == (("a", "a"),)


def test_names_that_keras_numbered_otherwise_are_told_by_the_weights() -> None:
    before = base(chain("dense", "dense_1", "end"), {"dense": [1.0], "dense_1": [2.0], "end": [3]})
    after = base(
        chain("dense_1", "dense_2", "end", "more"),
        {"dense_1": [1.0], "dense_2": [2.0], "end": [3], "more": [4]},
    )
    found = match(before, after)
    assert found.lineage.origins["dense_1"] == "dense"
    assert found.lineage.origins["dense_2"] == "dense_1"


def test_a_renamed_nested_model_keeps_the_layers_inside() -> None:
    found = match(Base(nested()), Base(renamed(nested(), {"inner": "encoder"})))
    assert found.lineage.origins["encoder/id"] == "inner/id"
    assert found.lineage.layers.renamed == (("inner", "encoder"),)


def test_a_changed_value_is_told_with_its_distance() -> None:
    before = base(chain("a", "b"), {"a": [3.0, 4.0], "b": [1.0]})
    after = base(chain("a", "b"), {"a": [3.0, 4.5], "b": [1.0]})
    values = difference(before, after).values
    assert values is not None
    assert values.equal == 1
    [change] = values.changes
    assert (change.layer, change.variable) == ("a", "kernel")
    assert change.largest == 0.5
    assert change.relative == 0.1


def test_the_name_that_keras_makes_of_a_class() -> None:
    assert snake_case("Conv2D") == "conv2d"
    assert snake_case("GlobalAveragePooling2D") == "global_average_pooling2d"
    assert snake_case("BatchNormalization") == "batch_normalization"


@settings(max_examples=40, deadline=None)
@given(st.permutations(["a", "b", "c", "sum", "d"]))
def test_every_layer_has_one_partner_at_most(names: list[str]) -> None:
    after = renamed(diamond(), dict(zip(["a", "b", "c", "sum", "d"], names, strict=True)))
    origins = match(Base(diamond()), Base(after)).lineage.origins
    partners = [old for old in origins.values() if old is not None]
    assert len(partners) == len(set(partners))
