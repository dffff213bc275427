"""The live model: every variable in its place, state carried, the base untouched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.base import Base
from patchspec.models.opening import open_base
from patchspec.problems import PatchError
from tests.configs import chain
from tests.conftest import SAMPLES, patch_of
from tests.nested_models import outer
from tests.zoo import randomised, values

BUILT = [
    "functional_linear", "nested", "shared", "mha_kwargs", "lstm_state_mask", "ops_nodes",
    "functional_dict_io", "functional_list_io", "functional_onelist_io", "composite",
    "compiled_adam", "nested_multi_call", "training_kwarg", "dtype_policies", "assets", "seeded",
]  # fmt: skip


def array(value: Any) -> Any:
    return np.asarray(keras.ops.convert_to_numpy(value))


@pytest.mark.parametrize("name", BUILT)
def test_the_empty_patch_of_a_file_is_the_identity(name: str, tmp_path: Any) -> None:
    """T24: lists of one and dicts of inputs and outputs included."""
    path = SAMPLES / f"{name}.keras"
    variant = patchspec.apply(path, patch_of([]))
    saved = variant.save(tmp_path / "v.keras")
    mine, theirs = open_base(saved), open_base(path)
    assert mine.state == theirs.state
    assert mine.architecture == theirs.architecture
    assert mine.variables is not None
    assert theirs.variables is not None
    assert mine.variables.keys() == theirs.variables.keys()
    reference = keras.saving.load_model(path, compile=False)
    loaded = keras.saving.load_model(saved, compile=False)
    assert json.loads(loaded.to_json())["config"] == json.loads(reference.to_json())["config"]
    pairs = zip(loaded.weights, reference.weights, strict=True)
    assert all(np.array_equal(array(a), array(b)) for a, b in pairs)


@pytest.mark.parametrize("name", ["functional_linear", "nested", "composite", "lstm_state_mask"])
def test_live_and_file_have_one_state(name: str) -> None:
    path = SAMPLES / f"{name}.keras"
    live = patchspec.open_base(keras.saving.load_model(path, compile=False))
    assert live.state == open_base(path).state
    assert live.architecture == open_base(path).architecture


def twins() -> Any:
    """a and b are of one class and shape: positions would swap them without a word."""
    x = keras.Input((4,), name="x")
    a = keras.layers.Dense(4, name="a")(x)
    return randomised(keras.Model(x, keras.layers.Dense(4, name="b")(a)))


def test_a_new_layer_of_the_same_class_takes_nobody_s_weights(builds: Any, tmp_path: Any) -> None:
    """T30: Keras's files number layers by class, so a new one shifts those behind."""
    model = twins()
    variant = builds(
        model, "- {op: insert, after: x, new: {class: Dense, name: new, config: {units: 4}}}"
    )
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    for name in ("a", "b"):
        theirs = model.get_layer(name).get_weights()
        assert np.array_equal(loaded.get_layer(name).get_weights()[0], theirs[0])
    fresh = loaded.get_layer("new").get_weights()[0]
    assert not any(np.array_equal(fresh, model.get_layer(n).get_weights()[0]) for n in "ab")


def test_weights_follow_layers_that_change_places(builds: Any) -> None:
    model = twins()
    variant = builds(
        model,
        """
- {op: rewire, layers: b, inputs: x}
- {op: extract, outputs: b}
""",
    )
    assert np.array_equal(variant.model.get_layer("b").kernel, model.get_layer("b").kernel)


def test_two_layers_of_one_shape_that_swap_places_keep_their_own_weights(builds: Any) -> None:
    """T31: `set_weights` goes by position, so each would get the other's without an error."""
    model = twins()
    steps = """
- {op: rewire, layers: b, inputs: x}
- {op: rewire, layers: a, inputs: b}
- {op: extract, outputs: a}
"""
    variant = builds(model, steps).model
    assert [layer.name for layer in variant.layers] == ["x", "b", "a"]
    for name in ("a", "b"):
        mine, theirs = variant.get_layer(name).get_weights(), model.get_layer(name).get_weights()
        assert all(np.array_equal(p, q) for p, q in zip(mine, theirs, strict=True))


