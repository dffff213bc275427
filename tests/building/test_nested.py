"""Editing inside nested models: every operation, at any depth, weights by full path."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

import patchspec
from patchspec.problems import PatchError
from patchspec.review.plans import plan_text
from patchspec.review.style import style_for
from tests.conftest import patch_of
from tests.nested_models import batch, cut, deep, named_outputs, outer, outputs, same, twice
from tests.zoo import randomised

Builds = Callable[..., Any]
DROP = "new: {class: Dropout, name: n, config: {rate: 0.5}}"


def reloaded(variant: Any, tmp_path: Path) -> Any:
    return keras.saving.load_model(variant.save(tmp_path / "variant.keras"))


def part(model: Any, path: str) -> Any:
    for name in path.split("/"):
        model = model.get_layer(name)
    return model


def test_an_insertion_inside_keeps_every_variable_and_the_file_loads(
    builds: Builds, tmp_path: Path
) -> None:
    base = outer()
    for place in ("inner/id", "block/sd1"):
        variant = builds(base, f"- {{op: insert, after: {place}, {DROP}}}")
        assert same(outputs(variant.model), outputs(base))
        assert same(outputs(reloaded(variant, tmp_path)), outputs(base))
        (tmp_path / "variant.keras").unlink()


def test_a_new_layer_inside_moves_no_weight_of_its_neighbours(
    builds: Builds, tmp_path: Path
) -> None:
    """T36: Keras's own files number layers by class, so a Dense more would shift those behind."""
    base = outer()
    new = "new: {class: Dense, name: fresh, config: {units: 4}}"
    variant = builds(base, f"- {{op: insert, before: inner/id2, {new}}}")
    for model in (variant.model, reloaded(variant, tmp_path)):
        for path in ("inner/id", "inner/id2", "block/sd1", "block/sd2", "head"):
            mine, theirs = part(model, path).get_weights(), part(base, path).get_weights()
            assert same(mine, theirs), path
    assert variant.report["initialised"] == {"variables": 2, "values": 20, "bytes": 80}


def test_a_nested_model_called_twice_is_edited_once_and_shared_still(builds: Builds) -> None:
    base = twice()
    variant = builds(base, f"- {{op: insert, after: twin/hidden, {DROP}}}")
    assert same(outputs(variant.model), outputs(base))
    assert len(variant.model.variables) - 1 == len(base.variables)  # the seed of the Dropout


@pytest.mark.parametrize("call", [0, 1])
def test_a_tensor_inside_a_model_called_twice_is_exposed_from_the_call_meant(
    builds: Builds, call: int
) -> None:
    """T8: a reference to the wrong call builds all the same."""
    base = twice()
    variant = builds(base, f"- {{op: expose-output, outputs: {{h: 'twin@{call}/hidden'}}}}")
    twin = base.get_layer("twin")
    expected = outputs(cut(twin, "hidden"), [batch(base)[call]])
    found = outputs(variant.model, batch(base))
    assert same(found[:2], outputs(base))
    assert same(found[2:], expected)


def test_which_call_of_the_nested_model_must_be_said(builds: Builds) -> None:
    with pytest.raises(PatchError) as caught:
        builds(twice(), "- {op: expose-output, outputs: {h: twin/hidden}}")
    [problem] = caught.value.problems
    assert problem.code == "PS304"
    assert "`twin@1/...`" in problem.notes[0]


def test_a_tensor_is_led_out_through_every_level(builds: Builds, tmp_path: Path) -> None:
    base = deep()
    variant = builds(base, "- {op: expose-output, outputs: {core: a/b/c/core}}")
    c = part(base, "a/b/c")
    expected = outputs(cut(c, "core"), batch(base))
    for model in (variant.model, reloaded(variant, tmp_path)):
        assert same(outputs(model), outputs(base) + expected)


