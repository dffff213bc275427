"""replace: new layers in the place of old ones; every call is kept, readers follow."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from tests import configs
from tests.conftest import patch_of
from tests.operations.test_insert import outs, reads

HEAD = "{class: Dense, name: head, config: {units: 2}}"


def test_readers_follow(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), f"- {{op: replace, layers: a, new: {HEAD}}}")
    assert (reads(plan, "head"), reads(plan, "b")) == (["x"], ["head"])
    assert plan.layers.replaced == (("a", "head"),)


def test_a_lone_new_layer_takes_the_name(lowers: Any) -> None:
    plan = lowers(configs.chain("a", "b"), "- {op: replace, layers: b, new: {class: ReLU}}")
    assert outs(plan) == ["b"]
    assert plan.graph.layers["b"].class_name == "ReLU"


def test_each_match_is_replaced_once(lowers: Any) -> None:
    """T19, T20: neighbours that match are all replaced, what replaces them is not."""
    step = (
        "- {op: replace, layers: {class: Dense}, new: [{class: ReLU, name: r_$(target)}, "
        "{class: Dense, name: d_$(target), config: {units: 4}}]}"
    )
    plan = lowers(configs.chain("a", "b"), step)
    assert list(plan.graph.order.layers) == ["x", "r_a", "d_a", "r_b", "d_b"]


def test_every_call_is_kept(lowers: Any) -> None:
    plan = lowers(configs.shared(), f"- {{op: replace, layers: twin, new: {HEAD}}}")
    assert reads(plan, "head") == ["p", "q"]
    assert reads(plan, "total") == ["head", "head@1"]


def test_one_call_is_replaced_and_the_others_renumbered(lowers: Any) -> None:
    plan = lowers(configs.shared(), f'- {{op: replace, layers: "twin@0", new: {HEAD}}}')
    assert reads(plan, "total") == ["head", "twin"]
    assert reads(plan, "twin") == ["q"]


def test_a_frozen_layer_is_replaced_by_a_frozen_one(lowers: Any) -> None:
    document = configs.chain("a")
    document["config"]["layers"][1]["config"]["trainable"] = False
    plan = lowers(document, f"- {{op: replace, layers: a, new: {HEAD}}}")
    assert plan.graph.layers["head"].config["trainable"] is False


def test_idle_call_arguments_go_and_others_are_refused(lowers: Any, refuses: Any) -> None:
    """D8, T12: a call keeps its arguments when its layer is replaced."""
    for training, expected in ((None, {}), (False, {})):
        document = configs.chain("a")
        document["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": training}
        plan = lowers(document, "- {op: replace, layers: a, new: {class: ReLU, name: r}}")
        assert plan.graph.layers["r"].calls[0].data["kwargs"] == expected
    document["config"]["layers"][1]["inbound_nodes"][0]["kwargs"] = {"training": True}
    step = "- {op: replace, layers: a, new: {class: ReLU, name: r}}"
    assert refuses(document, step) == [("PS419", 3)]
    kept = lowers(
        document, "- {op: replace, layers: a, new: {class: Dropout, name: r, config: {rate: 0.1}}}"
    )
    assert kept.graph.layers["r"].calls[0].data["kwargs"] == {"training": True}


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("{op: replace, layers: x, new: {class: ReLU, name: r}}", "PS405"),
        ("{op: replace, layers: nosuch, new: {class: ReLU, name: r}}", "PS301"),
        ("{op: replace, layers: a, new: {class: ReLU, name: b}}", "PS306"),
        ("{op: replace, layers: a, new: [{class: ReLU}, {class: ReLU, name: r}]}", "PS213"),
    ],
)
def test_what_cannot_be_replaced_is_refused(refuses: Any, step: str, code: str) -> None:
    assert refuses(configs.chain("a", "b"), f"- {step}") == [(code, 3)]


def model() -> Any:
    keras.utils.set_random_seed(1)
    x = keras.Input((4,), name="x")
    a = keras.layers.Dense(4, name="a")(x)
    return keras.Model(x, keras.layers.Dense(2, name="b")(a))


def code(steps: str) -> list[str]:
    with pytest.raises(patchspec.PatchError) as caught:
        patchspec.resolve(patch_of(steps), model())
    return [p.code for p in caught.value.problems]


def test_a_twin_of_the_old_variables_must_say_keep_or_init(builds: Any) -> None:
    """T30: a file would give the old values to a new layer of the same shape."""
    step = "- {{op: replace, layers: a, new: {{class: Dense, name: n, config: {{units: 4}}{}}}}}"
    assert code(step.format("")) == ["PS503", "PS503"]
    base = model()
    kept = builds(base, step.format(", weights: keep")).model
    fresh = builds(base, step.format(", weights: init")).model
    theirs = base.get_layer("a").get_weights()
    assert np.array_equal(kept.get_layer("n").get_weights()[0], theirs[0])
    assert not np.array_equal(fresh.get_layer("n").get_weights()[0], theirs[0])


def test_a_rule_by_variable_keeps_some(builds: Any) -> None:
    step = (
        "- {op: replace, layers: a, new: {class: Dense, name: n, config: {units: 4}, "
        "weights: {kernel: keep, '*': init}}}"
    )
    moves = {m.name: m.action for m in builds(model(), step).plan.moves if m.path.startswith("n/")}
    assert moves == {"kernel": "kept", "bias": "initialised"}


def test_what_cannot_be_kept_is_refused() -> None:
    step = (
        "- {{op: replace, layers: {}, new: {{class: Dense, name: n, "
        "config: {{units: {}}}, weights: {}}}}}"
    )
    assert code(step.format("b", 3, "keep")) == ["PS501", "PS501"]
    assert code(step.format("a", 4, "{gamma: keep, '*': init}")) == ["PS504"]
    insert = (
        "- {op: insert, after: a, new: {class: Dense, name: n, config: {units: 4}, weights: keep}}"
    )
    assert code(insert) == ["PS504"]


def test_an_output_that_is_read_inside_too_is_redirected_in_both(lowers: Any) -> None:
    """T17: the output would lose its producer."""
    document = configs.chain("a", "b", "c")
    document["config"]["output_layers"] = [["b", 0, 0], ["c", 0, 0]]
    plan = lowers(document, f"- {{op: replace, layers: b, new: {HEAD}}}")
    assert (outs(plan), reads(plan, "c")) == (["head", "c"], ["head"])


def test_tensors_that_a_call_takes_by_name_are_kept(lowers: Any) -> None:
    """T12: a recurrent layer in the place of another starts from the same state."""
    call = configs.node(
        configs.tensor("x"), initial_state=[configs.tensor("h"), configs.tensor("c")]
    )
    layers = [*map(configs.entrance, "xhc"), configs.layer("LSTM", "old", [call], units=4)]
    document = configs.model(layers, ["old", 0, 0])
    new = "{class: LSTM, name: new, config: {units: 4}}"
    plan = lowers(document, f"- {{op: replace, layers: old, new: {new}}}")
    assert reads(plan, "new") == ["x", "h", "c"]
    assert plan.graph.layers["new"].calls[0].data["kwargs"].keys() == {"initial_state"}


def test_a_nested_layer_is_made_like_itself_under_its_own_name(lowers: Any) -> None:
    step = "- {op: replace, layers: inner/id, new: {like: $(target), name: f, weights: keep}}"
    plan = lowers(configs.nested(), step)
    assert plan.replaces == {"inner/f": "inner/id"}


def test_a_layer_takes_name_and_place_of_a_nested_model_that_is_an_output(lowers: Any) -> None:
    inside = configs.nested()["config"]["layers"][1]
    document = configs.model([configs.entrance(), inside], [["inner", 1, 0]])
    plan = lowers(
        document,
        "- {op: replace, layers: inner, new: {class: Dense, config: {units: 4}}}",
    )
    assert plan.document["config"]["output_layers"] == [["inner", 0, 0]]
    assert [str(slot.tensor) for slot in plan.graph.outputs] == ["inner"]