def test_a_plan_can_be_built_twice_and_stays_as_it_is() -> None:
    """T3: Keras empties the config that it makes a model of."""
    step = "- {op: insert, after: a, new: {class: Dense, name: n, config: {units: 2}}}"
    plan = patchspec.resolve(patch_of(f"{step}\n- {{op: extract, outputs: n}}"), twins())
    before = json.dumps(plan.document)
    first, second = patchspec.build(plan), patchspec.build(plan)
    assert json.dumps(plan.document) == before
    assert first.model is not second.model
    assert first.state == second.state


def test_a_build_that_fails_leaves_the_base_as_it_was(builds: Any) -> None:
    """D11, T48: neither a copy of a part nor a trace in the model."""
    model = twins()
    config, before = model.to_json(), values(model)
    links = [len(x._outbound_nodes) for x in model.layers]
    new = "{class: Reshape, name: r, config: {target_shape: [3]}}"
    with pytest.raises(PatchError):
        builds(model, f"- {{op: freeze, layers: a}}\n- {{op: insert, after: b, new: {new}}}")
    assert model.to_json() == config
    assert [len(x._outbound_nodes) for x in model.layers] == links
    after = values(model)
    assert all(np.array_equal(before[path], after[path]) for path in before)


def test_a_live_config_is_taken_as_json_has_it(builds: Any) -> None:
    """T68: a live config holds tuples, a file lists, and both are one model."""
    x = keras.Input((8, 8, 3), name="x")
    model = keras.Model(x, keras.layers.Conv2D(2, (3, 3), name="c")(x))
    assert isinstance(model.get_layer("c").get_config()["strides"], tuple)
    document = patchspec.open_base(model).document
    assert json.loads(json.dumps(document)) == document
    variant = builds(model, "- {op: set, layers: c, config: {strides: [2, 1]}}")
    assert variant.model.output_shape == (None, 3, 6, 2)


def test_an_odd_name_that_keras_takes_stays_and_can_be_referred_to(
    builds: Any, tmp_path: Path
) -> None:
    """T28: only `/` is refused by Keras."""
    out = x = keras.Input((4,), name="x")
    for name in ("a:0", "1", "a~b", "a b"):
        out = keras.layers.Dense(4, name=name)(out)
    steps = """
- {op: insert, after: {layer: 'a:0'}, new: {class: ReLU, name: r}}
- {op: rename, layers: '1', name: one}
- {op: freeze, layers: 'a~b'}
"""
    variant = builds(randomised(keras.Model(x, out)), steps)
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert [layer.name for layer in loaded.layers] == ["x", "a:0", "r", "one", "a~b", "a b"]


def test_a_renamed_layer_keeps_its_weights_and_a_new_one_of_the_old_name_does_not(
    builds: Any,
) -> None:
    """C15: the move is declared, so the new layer of that name is another."""
    model = twins()
    variant = builds(
        model,
        """
- {op: rename, layers: a, name: c}
- {op: insert, after: c, new: {class: Dense, name: a, config: {units: 4}}}
""",
    )
    assert np.array_equal(variant.model.get_layer("c").kernel, model.get_layer("a").kernel)
    assert not np.array_equal(variant.model.get_layer("a").kernel, model.get_layer("a").kernel)


def test_the_base_is_untouched_by_the_training_of_the_variant(builds: Any) -> None:
    """T38: a variant that shares variables or nodes with its base would train both."""
    model = twins()
    before, links = values(model), [len(x._outbound_nodes) for x in model.layers]
    variant = builds(model, "- {op: insert, after: a, new: {class: ReLU, name: r}}").model
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    warm = model.predict(x, verbose=0)
    variant.compile("sgd", "mse")
    variant.fit(x, x, verbose=0)
    after = values(model)
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[k], after[k]) for k in before)
    assert [len(x._outbound_nodes) for x in model.layers] == links
    assert np.array_equal(model.predict(x, verbose=0), warm)