def test_outputs_of_the_nested_model_are_renumbered_where_their_order_changes(
    builds: Builds, tmp_path: Path
) -> None:
    """T8: `m` stands between the keys `k` and `z`, so the second output becomes the third."""
    base = named_outputs()
    variant = builds(base, "- {op: expose-output, outputs: {mm: encoder/m}}")
    encoder = base.get_layer("encoder")
    expected = outputs(cut(encoder, "m"), batch(base))
    for model in (variant.model, reloaded(variant, tmp_path)):
        assert same(outputs(model), outputs(base) + expected)


def test_a_nested_sequential_that_gives_a_tensor_out_becomes_functional(
    builds: Builds, tmp_path: Path
) -> None:
    base = outer()
    variant = builds(base, "- {op: expose-output, outputs: {s: block/sd1}}")
    assert variant.plan.branched == ("block",)
    assert type(variant.model.get_layer("block")).__name__ == "Functional"
    assert same(outputs(variant.model)[:1], outputs(base))
    assert same(outputs(reloaded(variant, tmp_path)), outputs(variant.model))


def test_a_nested_sequential_that_stays_a_chain_stays_one(builds: Builds) -> None:
    steps = (
        f"- {{op: insert, after: block/sd1, {DROP}}}\n"
        "- {op: rename, layers: block/sd2, name: last}\n"
        "- {op: remove, layers: block/sdrop}"
    )
    variant = builds(outer(), steps)
    block = variant.model.get_layer("block")
    assert variant.plan.branched == ()
    assert isinstance(block, keras.Sequential)
    assert [layer.name for layer in block.layers] == ["sd1", "n", "last"]
    assert same(outputs(variant.model), outputs(outer()))


def test_a_branch_inside_a_nested_sequential_makes_it_functional_and_keeps_its_weights(
    builds: Builds, tmp_path: Path
) -> None:
    new = "new: {class: Add, name: skip, inputs: [block/sd1, $here]}"
    base = outer()
    variant = builds(base, f"- {{op: insert, after: block/sdrop, {new}}}")
    assert variant.plan.branched == ("block",)
    ones = [np.ones((3, 4), "float32")]
    [hidden] = outputs(cut(base.get_layer("block"), "sd1"), ones)
    assert same(outputs(cut(variant.model.get_layer("block"), "skip"), ones), [2 * hidden])
    assert same(outputs(reloaded(variant, tmp_path)), outputs(variant.model))


def test_what_a_nested_model_no_longer_has_to_make_goes_with_its_weights(builds: Builds) -> None:
    base = outer()
    variant = builds(base, "- {op: extract, outputs: {h: block/sd1}}")
    assert [layer.name for layer in variant.model.get_layer("block").layers] == ["block_in", "sd1"]
    assert variant.report["dropped"]["variables"] == 4
    hidden = outputs(base.get_layer("inner"), batch(base))
    assert same(outputs(variant.model), outputs(cut(base.get_layer("block"), "sd1"), hidden))


def test_a_bare_extract_drops_what_leads_nowhere_inside_a_nested_model_too(builds: Builds) -> None:
    base = deep()
    steps = "- {op: rewire, layers: a/b/c/tail, inputs: a/b/c/c_in}\n- {op: extract}"
    variant = builds(base, steps)
    assert variant.plan.layers.removed == ("a/b/c/core",)
    assert variant.report["dropped"]["variables"] == 2
    [x] = batch(base)
    expected = base.get_layer("head")(part(base, "a/b/c/tail")(x))
    assert same(outputs(variant.model), [np.asarray(expected)])


def test_a_renamed_nested_model_keeps_the_weights_of_all_its_layers(builds: Builds) -> None:
    steps = (
        "- {op: rename, layers: inner/id, name: first}\n"
        "- {op: rename, layers: inner, name: encoder}\n"
        "- {op: freeze, layers: encoder/first}"
    )
    variant = builds(outer(), steps)
    assert variant.plan.layers.renamed == (("inner", "encoder"), ("inner/id", "encoder/first"))
    assert same(outputs(variant.model), outputs(outer()))
    assert part(variant.model, "encoder/first").trainable is False


