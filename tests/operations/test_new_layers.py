"""New layers in every form: made like another, one more call of one, a new input, for a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as L

from patchspec.problems import PatchError
from tests import configs
from tests.conftest import lower
from tests.nested_models import batch, outputs, same
from tests.zoo import randomised

Builds = Callable[..., Any]


def siamese() -> Any:
    """One Dense called on two inputs."""
    p, q = keras.Input((4,), name="p"), keras.Input((4,), name="q")
    twin = L.Dense(3, activation="tanh", name="twin")
    return randomised(keras.Model([p, q], [twin(p), twin(q)], name="siamese"))


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(PatchError) as caught:
        call()
    return caught.value.problems[0].code


def test_like_starts_from_the_config_of_a_layer_that_is_there(lowers: Any) -> None:
    document = configs.chain("a", "b")
    document["config"]["layers"][1]["config"]["activation"] = "tanh"
    new = "{like: a, name: twin, config: {use_bias: false}}"
    plan = lowers(document, f"- {{op: insert, after: b, new: {new}}}")
    config = plan.graph.layers["twin"].config
    assert (config["activation"], config["units"], config["use_bias"]) == ("tanh", 4, False)
    assert config["trainable"] is True


def test_like_with_another_class_takes_what_that_knows(lowers: Any) -> None:
    document = configs.chain("a", "b")
    document["config"]["layers"][1]["config"]["activation"] = "tanh"
    new = "{class: EinsumDense, like: a, name: e, config: {equation: 'ab,bc->ac', output_shape: 4}}"
    plan = lowers(document, f"- {{op: insert, after: b, new: {new}}}")
    config = plan.graph.layers["e"].config
    assert config["activation"] == "tanh"
    assert "units" not in config


def test_one_call_gets_weights_of_its_own_equal_at_the_start(builds: Builds) -> None:
    """Unsharing: ask 18 as the language says it."""
    base = siamese()
    new = "{like: twin, name: other, weights: keep}"
    variant = builds(base, f"- {{op: replace, layers: twin@1, new: {new}}}")
    assert same(outputs(variant.model), outputs(base))
    assert len(variant.model.weights) == 4
    assert {m.sources[0][1] for m in variant.plan.moves} == {"twin/vars/0", "twin/vars/1"}


def test_a_layer_made_like_another_is_initialised_unless_it_keeps(builds: Builds) -> None:
    base = siamese()
    first = "{{class: Dense, name: d, config: {{units: 4}}}}"
    step = f"- {{{{op: insert, after: twin@0, new: [{first}, {{}}]}}}}"
    fresh = builds(base, step.format("{like: twin, name: n}"), seed=1)
    kept = builds(base, step.format("{like: twin, name: n, weights: keep}"), seed=1)
    mine = [np.array(w) for w in base.get_layer("twin").weights]
    assert same([np.array(w) for w in kept.model.get_layer("n").weights], mine)
    assert not same([np.array(w) for w in fresh.model.get_layer("n").weights], mine)


def test_an_argument_that_the_class_does_not_know_is_refused_in_its_place(refuses: Any) -> None:
    new = "{like: a, name: n, config: {activaton: relu}}"
    found = refuses(configs.chain("a", "b"), f"- {{op: insert, after: b, new: {new}}}")
    assert found == [("PS211", 3)]


def test_two_layers_become_one_shared(builds: Builds) -> None:
    """Sharing: the calls of the one become calls of the other."""
    x = keras.Input((4,), name="x")
    a, b = L.Dense(4, name="a")(x), L.Dense(4, name="b")(x)
    base = randomised(keras.Model(x, [a, b]))
    variant = builds(base, "- {op: replace, layers: b, new: {layer: a}}")
    first, second = outputs(variant.model)
    assert same([first], [second])
    assert same([first], outputs(base)[:1])
    assert len(variant.model.weights) == 2
    assert variant.report["dropped"]["variables"] == 2


def test_one_more_call_reads_what_its_inputs_say(builds: Builds) -> None:
    base = siamese()
    new = "[{layer: twin, inputs: p}, {class: Add, name: s, inputs: [twin, $here]}]"
    variant = builds(base, f"- {{op: insert, after: twin@1, new: {new}}}")
    first, second = outputs(base)
    assert same(outputs(variant.model), [first, first + second])


def test_a_layer_that_is_called_takes_nothing_that_makes_a_new_one() -> None:
    step = "- {op: insert, after: a, new: {layer: b, name: n}}"
    assert code(lambda: lower(configs.chain("a", "b"), step)) == "PS216"


def test_a_new_input_comes_last_and_is_merged_in(builds: Builds) -> None:
    """Feature A18: metadata beside the image."""
    x = keras.Input((4,), name="x")
    base = randomised(keras.Model(x, L.Dense(2, name="end")(L.Dense(3, name="mid")(x))))
    new = (
        "[{class: InputLayer, name: meta, config: {shape: [2]}}, "
        "{class: Concatenate, name: cat, inputs: [$here, meta]}, "
        "{class: Dense, name: mix, config: {units: 3}}]"
    )
    variant = builds(base, f"- {{op: insert, after: mid, new: {new}}}")
    assert [t.name for t in variant.model.inputs] == ["x", "meta"]
    mid = outputs(keras.Model(x, base.get_layer("mid").output))[0]
    given = [*batch(base), np.ones((3, 2), "float32")]
    mixed = variant.model.get_layer("mix")(np.concatenate([mid, given[1]], axis=1))
    assert same(outputs(variant.model, given), [np.array(base.get_layer("end")(mixed))])


@pytest.mark.parametrize("form", ["dict", "list"])
def test_a_new_input_keeps_the_structure_of_the_inputs(form: str, lowers: Any) -> None:
    inputs = {"x": ["x", 0, 0]} if form == "dict" else [["x", 0, 0]]
    document = configs.model(
        [configs.entrance(), configs.dense("a", "x")], ["a", 0, 0], inputs=inputs
    )
    new = (
        "[{class: InputLayer, name: m, config: {shape: [4], batch_size: 2, dtype: int32}}, "
        "{class: Add, name: s, inputs: [$here, m]}]"
    )
    plan = lowers(document, f"- {{op: insert, after: a, new: {new}}}")
    wanted = {**inputs, "m": ["m", 0, 0]} if form == "dict" else [*inputs, ["m", 0, 0]]
    assert plan.document["config"]["input_layers"] == wanted
    assert plan.graph.layers["m"].config["batch_shape"] == [2, 4]
    assert plan.graph.layers["m"].config["dtype"] == "int32"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("{}", "PS213"),
        ("{shape: 4}", "PS214"),
        ("{shape: [x]}", "PS214"),
        ("{shape: [4], batch_size: 0}", "PS214"),
        ("{shape: [4], sparse: true}", "PS211"),
    ],
)
def test_a_new_input_takes_what_keras_takes(config: str, wanted: str, refuses: Any) -> None:
    new = f"{{class: InputLayer, name: m, config: {config}}}"
    [(found, _)] = refuses(configs.chain("a"), f"- {{op: insert, after: a, new: {new}}}")
    assert found == wanted


def test_an_input_that_nothing_reads_is_refused(refuses: Any) -> None:
    new = "{class: InputLayer, name: m, config: {shape: [4]}}"
    assert refuses(configs.chain("a"), f"- {{op: insert, new: {new}}}") == [("PS402", 3)]


def blocks() -> Any:
    """x -> (conv -> norm -> relu) twice."""
    x = hidden = keras.Input((8, 8, 3), name="x")
    for i in range(2):
        hidden = L.Conv2D(4, 3, name=f"conv{i}")(hidden)
        hidden = L.ReLU(name=f"relu{i}")(L.BatchNormalization(name=f"norm{i}")(hidden))
    return randomised(keras.Model(x, hidden))


RUN = "{run: [{class: Conv2D}, {class: BatchNormalization}, {class: ReLU}]}"


def test_a_run_is_replaced_as_one(builds: Builds) -> None:
    """A6: a pattern of layers by others; each match once, no match in what replaced one (T19)."""
    new = (
        "[{like: $(target), name: $(target)_new, weights: keep}, "
        "{class: ReLU, name: $(target)_relu}]"
    )
    base = blocks()
    variant = builds(base, f"- {{op: replace, layers: {RUN}, new: {new}}}")
    assert variant.plan.layers.replaced == (("conv0", "conv0_new"), ("conv1", "conv1_new"))
    assert variant.plan.layers.removed == ("norm0", "relu0", "norm1", "relu1")
    names = [layer.name for layer in variant.model.layers]
    assert names == ["x", "conv0_new", "conv0_relu", "conv1_new", "conv1_relu"]
    hidden = batch(base)[0]
    for i in range(2):
        hidden = np.maximum(np.array(base.get_layer(f"conv{i}")(hidden)), 0)
    assert same(outputs(variant.model), [hidden])


def test_other_operations_act_on_every_layer_of_a_run(builds: Builds) -> None:
    variant = builds(blocks(), f"- {{op: freeze, layers: {RUN}}}")
    assert variant.model.trainable_variables == []