def test_a_variant_is_the_same_whether_or_not_the_base_has_predicted(builds: Any) -> None:
    """T2: a layer changed in place computes as before in a `predict` compiled already."""
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    step = "- {op: set, layers: a, config: {activation: relu}}"
    model = twins()
    cold = builds(model, step).model.predict(x, verbose=0)
    model.predict(x, verbose=0)
    assert np.array_equal(builds(model, step).model.predict(x, verbose=0), cold)


def test_the_state_that_a_recurrent_layer_keeps_between_batches_is_carried(
    builds: Any, tmp_path: Path
) -> None:
    """E7, T34: from a live model it goes along; a file has no place for it, as is reported."""
    x = keras.Input(batch_shape=(2, 3, 4), name="x")
    model = randomised(keras.Model(x, keras.layers.LSTM(5, stateful=True, name="s")(x)))
    data = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    fresh = model.predict(data, verbose=0)
    variant = builds(model, [])
    assert variant.findings == ()
    second = model.predict(data, verbose=0)
    assert not np.array_equal(second, fresh)
    assert np.array_equal(variant.model.predict(data, verbose=0), second)
    from_file = builds(variant.save(tmp_path / "s.keras"), [])
    assert [finding.problem.code for finding in from_file.findings] == ["PS507"]
    assert np.array_equal(from_file.model.predict(data, verbose=0), fresh)


def test_an_idle_generator_is_not_reported(builds: Any, tmp_path: Path) -> None:
    x = keras.Input((3, 4), name="x")
    keras.Model(x, keras.layers.LSTM(5, name="s")(x)).save(tmp_path / "m.keras")
    assert builds(tmp_path / "m.keras", []).findings == ()


def test_the_bias_of_a_new_lstm_is_portable_and_that_of_keras(builds: Any) -> None:
    x = keras.Input((3, 4), name="x")
    base = keras.Model(x, keras.layers.Dense(4, name="d")(x))
    new = "{class: LSTM, name: s, config: {units: 3}}"
    variant = builds(base, f"- {{op: insert, after: d, new: {new}}}")
    assert variant.findings == ()
    bias = variant.model.get_layer("s").cell.bias
    assert np.array(bias).tolist() == [0.0] * 3 + [1.0] * 3 + [0.0] * 6


@keras.saving.register_keras_serializable("patchspec_tests")
class Short(keras.layers.Layer):
    """A layer with a mistake of its own, of the kind that Keras takes for a broken graph."""

    def call(self, inputs: Any) -> Any:
        return [inputs][len(self.name)]


def test_a_mistake_inside_a_custom_layer_is_shown_as_it_is(builds: Any) -> None:
    """T7: Keras takes an IndexError of a layer for a loop in the graph."""
    step = "- {op: insert, after: a, new: {class: patchspec_tests>Short, name: g}}"
    with pytest.raises(PatchError, match="list index out of range"):
        builds(twins(), step, custom_objects={"patchspec_tests>Short": Short})


def test_every_variable_of_a_bidirectional_layer_has_a_path_of_its_own(builds: Any) -> None:
    """T35: six variables have three names."""
    x = keras.Input((5, 3), name="x")
    bi = keras.layers.Bidirectional(keras.layers.LSTM(2), name="bi")(x)
    model = randomised(keras.Model(x, bi))
    base = patchspec.open_base(model)
    assert base.variables is not None
    assert min(base.variables) == "bi/backward_layer/cell/vars/0"
    assert len(base.variables) == 6
    pairs = zip(builds(model, []).model.weights, model.weights, strict=True)
    assert all(np.array_equal(array(p), array(q)) for p, q in pairs)