def test_a_replacement_inside_can_keep_the_variables_of_the_old_layer(
    builds: Builds,
) -> None:
    new = "{class: Dense, name: wide, config: {units: 3}, weights: keep}"
    variant = builds(outer(), f"- {{op: replace, layers: block/sd2, new: {new}}}")
    assert same(outputs(variant.model), outputs(outer()))
    assert variant.plan.layers.replaced == (("block/sd2", "block/wide"),)


def test_removing_a_nested_model_drops_every_variable_inside(builds: Builds) -> None:
    new = "{class: Dense, config: {units: 2}, weights: init}"
    steps = f"- {{op: remove, layers: block}}\n- {{op: replace, layers: head, new: {new}}}"
    variant = builds(outer(), steps)
    assert {m.path for m in variant.plan.moves if m.action == "dropped"} >= {
        "block/sd1/vars/0",
        "block/sd2/vars/1",
    }


def test_a_layer_reads_only_tensors_of_the_model_that_it_lies_in(builds: Builds) -> None:
    faults = {
        "- {op: rewire, layers: inner/id2, inputs: {'0': x}}": "another model",
        "- {op: rewire, layers: head, inputs: [inner/id]}": "another model",
        "- {op: insert, after: inner/id, new: {class: Add, name: s, inputs: [$here, id]}}": "id",
    }
    for steps, said in faults.items():
        with pytest.raises(PatchError) as caught:
            builds(outer(), steps)
        [problem] = caught.value.problems
        assert problem.code in ("PS415", "PS301")
        assert said in problem.message
        assert problem.hint


def test_an_edit_inside_is_blamed_for_what_no_longer_fits_behind_it(builds: Builds) -> None:
    with pytest.raises(PatchError) as caught:
        builds(
            outer(),
            "- {op: freeze, layers: head}\n"
            "- {op: replace, layers: inner/id2, new: {class: Dense, config: {units: 7}}}",
        )
    [problem] = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("PS411", 4)


def test_a_wrapper_addresses_its_inner_layer_as_a_step(builds: Builds) -> None:
    """B3: the path of what it holds."""
    x = keras.Input((5, 4), name="x")
    h = L.TimeDistributed(L.Dense(4, name="inside"), name="td")(x)
    out = L.Bidirectional(L.LSTM(3, name="lstm"), name="bi")(h)
    base = randomised(keras.Model(x, out))
    steps = (
        "- {op: set, layers: td/inside, config: {activation: relu}}\n"
        "- {op: freeze, layers: bi/forward_lstm}"
    )
    variant = builds(base, steps)
    assert variant.model.get_layer("td").layer.activation is keras.activations.relu
    assert variant.model.get_layer("bi").forward_layer.trainable is False
    assert len(variant.model.trainable_variables) == len(base.trainable_variables) - 3
    with pytest.raises(PatchError) as caught:
        builds(base, f"- {{op: insert, after: td/inside, {DROP}}}")
    assert caught.value.problems[0].code == "PS415"


def test_the_base_is_untouched_by_edits_inside_it(builds: Builds) -> None:
    """T38: neither config nor values are shared."""
    base = outer()
    config, before = base.to_json(), [np.array(v) for v in base.variables]
    variant = builds(base, f"- {{op: insert, after: inner/id, {DROP}}}")
    variant.model.compile(optimizer="sgd", loss="mse")
    variant.model.fit(batch(base)[0], np.zeros((3, 2)), verbose=0)
    assert base.to_json() == config
    assert same([np.array(v) for v in base.variables], before)


def test_a_model_five_levels_deep_accounts_for_every_variable_once(builds: Builds) -> None:
    """T78: counters of recursive reports must not add up what they counted below."""
    model: Any = None
    for level in range(5):
        entrance = keras.Input((4,), name=f"in{level}")
        hidden = entrance if model is None else model(entrance)
        model = keras.Model(entrance, L.Dense(4, name=f"d{level}")(hidden), name=f"level{level}")
    base = randomised(model)
    path = "level3/level2/level1/level0/d0"
    variant = builds(base, f"- {{op: freeze, layers: {path}}}")
    assert variant.report["kept"]["variables"] == len(base.variables)
    assert part(variant.model, path).trainable is False


