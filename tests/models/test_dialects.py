"""Old configs come out as Keras 3 writes them, by data alone; what cannot is refused by name."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from patchspec.graph.graph import Graph
from patchspec.models.dialects.dialect import upgraded
from patchspec.models.dialects.keras3 import ROOMS
from patchspec.models.document import checked_document
from patchspec.models.parts import parts_of_model
from patchspec.problems import PatchError
from tests import configs
from tests.models.old_configs import Config, entrance, layer, model, sequential


def new(document: Config, version: str | None = None) -> Config:
    """The upgraded document, which must pass for a current one."""
    found = upgraded(document, "old", version)
    assert found.steps
    return checked_document(found.document, "old")


def layers_of(document: Config) -> dict[str, Config]:
    return {one.get("name") or one["config"]["name"]: one for one in document["config"]["layers"]}


def refused(document: Config, version: str | None = None) -> list[tuple[str, str]]:
    with pytest.raises(PatchError) as caught:
        upgraded(document, "old", version)
    return [(p.code, p.message) for p in caught.value.problems]


def tensor(name: str, call: int = 0, output: int = 0) -> Config:
    config = {"shape": [], "dtype": "float32", "keras_history": [name, call, output]}
    return {"class_name": "__keras_tensor__", "config": config}


# What is current, and what is nothing at all


def test_a_current_document_stays_as_it_is() -> None:
    document = configs.diamond()
    found = upgraded(document, "new")
    assert found.document == document
    assert found.steps == ()


def test_what_is_no_model_comes_back_for_others_to_refuse() -> None:
    for value in ({"a": 1}, {"class_name": "Thing", "config": {"units": 3}}):
        assert upgraded(value, "x").document == value


def test_a_broken_config_is_refused_and_never_a_traceback() -> None:
    nodes: list[Any] = [[["x"]], [[1, 2, 3]], "x", [["x", "y", "z"]], 7, {"a": 1}]
    for node in nodes:
        document = model([entrance(), layer("Dense", "d", "x", units=2)])
        document["config"]["layers"][1]["inbound_nodes"] = [node]
        with pytest.raises(PatchError) as caught:
            checked_document(upgraded(document, "old").document, "old")
        assert caught.value.problems[0].code in {"PS903", "PS425"}, node
    for wrapper in ("TimeDistributed", "Bidirectional", "RNN"):
        assert refused(model([entrance("x", 5, 3), layer(wrapper, "w", "x")]))[0][0] == "PS903"
    assert refused({"class_name": "Sequential", "config": [1]})[0][0] == "PS903"


def test_upgrading_imports_neither_keras_nor_numpy() -> None:
    code = (
        "import sys; from patchspec.models.dialects.dialect import upgraded;"
        "print(sorted({'keras', 'numpy', 'h5py', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Keras 2


def test_a_layer_of_keras_2_says_all_that_keras_3_writes() -> None:
    document = new(model([entrance(), layer("Dense", "d", "x", units=2, dtype="float32")]))
    assert document["module"] == "keras.src.models.functional"
    assert document["class_name"] == document["registered_name"] == "Functional"
    assert document["config"]["input_layers"] == ["x", 0, 0]
    assert document["config"]["output_layers"] == ["d", 0, 0]
    one = layers_of(document)["d"]
    assert (one["module"], one["registered_name"]) == ("keras.layers", None)
    assert one["config"]["dtype"]["config"] == {"name": "float32"}
    assert one["config"]["kernel_initializer"]["class_name"] == "GlorotUniform"
    assert one["inbound_nodes"] == [{"args": [tensor("x")], "kwargs": {}}]
    x = layers_of(document)["x"]["config"]
    assert (x["batch_shape"], x["dtype"]) == ([None, 4], "float32")


def test_a_sequential_of_a_list_gets_an_input_without_the_batch() -> None:
    document = new(sequential(layer("Dense", "d", units=2, batch_input_shape=[None, 16])))
    first, second = document["config"]["layers"]
    assert first["config"]["name"] == "d_input"
    assert first["config"]["batch_shape"] == [None, 16]
    assert "batch_input_shape" not in second["config"]
    assert document["config"]["build_input_shape"] == [None, 16]


def test_the_shape_of_a_sequential_may_stand_in_its_first_model_or_its_build() -> None:
    inner = sequential(layer("Dense", "d", units=2, batch_input_shape=[None, 7]))
    inner["config"] = {"name": "inner", "layers": inner["config"]}
    outer = {"class_name": "Sequential", "config": {"name": "outer", "layers": [inner]}}
    assert new(outer)["config"]["layers"][0]["config"]["batch_shape"] == [None, 7]
    built = sequential(layer("Dense", "d", units=2))
    built["config"] = {"layers": built["config"], "build_input_shape": [None, 5]}
    assert new(built)["config"]["layers"][0]["config"]["batch_shape"] == [None, 5]


def test_the_dtype_float_is_float32() -> None:
    old = entrance()
    old["config"]["dtype"] = "float"
    document = new(model([old, layer("Dense", "d", "x", units=2)]))
    assert layers_of(document)["x"]["config"]["dtype"] == "float32"


def test_a_policy_of_mixed_precision_stays_one() -> None:
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16", "loss_scale": None}}
    document = new(model([entrance(), layer("Dense", "d", "x", units=2, dtype=policy)]))
    assert layers_of(document)["d"]["config"]["dtype"]["config"] == {"name": "mixed_float16"}


def test_initializers_lose_what_keras_3_does_not_know() -> None:
    old = {"class_name": "VarianceScaling", "config": {"distribution": "normal", "dtype": "float"}}
    document = new(model([entrance(), layer("Dense", "d", "x", units=2, kernel_initializer=old)]))
    made = layers_of(document)["d"]["config"]["kernel_initializer"]
    assert made["config"]["distribution"] == "truncated_normal"
    assert "dtype" not in made["config"]


def test_arguments_without_effect_are_left_out_and_said_to_be() -> None:
    old = model([entrance("x", 5, 3), layer("LSTM", "l", "x", units=2, time_major=False)])
    found = upgraded(old, "old")
    assert "time_major" not in layers_of(found.document)["l"]["config"]
    assert any(step.layer == "l" and "`time_major`" in step.text for step in found.steps)


def test_arguments_with_an_effect_are_refused_all_at_once() -> None:
    old = model([
        entrance("x", 5, 3),
        layer("LSTM", "l", "x", units=2, time_major=True),
        layer("Dense", "d", "l", units=2, mystery=1),
    ])  # fmt: skip
    assert [code for code, _ in refused(old)] == ["PS912", "PS912"]
    assert ["`time_major`" in m or "`mystery`" in m for _, m in refused(old)] == [True, True]


def test_layers_without_a_successor_are_named_all_at_once() -> None:
    old = model([
        entrance(),
        layer("LocallyConnected1D", "a", "x", filters=2),
        layer("Highway", "b", "a"),
        layer("TFOpLambda", "c", "b", function="math.lgamma"),
    ])  # fmt: skip
    problems = refused(old)
    assert [code for code, _ in problems] == ["PS911", "PS911", "PS911"]
    assert "`a` in `old` is a `LocallyConnected1D`" in problems[0][1]
    assert "`math.lgamma`" in problems[2][1]


def test_a_lambda_and_a_custom_layer_stay_what_they_are() -> None:
    old = model([
        entrance(),
        layer("Lambda", "f", "x", function=["code", None, None]),
        layer("Capsule", "c", "f", size=3),
    ])  # fmt: skip
    made = layers_of(new(old))
    assert made["f"]["class_name"] == "Lambda"
    assert made["c"]["registered_name"] == "Capsule"
    assert made["c"]["module"] is None
    assert made["c"]["config"]["size"] == 3


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("sum", "Add"), ("mul", "Multiply"), ("ave", "Average"), ("max", "Maximum")],
)
def test_merge_becomes_the_layer_of_its_mode(mode: str, kind: str) -> None:
    old = model([entrance("x"), entrance("y"), layer("Merge", "m", "x", "y", mode=mode)])
    made = layers_of(new(old))["m"]
    assert made["class_name"] == kind
    assert made["inbound_nodes"] == [{"args": [[tensor("x"), tensor("y")]], "kwargs": {}}]


def test_merge_keeps_its_axes_and_refuses_code() -> None:
    ends = [entrance("x"), entrance("y")]
    cat = layer("Merge", "m", "x", "y", mode="concat", concat_axis=1)
    dot = layer("Merge", "n", "x", "y", mode="cos", dot_axes=[[1], [1]])
    made = layers_of(new(model([*ends, cat, dot], "m", "n")))
    assert made["m"]["config"]["axis"] == 1
    assert made["n"]["config"]["axes"] == [1, 1]
    assert made["n"]["config"]["normalize"] is True
    code = layer("Merge", "m", "x", "y", mode="gone", mode_type="lambda")
    assert refused(model([*ends, code]))[0][0] == "PS911"


def test_a_thresholded_relu_is_a_relu_with_a_threshold() -> None:
    made = layers_of(new(model([entrance(), layer("ThresholdedReLU", "t", "x", theta=0.7)])))
    assert made["t"]["class_name"] == "ReLU"
    assert made["t"]["config"]["threshold"] == 0.7


def test_a_cudnn_layer_is_the_general_one_with_its_flags() -> None:
    old = model([entrance("x", 5, 3), layer("CuDNNGRU", "g", "x", units=2)])
    found = upgraded(old, "old")
    config = layers_of(found.document)["g"]["config"]
    assert (config["reset_after"], config["recurrent_activation"]) == (True, "sigmoid")
    assert [(c.owner, c.rule) for c in found.conversions] == [("g/cell", "cudnn-gru")]


def test_a_version_behind_a_class_is_tensorflow_s_only_where_it_put_one() -> None:
    old = model([
        entrance(), layer("BatchNormalizationV1", "n", "x"), layer("DenseV2", "d", "n", units=3)
    ])  # fmt: skip
    made = layers_of(new(old))
    assert made["n"]["class_name"] == "BatchNormalization"
    assert made["d"]["registered_name"] == "DenseV2"


def test_a_gru_that_does_not_say_reset_after_is_of_the_old_kind() -> None:
    made = layers_of(new(model([entrance("x", 5, 3), layer("GRU", "g", "x", units=2)])))
    assert made["g"]["config"]["reset_after"] is False


def test_both_ways_are_written_out() -> None:
    inner = {"class_name": "LSTM", "config": {"name": "l", "units": 2, "return_sequences": True}}
    old = model([entrance("x", 5, 3), layer("Bidirectional", "b", "x", layer=inner)])
    config = layers_of(new(old))["b"]["config"]
    there, back = config["layer"]["config"], config["backward_layer"]["config"]
    assert (there["name"], back["name"]) == ("forward_l", "backward_l")
    assert (there["go_backwards"], back["go_backwards"]) == (False, True)
    assert there["zero_output_for_mask"] is back["zero_output_for_mask"] is True


def test_the_hard_sigmoid_of_keras_2_is_kept_by_scaling_weights_or_by_two_layers() -> None:
    old = model([
        entrance("x", 5, 3),
        layer("LSTM", "l", "x", units=2, recurrent_activation="hard_sigmoid"),
        layer("Dense", "d", "l", units=2, activation="hard_sigmoid"),
        layer("Activation", "a", "d", activation="hard_sigmoid"),
    ])  # fmt: skip
    found = upgraded(old, "old")
    rules = [(c.owner, c.rule) for c in found.conversions]
    assert rules == [("l/cell", "hard-sigmoid-lstm"), ("d", "hard-sigmoid-all")]
    made = layers_of(found.document)
    assert made["a_rescaled"]["config"]["scale"] == 0.2
    assert made["a"]["config"]["max_value"] == 1.0
    assert made["a"]["inbound_nodes"][0]["args"] == [tensor("a_rescaled")]
    inside = layer("LSTM", "l", "x", units=2, activation="hard_sigmoid")
    assert refused(model([entrance("x", 5, 3), inside]))[0][0] == "PS912"


def test_a_name_with_a_slash_gets_another_and_so_do_those_who_read_it() -> None:
    old = model(
        [entrance("in/x"), layer("Dense", "a/b", "in/x", units=2), layer("ReLU", "a_b", "a/b")]
    )
    found = upgraded(old, "old")
    document = checked_document(found.document, "old")
    assert list(layers_of(document)) == ["in_x", "a_b_", "a_b"]
    assert layers_of(document)["a_b"]["inbound_nodes"][0]["args"] == [tensor("a_b_")]
    assert document["config"]["input_layers"] == ["in_x", 0, 0]
    assert ("a_b_", "a/b") in found.sources


def test_a_layer_that_is_shared_between_levels_is_refused() -> None:
    inner = nested()
    inner["config"]["layers"][1]["shared_object_id"] = 7
    outside = {**layer("Dense", "id", "inner", units=4), "shared_object_id": 7}
    assert refused(model([entrance(), inner, outside]))[0][0] == "PS505"


def test_stacked_cells_and_models_in_wrappers_are_named_as_keras_saves_them() -> None:
    gate = {"units": 2, "recurrent_activation": "hard_sigmoid"}
    cells = [{"class_name": "LSTMCell", "config": {"name": n, **gate}} for n in ("one", "two")]
    stack = {"class_name": "StackedRNNCells", "config": {"cells": cells}}
    inner = model([entrance("i"), layer("Dense", "d", "i", units=2, activation="hard_sigmoid")])
    old = model([
        entrance("x", 5, 4),
        layer("TimeDistributed", "t", "x", layer=inner),
        layer("RNN", "r", "t", cell=stack),
    ])  # fmt: skip
    found = upgraded(old, "old")
    assert [conversion.owner for conversion in found.conversions] == [
        "t/layer/d",
        "r/cell/cells/lstm_cell",
        "r/cell/cells/lstm_cell_1",
    ]
    parts = {part.said: part.owner for part in parts_of_model(Graph.of(found.document))}
    assert parts["t/layer/d"] == "t/layer/layers/dense"
    assert {c.owner for c in found.conversions} <= set(parts)


# Calls


def nested(name: str = "inner") -> Config:
    inner = model([entrance("i"), layer("Dense", "id", "i", units=4)], name=name)
    return {**inner, "name": name, "inbound_nodes": [[["x", 0, 0, {}]]]}


def test_calls_of_nested_models_count_from_one_in_keras_2() -> None:
    block = sequential(layer("Dense", "sd", units=4, batch_input_shape=[None, 4]))
    block = {"class_name": "Sequential", "config": {"name": "s", "layers": block["config"]}}
    block |= {"name": "s", "inbound_nodes": [[["inner", 1, 0, {}]]]}
    document = new(model([entrance(), nested(), block], ("s", 1, 0), ("inner", 1, 0)))
    assert layers_of(document)["s"]["inbound_nodes"][0]["args"] == [tensor("inner", 0)]
    assert document["config"]["output_layers"] == [["s", 0, 0], ["inner", 1, 0]]
    assert [str(slot.tensor) for slot in Graph.of(document).outputs] == ["s", "inner"]


def test_a_nested_model_without_a_graph_of_its_own_counts_from_zero() -> None:
    document = new(model([entrance(), nested(), layer("Dense", "d", "inner", units=2)]))
    assert layers_of(document)["d"]["inbound_nodes"][0]["args"] == [tensor("inner", 0)]


def test_states_in_the_list_of_inputs_become_initial_state() -> None:
    old = model([
        entrance("x", 5, 3),
        layer("LSTM", "a", "x", units=2, return_state=True, return_sequences=True),
        layer("LSTM", "b", "a", ("a", 0, 1), ("a", 0, 2), units=2),
    ])  # fmt: skip
    [call] = layers_of(new(old))["b"]["inbound_nodes"]
    assert call["args"] == [tensor("a")]
    assert call["kwargs"] == {"initial_state": [tensor("a", 0, 1), tensor("a", 0, 2)]}


def test_masks_are_computed_and_passed_by_name() -> None:
    old = model([
        entrance("x", 5),
        layer("Embedding", "e", "x", input_dim=9, output_dim=3, mask_zero=True),
        layer("LSTM", "a", "e", units=2, return_state=True, return_sequences=True),
        layer("LSTM", "b", "a", ("a", 0, 1), ("a", 0, 2), units=2),
    ])  # fmt: skip
    made = layers_of(new(old))
    assert made["e_not_equal"]["module"] == "keras.src.ops.numpy"
    assert made["e_not_equal"]["inbound_nodes"][0]["args"] == [tensor("x"), 0]
    for name in "ab":
        mask = made[name]["inbound_nodes"][0]["kwargs"]["mask"]
        assert mask["config"]["keras_history"] == ["e_not_equal", 0, 0]
        assert mask["config"]["dtype"] == "bool"


def test_masks_are_merged_by_and_as_keras_2_did_and_only_where_somebody_uses_them() -> None:
    seen = layer("Embedding", "e", "x", input_dim=9, output_dim=3, mask_zero=True)
    other = layer("Masking", "m", "e", mask_value=1.0)
    both = layer("Add", "s", "e", "m")
    used = layers_of(
        new(model([entrance("x", 5), seen, other, both, layer("GRU", "g", "s", units=2)]))
    )
    assert used["s_mask"]["class_name"] == "LogicalAnd"
    assert used["m_mask"]["class_name"] == "Any"
    assert used["m_not_equal"]["inbound_nodes"][0]["args"][1] == 1.0
    ignored = layers_of(new(model([entrance("x", 5), seen, other, both])))
    assert list(ignored) == ["x", "e", "m", "s"]


def test_a_mask_beside_a_state_that_nobody_can_tell_is_refused() -> None:
    inner = model([entrance("i", 5, 3), layer("Dense", "d", "i", units=3)])
    inner |= {"name": "n", "inbound_nodes": [[["e", 0, 0, {}]]]}
    old = model([
        entrance("x", 5),
        layer("Embedding", "e", "x", input_dim=9, output_dim=3, mask_zero=True),
        inner,
        layer("LSTM", "a", ("n", 1, 0), units=2, return_state=True),
        layer("LSTM", "b", ("n", 1, 0), ("a", 0, 1), ("a", 0, 2), units=2),
    ])  # fmt: skip
    assert refused(old)[0][0] == "PS912"


def test_the_value_of_an_attention_is_an_argument() -> None:
    attention = layer("MultiHeadAttention", "m", "x", num_heads=2, key_dim=3)
    attention["inbound_nodes"] = [[["x", 0, 0, {"value": ["y", 0, 0]}]]]
    old = model([entrance("x", 5, 4), entrance("y", 6, 4), attention])
    [call] = layers_of(new(old))["m"]["inbound_nodes"]
    assert call == {"args": [tensor("x"), tensor("y")], "kwargs": {}}


def test_functions_of_tensorflow_become_operations() -> None:
    times = layer("TFOpLambda", "tf.math.multiply", function="math.multiply")
    times["inbound_nodes"] = [["x", 0, 0, {"y": 2.0, "name": None}]]
    minus = layer("TFOpLambda", "minus", function="math.subtract")
    minus["inbound_nodes"] = [["_CONSTANT_VALUE", -1, 1.0, {"y": ["tf.math.multiply", 0, 0]}]]
    turned = layer("TensorFlowOpLayer", "turned", "minus")
    turned["config"] |= {"node_def": {"op": "Transpose"}, "constants": {"1": [0, 2, 1]}}
    made = layers_of(new(model([entrance("x", 5, 3), times, minus, turned])))
    assert made["tf.math.multiply"]["class_name"] == "Multiply"
    assert made["tf.math.multiply"]["inbound_nodes"][0]["args"] == [tensor("x"), 2.0]
    assert made["minus"]["inbound_nodes"][0]["args"] == [1.0, tensor("tf.math.multiply")]
    assert made["turned"]["config"]["axes"] == [0, 2, 1]


# Keras 1


def test_keras_1_is_known_by_its_words() -> None:
    old = layer("Convolution2D", "c", "x", nb_filter=3, nb_row=2, nb_col=4, dim_ordering="th",
                border_mode="same", subsample=[2, 2], bias=False, init="glorot_uniform",
                W_regularizer={"name": "WeightRegularizer", "l1": 0.0, "l2": 0.5},
                b_constraint={"name": "MaxNorm", "m": 3, "axis": 0})  # fmt: skip
    found = upgraded(model([entrance("x", 3, 8, 8), old]), "old")
    config = layers_of(found.document)["c"]["config"]
    assert layers_of(found.document)["c"]["class_name"] == "Conv2D"
    assert (config["filters"], config["kernel_size"], config["strides"]) == (3, [2, 4], [2, 2])
    assert (config["padding"], config["data_format"]) == ("same", "channels_first")
    assert config["use_bias"] is False
    assert config["kernel_regularizer"]["config"] == {"l1": 0.0, "l2": 0.5}
    assert config["bias_constraint"]["config"]["max_value"] == 3
    assert [c.rule for c in found.conversions] == ["keras1-conv-first"]


def test_layers_that_do_not_say_their_ordering_take_that_of_the_others() -> None:
    pad = layer("ZeroPadding2D", "p", "x", padding=[3, 3])
    conv = layer("Convolution2D", "c", "p", nb_filter=3, nb_row=2, nb_col=2, dim_ordering="th")
    config = layers_of(new(model([entrance("x", 3, 8, 8), pad, conv])))["p"]["config"]
    assert config["data_format"] == "channels_first"
    assert config["padding"] == [[3, 3], [3, 3]]


def test_a_recurrent_layer_of_keras_1() -> None:
    old = layer("LSTM", "l", output_dim=3, inner_activation="sigmoid", inner_init="orthogonal",
                forget_bias_init="one", dropout_W=0.2, dropout_U=0.1, consume_less="cpu",
                input_dim=2, input_length=5, batch_input_shape=[None, 5, 2])  # fmt: skip
    config = new(sequential(old), "1.2.2")["config"]["layers"][1]["config"]
    assert (config["units"], config["dropout"], config["recurrent_dropout"]) == (3, 0.2, 0.1)
    assert config["unit_forget_bias"] is True
    assert config["recurrent_activation"] == "sigmoid"


def test_statistics_of_the_batch_at_all_times_are_refused() -> None:
    old = layer("BatchNormalization", "n", mode=2, batch_input_shape=[None, 4])
    assert refused(sequential(old), "1.2.2")[0][0] == "PS912"


def test_a_sequential_that_begins_by_merging_is_a_functional_model() -> None:
    left = sequential(layer("Dense", "a", output_dim=3, batch_input_shape=[None, 4]))
    right = sequential(layer("Dense", "b", output_dim=3, batch_input_shape=[None, 5]))
    merge = {"class_name": "Merge", "config": {"layers": [left, right], "mode": "mul", "name": "m"}}
    old = {"class_name": "Sequential", "config": [merge, layer("Dense", "d", output_dim=2)]}
    document = new(old, "1.1.0")
    assert document["class_name"] == "Functional"
    graph = Graph.of(document)
    assert [str(slot.tensor) for slot in graph.inputs] == [
        "sequential_1_input",
        "sequential_2_input",
    ]
    assert graph.layers["m"].class_name == "Multiply"
    assert [str(s.tensor) for s in graph.layers["m"].calls[0].slots] == [
        "sequential_1",
        "sequential_2",
    ]


# Keras 0


def test_a_flat_list_of_keras_0() -> None:
    flat = {
        "name": "Sequential",
        "layers": [
            {"name": "Dense", "custom_name": "dense", "output_dim": 3, "input_dim": 4,
             "init": "uniform", "W_learning_rate_multiplier": None, "cache_enabled": True},
            {"name": "Dense", "custom_name": "dense", "output_dim": 2, "input_dim": None},
        ],
        "loss": "mse",
    }  # fmt: skip
    found = upgraded(flat, "old")
    assert [x["config"]["name"] for x in found.document["config"]["layers"]] == [
        "dense_input",
        "dense",
        "dense_2",
    ]
    assert dict(found.sources) == {"dense": "layer_0", "dense_2": "layer_1"}
    assert any("the loss" in step.text for step in found.steps)


def test_a_graph_of_keras_0_and_what_leads_to_no_output_in_it() -> None:
    nodes = {name: {"name": "Dense", "output_dim": 3} for name in ("a", "b", "dead")}
    nodes["c"] = {"name": "Activation", "activation": "relu"}
    graph = {
        "name": "Graph",
        "input_config": [{"name": "x", "input_shape": [4], "dtype": "float"}],
        "nodes": nodes,
        "node_config": [
            {"name": "a", "input": "x", "inputs": []},
            {"name": "b", "input": "x", "inputs": []},
            {"name": "dead", "input": "x", "inputs": []},
            {"name": "c", "inputs": ["a", "b"], "merge_mode": "sum"},
        ],
        "output_config": [{"name": "out", "input": "c", "inputs": []}],
    }
    found = upgraded(graph, "old")
    document = checked_document(found.document, "old")
    assert layers_of(document)["c_merge"]["class_name"] == "Add"
    assert document["config"]["output_layers"] == ["c", 0, 0]
    assert "dead" not in layers_of(document)
    assert [step.layer for step in found.steps if "left out" in step.text] == ["dead"]


def test_maxout_is_an_affine_map_and_a_maximum() -> None:
    flat = {"name": "MaxoutDense", "custom_name": "max", "output_dim": 2, "nb_feature": 3,
            "input_shape": [4], "init": "glorot_uniform"}  # fmt: skip
    found = upgraded({"name": "Sequential", "layers": [flat]}, "old")
    made = layers_of(found.document)
    assert made["max_maps"]["config"]["units"] == 6
    assert made["max_by_map"]["config"]["target_shape"] == [3, 2]
    assert made["max"]["class_name"] == "GlobalMaxPooling1D"
    assert dict(found.sources)["max_maps"] == "layer_0"


# Keras 3


def test_the_module_of_every_operation_is_known() -> None:
    from importlib import import_module  # noqa: PLC0415 (imports Keras, as the others do not)

    from keras.src.ops.operation import Operation  # noqa: PLC0415

    found: dict[str, set[str]] = {}
    for room in (*ROOMS, "numpy"):
        module = import_module(f"keras.src.ops.{room}")
        made = (c for c in vars(module).values() if isinstance(c, type))
        found[room] = {
            c.__name__ for c in made if issubclass(c, Operation) and c.__module__ == module.__name__
        }
    assert {room: names for room, names in found.items() if room != "numpy"} == ROOMS


def test_an_hdf5_file_of_keras_3_gets_the_modules_that_it_leaves_out() -> None:
    document = configs.chain("d")
    for one in document["config"]["layers"]:
        del one["module"], one["registered_name"]
    operation = {
        "class_name": "NotEqual",
        "name": "ne",
        "config": {"name": "ne"},
        "inbound_nodes": [configs.node(configs.tensor("x"), 0)],
    }
    custom = {**configs.dense("c", "x"), "class_name": "mine>Own"}
    del custom["module"], custom["registered_name"]
    document["config"]["layers"] += [operation, custom]
    document["config"]["output_layers"] = [["d", 0, 0], ["ne", 0, 0], ["c", 0, 0]]
    del document["module"]
    made = layers_of(new(document, "3.15.1"))
    assert made["d"]["module"] == "keras.layers"
    assert made["ne"]["module"] == "keras.src.ops.numpy"
    assert (made["c"]["class_name"], made["c"]["registered_name"]) == ("Own", "mine>Own")