def test_transfer_counts_sum_up_in_deep_nesting(builds: Any) -> None:
    """T78: counters that add up what they counted below would say more."""

    def nest(depth: int) -> Any:
        i = keras.Input((3,), name=f"i{depth}")
        h = keras.layers.Dense(3, name=f"d{depth}")(i)
        return keras.Model(i, nest(depth - 1)(h) if depth else h, name=f"m{depth}")

    model = randomised(nest(4))
    variant = builds(model, [])
    assert variant.report["kept"]["variables"] == len(model.variables) == 10
    assert variant.report["kept"]["values"] == model.count_params()


def test_normalization_computes_with_what_it_was_adapted_to(builds: Any, tmp_path: Any) -> None:
    """E7, T32: what it computes with is derived from its variables, not read from them."""
    norm = keras.layers.Normalization(name="norm")
    data = np.random.default_rng(0).normal(7, 3, (64, 2)).astype("float32")
    norm.adapt(data)
    x = keras.Input((2,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="d")(norm(x)))
    variant = builds(model, [])
    assert np.array_equal(variant.model(data), model(data))
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert np.array_equal(loaded(data), model(data))


def test_vocabularies_come_along_live_and_through_files(builds: Any, tmp_path: Any) -> None:
    """E7, T33: a vocabulary is state, and no variable."""
    path = SAMPLES / "assets.keras"
    model = keras.saving.load_model(path)
    variant = builds(path, [])
    again = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    live = builds(model, []).model
    for layer in model.layers:
        if hasattr(layer, "get_vocabulary"):
            for other in (variant.model, again, live):
                assert other.get_layer(layer.name).get_vocabulary() == layer.get_vocabulary()


def test_the_state_of_generators_goes_from_live_to_live_and_is_reported_from_files(
    builds: Any,
) -> None:
    """E7, T34: `set_weights` does not carry the state of a generator."""
    path = SAMPLES / "seeded.keras"
    model = keras.saving.load_model(path)
    drop = next(x for x in model.layers if hasattr(x, "seed_generator"))
    drop.seed_generator.state.assign([5, 9])
    live = builds(model, []).model.get_layer(drop.name)
    assert array(live.seed_generator.state).tolist() == [5, 9]
    assert "PS507" in [f.problem.code for f in builds(path, []).findings]


def test_flags_are_exact_for_the_model_too(builds: Any) -> None:
    """E11, T39: a clone forgets the model's own flag."""
    model = twins()
    model.trainable = False
    variant = builds(model, []).model
    assert not variant.trainable
    assert [x.trainable for x in variant.layers[1:]] == [x.trainable for x in model.layers[1:]]


def test_flags_of_a_nested_model_and_of_its_layers_are_each_their_own(builds: Any) -> None:
    """E11, T39: a recursive clone would set the flags inside by the flag around them."""
    entrance = keras.Input((4,), name="i")
    first = keras.layers.Dense(4, name="first")(entrance)
    inner = keras.Model(entrance, keras.layers.Dense(4, name="last")(first), name="inner")
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(1, name="head")(inner(x)))
    inner.trainable = False
    inner.get_layer("last").trainable = True
    copied = builds(model, []).model.get_layer("inner")
    assert copied.trainable is False
    assert [copied.get_layer(n).trainable for n in ("first", "last")] == [False, True]


def test_an_embedding_that_is_the_projection_too_is_one_variable(builds: Any) -> None:
    """T45: a variable with two uses is not untied."""
    x = keras.Input((5,), name="x", dtype="int32")
    tied = keras.layers.ReversibleEmbedding(9, 4, name="tied")
    hidden = keras.layers.Dense(4, name="h")(tied(x))
    model = randomised(keras.Model(x, tied(hidden, reverse=True)))
    step = "- {op: insert, after: h, new: {class: Activation, name: l, config: "
    variant = builds(model, step + "{activation: linear}}}").model
    assert len({id(v) for v in variant.variables}) == len(model.variables) == 3
    ids = np.arange(5)[None]
    assert np.array_equal(array(variant(ids)), array(model(ids)))