def test_the_same_path_selects_on_the_command_line_and_in_a_plan_without_keras(sample: Any) -> None:
    base = patchspec.open_base(sample("nested"))
    plan = patchspec.resolve(
        patch_of("- {op: insert, after: inner/id, new: {class: ReLU, name: r}}"), base, shapes=False
    )
    assert plan.layers.added == ("inner/r",)
    assert plan.layers.rewired != () or plan.graph.layer("inner").inner is not None


def in_a_row(kind: str) -> Any:
    """A Sequential that holds a nested model of two layers of one width, and a head."""
    if kind == "Sequential":
        inner: Any = keras.Sequential(
            [keras.Input((4,)), L.Dense(4, "tanh", name="a"), L.Dense(4, name="b")], name="inner"
        )
    else:
        x = keras.Input((4,))
        inner = keras.Model(x, L.Dense(4, name="b")(L.Dense(4, "tanh", name="a")(x)), name="inner")
    return randomised(keras.Sequential([keras.Input((4,)), inner, L.Dense(6, name="head")]))


@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
def test_a_tensor_inside_a_model_of_a_sequential_becomes_its_lone_output(
    builds: Builds, kind: str
) -> None:
    base = in_a_row(kind)
    variant = builds(base, "- {op: extract, outputs: inner/a}").model
    x = np.random.default_rng(1).random((3, 4), "float32")
    expected = base.get_layer("inner").get_layer("a")(x)
    assert np.array_equal(expected, variant(x))
    assert [w.name for w in variant.weights] == ["kernel", "bias"]


@pytest.mark.parametrize("kind", ["Sequential", "Functional"])
def test_a_renamed_model_leaves_the_sequential_around_it_one(builds: Builds, kind: str) -> None:
    base = in_a_row(kind)
    variant = builds(base, "- {op: rename, layers: inner, name: core}")
    assert variant.plan.branched == ()
    assert type(variant.model) is keras.Sequential
    x = np.random.default_rng(1).random((3, 4), "float32")
    assert np.array_equal(base(x), variant.model(x))


def wrapping() -> Any:
    """A Bidirectional, a TimeDistributed Sequential, an RNN of two cells, and a head."""
    x = keras.Input((5, 4), name="x")
    y = L.Bidirectional(L.LSTM(3, return_sequences=True, name="ls"), name="bi")(x)
    y = L.TimeDistributed(keras.Sequential([L.Dense(4, name="q")], name="inn"), name="td")(y)
    cells = L.StackedRNNCells([L.LSTMCell(3, name="c1"), L.GRUCell(2, name="c2")], name="cells")
    y = L.RNN(cells, name="rnn")(y)
    return randomised(keras.Model(x, L.Dense(2, name="h")(y)))


@pytest.mark.parametrize(
    ("selector", "said"),
    [
        ("bi/forward_ls", ["forward_ls/trainable true -> false"]),
        ("td/inn/q", ["inn/q/trainable true -> false"]),
        ("rnn/cells/c1", ["cells/c1/trainable true -> false"]),
        ('"**"', ["inn/q/trainable true -> false", "h  trainable true -> false"]),
    ],
)
def test_a_plan_says_what_it_freezes_inside_wrappers_and_what_still_trains(
    builds: Builds, selector: str, said: list[str]
) -> None:
    variant = builds(wrapping(), f"- {{op: freeze, layers: {selector}}}")
    trained = sum(int(np.prod(w.shape)) for w in variant.model.trainable_weights)
    assert variant.plan.parameters["after"]["trainable"] == trained
    text = plan_text(variant.plan, style_for(io.StringIO()))
    assert all(one in text for one in said)


def test_a_plan_says_what_a_set_changes_inside_a_wrapper(builds: Builds) -> None:
    step = "- {op: set, layers: bi/forward_ls, config: {activation: relu}}"
    text = plan_text(builds(wrapping(), step).plan, style_for(io.StringIO()))
    assert '~ changed  bi  forward_ls/activation "tanh" -> "relu"' in text