def test_a_loss_follows_its_output_to_the_layer_put_behind_it(builds: Any) -> None:
    """E9, T44: the output is called after its last layer; `fit` looks for a loss of that name."""
    x = keras.Input((4,), name="x")
    ends = [keras.layers.Dense(2, name="cls")(x), keras.layers.Dense(1, name="size")(x)]
    model = keras.Model(x, ends)
    model.compile("sgd", loss={"cls": "mse", "size": "mae"}, loss_weights={"cls": 2, "size": 1})
    built = builds(model, "- {op: insert, after: cls, new: {class: Softmax, name: act}}")
    assert [f.problem.code for f in built.findings] == ["PS430"]
    variant = built.model
    compiled = variant.get_compile_config()
    assert compiled["loss"] == {"act": "mse", "size": "mae"}
    assert compiled["loss_weights"] == {"act": 2, "size": 1}
    variant.fit(np.ones((4, 4)), [np.ones((4, 2)), np.ones((4, 1))], verbose=0)


def test_shared_weights_stay_shared(builds: Any) -> None:
    """E8, T45: called twice, a layer has its variables once."""
    variant = builds(SAMPLES / "shared.keras", []).model
    reference = keras.saving.load_model(SAMPLES / "shared.keras")
    assert len({id(v) for v in variant.variables}) == len({id(v) for v in reference.variables})


def test_sharing_between_levels_is_refused_live_and_from_a_file() -> None:
    """T37: Keras makes two layers of one that is used at two levels."""
    shared = keras.layers.Dense(3, name="s")
    i = keras.Input((3,), name="i")
    inner = keras.Model(i, shared(i), name="inner")
    x = keras.Input((3,), name="x")
    model = keras.Model(x, shared(inner(x)))
    for base in (model, SAMPLES / "shared_across_levels.keras"):
        with pytest.raises(PatchError) as caught:
            patchspec.open_base(base)
        assert caught.value.problems[0].code == "PS505"


@pytest.mark.parametrize("seed", [0, 3])
def test_new_layers_are_the_same_in_every_build(builds: Any, seed: int) -> None:
    """T42: Keras draws new values in every build."""
    steps = """
- op: insert
  after: d1
  new:
    - {class: Dense, name: n, config: {units: 4}}
    - {class: Dropout, name: o, config: {rate: 0.5}}
"""
    path = SAMPLES / "functional_linear.keras"
    one, other = (builds(path, steps, seed=seed) for _ in range(2))
    assert one.state == other.state
    assert one.state != builds(path, steps, seed=seed + 1).state


@keras.saving.register_keras_serializable("patchspec_tests")
class Guess(keras.layers.Layer):
    """A layer whose variable starts from code of its own."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(
            shape=(shape[-1],), initializer=lambda shape, dtype: keras.ops.full(shape, 0.5, dtype)
        )

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale


def test_an_initial_value_that_comes_from_code_is_found_and_said(builds: Any) -> None:
    step = "- {op: insert, after: a, new: {class: patchspec_tests>Guess, name: g}}"
    variant = builds(twins(), step, custom_objects={"patchspec_tests>Guess": Guess})
    assert [finding.problem.code for finding in variant.findings] == ["PS506"]
    assert np.array_equal(array(variant.model.get_layer("g").scale), [0.5] * 4)


@keras.saving.register_keras_serializable("patchspec_tests")
class Counter(keras.layers.Layer):
    """A layer that makes a variable of a value, and one of an initializer before it."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")
        self.start = keras.Variable(np.float32(3), name="start")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale + self.start


def test_a_variable_made_of_a_value_is_carried_and_starts_with_it(builds: Any) -> None:
    known = {"patchspec_tests>Counter": Counter}
    step = "- {op: insert, after: a, new: {class: patchspec_tests>Counter, name: c}}"
    first = builds(twins(), step, custom_objects=known)
    counter = first.model.get_layer("c")
    assert [move.path for move in first.plan.moves if move.action == "initialised"] == [
        "c/vars/0",
        "c/vars/1",
    ]
    assert float(array(counter.start)) == 3
    counter.start.assign(7)
    second = builds(first.model, "- {op: rename, layers: b, name: last}")
    assert float(array(second.model.get_layer("c").start)) == 7


def test_a_recurrent_layer_starts_as_keras_starts_it(builds: Any) -> None:
    x = keras.Input((5, 3), name="x")
    model = keras.Model(x, keras.layers.Dense(2, name="d")(x))
    steps = "- {op: insert, after: d, new: {class: LSTM, name: n, config: {units: 3}}}"
    variant = builds(model, steps)
    kernel, recurrent, bias = variant.model.get_layer("n").get_weights()
    assert bias.tolist() == [0] * 3 + [1] * 3 + [0] * 6
    assert np.allclose(recurrent @ recurrent.T, np.eye(3), atol=1e-5)
    assert kernel.std() > 0


def test_compile_config_and_optimizer_state_are_carried_where_they_fit(
    builds: Any, tmp_path: Any
) -> None:
    """T43: a clone starts its optimizer at 0 and forgets the compile config."""
    path = SAMPLES / "compiled_adam.keras"
    reference = keras.saving.load_model(path)
    variant = builds(path, "- {op: rename, layers: d1, name: one}")
    assert variant.model.get_compile_config() == reference.get_compile_config()
    mine = [array(v) for v in variant.model.optimizer.variables]
    theirs = [array(v) for v in reference.optimizer.variables]
    assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
    again = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert int(array(again.optimizer.iterations)) == int(array(reference.optimizer.iterations))
    frozen = builds(path, "- {op: freeze, layers: d1}")
    assert not frozen.plan.findings
    loaded = keras.saving.load_model(frozen.save(tmp_path / "f.keras"))
    assert int(array(loaded.optimizer.iterations)) == int(array(reference.optimizer.iterations))


def test_a_quantized_layer_and_one_with_lora_survive_a_change_beside_them(builds: Any) -> None:
    """T46: their variables are not those of their class."""
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    quantized = twins()
    quantized.get_layer("a").quantize("int8")
    variant = builds(
        quantized, "- {op: insert, after: a, new: {class: Dropout, name: o, config: {rate: 0.1}}}"
    )
    assert np.array_equal(variant.model(x), quantized(x))
    lora = twins()
    lora.get_layer("a").enable_lora(2)
    beside = "- {op: insert, after: a, new: {class: Dropout, name: o, config: {rate: 0.1}}}"
    adapted = builds(lora, beside).model
    assert adapted.get_layer("a").lora_rank == 2
    assert np.allclose(adapted(x), lora(x), atol=1e-6)


def test_mixed_precision_stays_and_variables_stay_float32(builds: Any) -> None:
    """T47: a policy is what computes, not what is kept."""
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(4, name="a", dtype="mixed_float16")(x))
    variant = builds(
        model, "- {op: insert, after: a, new: {class: Dense, name: n, config: {units: 2}}}"
    )
    added = variant.model.get_layer("n")
    assert added.dtype_policy.name == "mixed_float16"
    assert added.kernel.dtype == "float32"
    step = "- {op: set, layers: {class: Dense}, config: {dtype: mixed_float16}}"
    assert builds(twins(), step).model.get_layer("b").compute_dtype == "float16"


def test_bfloat16_variables_go_through_a_file(builds: Any, tmp_path: Any) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(4, name="a", dtype="bfloat16")(x))
    path = builds(model, []).save(tmp_path / "v.keras")
    assert open_base(path).state == patchspec.open_base(model).state
    loaded = keras.saving.load_model(path)
    assert loaded.get_layer("a").kernel.dtype == "bfloat16"


class Scaled(keras.layers.Layer):
    """A custom layer that nobody registered."""

    def __init__(self, factor: float = 2.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def call(self, inputs: Any) -> Any:
        return inputs * self.scale * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def test_a_custom_layer_of_a_live_model_needs_no_mention(builds: Any, tmp_path: Any) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, Scaled(name="own")(x))
    variant = builds(model, "- {op: set, layers: own, config: {factor: 3.0}}")
    assert variant.model.get_layer("own").factor == 3.0
    path = variant.save(tmp_path / "v.keras")
    with pytest.raises(PatchError) as caught:
        patchspec.apply(path, patch_of([]))
    [problem] = caught.value.problems
    assert problem.code == "PS906"
    assert "--custom-objects" in (problem.hint or "")
    assert "Scaled" in problem.notes[0]
    given = builds(path, [], custom_objects={"Scaled": Scaled})
    assert given.model.get_layer("own").factor == 3.0


def test_a_lambda_is_always_refused() -> None:
    """T27: Python code in a config is never run, and what is asked is said."""
    for given in (None, {"Lambda": keras.layers.Lambda}):
        with pytest.raises(PatchError) as caught:
            patchspec.apply(SAMPLES / "lambda.keras", patch_of([]), custom_objects=given)
        assert caught.value.problems[0].code == "PS704"
    plan = patchspec.resolve(patch_of([]), SAMPLES / "lambda.keras", shapes=False)
    assert plan.is_identity


def test_a_registered_name_does_not_stand_for_another_class() -> None:
    base = open_base(SAMPLES / "functional_linear.keras")
    document = json.loads(json.dumps(dict(base.document)))
    document["config"]["layers"][1]["registered_name"] = "evil>Gadget"
    plan = patchspec.resolve(patch_of([]), patchspec.Base(document, base.variables))
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan)
    assert caught.value.problems[0].code == "PS906"


def test_the_variables_of_a_composite_layer_are_matched_by_the_way_to_them(builds: Any) -> None:
    """An attention layer has four kernels of one name, and two of them of one shape."""
    x = keras.Input((3, 8), name="x")
    attention = keras.layers.MultiHeadAttention(2, 4, name="att")
    base = randomised(keras.Model(x, attention(x, x)))
    new = "{class: MultiHeadAttention, name: other, config: {num_heads: 2, key_dim: 4}"
    step = f"- {{op: replace, layers: att, new: {new}, weights: keep}}}}"
    variant = builds(base, step)
    for mine, theirs in zip(variant.model.weights, base.weights, strict=True):
        assert np.array_equal(np.array(mine), np.array(theirs)), mine.path


def test_an_error_in_the_base_is_not_blamed_on_the_patch(builds: Any) -> None:
    document = chain("a", "b")
    document["config"]["layers"][2]["config"]["unknown"] = 1
    base = Base(document, {}, origin="base.keras")
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of("- {op: insert, after: x, new: {class: ReLU, name: r}}"), base)
    [problem] = caught.value.problems
    assert (problem.code, problem.span) == ("PS412", None)
    assert "config={" not in problem.message


def test_a_custom_class_that_nobody_gave_is_named_with_the_switch(builds: Any) -> None:
    with pytest.raises(PatchError) as caught:
        builds(twins(), "- {op: insert, after: a, new: {class: foo>Bar, name: q}}")
    [problem] = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("PS906", 3)
    assert "--custom-objects" in (problem.hint or "")


def test_what_no_longer_fits_downstream_is_placed_at_the_step_that_changed_its_input(
    builds: Any,
) -> None:
    x = keras.Input((8, 8, 3), name="x")
    hidden = keras.layers.Flatten(name="f")(keras.layers.Conv2D(2, 3, name="c")(x))
    base = keras.Model(x, keras.layers.Dense(4, name="d")(hidden))
    with pytest.raises(PatchError) as caught:
        builds(base, "- {op: freeze, layers: d}\n- {op: set, layers: c, config: {strides: 2}}")
    [problem] = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("PS501", 4)
    assert "kernel" in problem.message


@pytest.mark.parametrize("shapes", [True, False])
def test_an_output_that_a_nested_model_does_not_have_is_refused(shapes: bool) -> None:
    step = "- {op: rewire, layers: block/sd1, inputs: ['block/block_in:0']}\n"
    step += "- {op: rewire, layers: head, inputs: ['inner:1']}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(step), outer(), shapes=shapes)
    assert caught.value.problems[0].code == "PS305"


def test_an_output_that_a_layer_does_not_make_is_refused(builds: Any) -> None:
    for step in (
        "- {op: rewire, layers: b, inputs: ['a:1']}\n- {op: extract}",
        "- {op: expose-output, outputs: {z: 'a:1'}}",
    ):
        with pytest.raises(PatchError) as caught:
            builds(twins(), step)
        assert [p.code for p in caught.value.problems] == ["PS305"]


def test_new_variables_beyond_all_measure_are_refused_before_they_are_made(builds: Any) -> None:
    new = "{class: Dense, name: n, config: {units: 9999999999}}"
    with pytest.raises(PatchError) as caught:
        builds(twins(), f"- {{op: insert, after: b, new: {new}}}")
    assert [p.code for p in caught.value.problems] == ["PS710"]


def test_a_stateful_layer_on_a_batch_of_any_size_is_refused_with_a_place(builds: Any) -> None:
    x = keras.Input((3, 4), name="x")
    base = keras.Model(x, keras.layers.LSTM(5, name="s")(x))
    with pytest.raises(PatchError) as caught:
        builds(base, "- {op: set, layers: s, config: {stateful: true}}")
    [problem] = caught.value.problems
    assert (problem.code, problem.span and problem.span.line) == ("PS411", 3)
    assert "fixed batch" in problem.message


def test_only_one_module_deserialises_and_none_unpickles() -> None:
    package = Path(patchspec.__file__).parent
    calls = (
        "deserialize_keras_object(",
        ".from_config(",
        "clone_model(",
        "load_model(",
        "model_from_json(",
    )
    found = [
        (path.name, word)
        for path in package.rglob("*.py")
        for word in (*calls, "pickle", "enable_unsafe", "safe_mode=False")
        if word
        in path.read_text(encoding="utf-8")
        .replace("load_own", "")
        .replace("compile_from_config", "")
        .replace("allow_pickle=False", "")
        # What NumPy says where it refuses to.
        .replace('"allow_pickle" in reason', "")
    ]
    assert found == [("door.py", "deserialize_keras_object("), ("door.py", "load_model(")]


def test_plan_and_variant_render_as_html_that_cannot_run(builds: Any) -> None:
    x = keras.Input((4,), name="x")
    model = keras.Model(x, keras.layers.Dense(4, name="a")(x), name="<script>")
    variant = builds(model, "- {op: insert, after: a, new: {class: ReLU, name: r}}")
    html = variant._repr_html_()
    assert "<script" not in html
    assert "<script>" in variant.plan.graph.config["name"]
    assert "r" in html
    assert variant.plan._repr_html_() == html


@pytest.mark.parametrize("name", ["custom_registered", "custom_unregistered"])
def test_a_plan_that_needs_no_shape_of_a_custom_layer_works_without_its_class(name: str) -> None:
    path = SAMPLES / f"{name}.keras"
    custom = next(x for x in open_base(path).graph.layers.values() if not x.is_input)
    plan = patchspec.resolve(patch_of(f"- {{op: freeze, layers: {custom.name}}}"), path)
    assert plan.weights_known
    with pytest.raises(PatchError) as caught:
        patchspec.build(plan)
    assert [p.code for p in caught.value.problems] == ["PS906"]
    assert custom.name in caught.value.problems[0].notes[0]
    new = "{class: Dense, name: d, config: {units: 2}}"
    with pytest.raises(PatchError) as caught:
        patchspec.resolve(patch_of(f"- {{op: insert, after: {custom.name}, new: {new}}}"), path)
    assert [p.code for p in caught.value.problems] == ["PS906"]
