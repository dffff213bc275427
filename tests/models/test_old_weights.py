"""Weights of old files: found by name, converted to Keras 3's layout, or refused with names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import patchspec
from patchspec.models.opening import open_base
from patchspec.problems import PatchError
from tests.models.old_configs import Config, entrance, layer, model, ramp, sequential, write_h5

IDENTITY = patchspec.parse("patchspec: 1\noperations: []\n")
Array = np.ndarray[Any, Any]


def values(path: Path, weights: Path | None = None) -> dict[str, Array]:
    found = open_base(path, weights).variables or {}
    assert all(v.read().shape == v.shape for v in found.values())
    return {name: v.read() for name, v in found.items()}


def refused(path: Path, weights: Path | None = None) -> list[tuple[str, str]]:
    with pytest.raises(PatchError) as caught:
        open_base(path, weights)
    return [(p.code, p.message) for p in caught.value.problems]


def run(path: Path, *given: Array, weights: Path | None = None) -> Array:
    live = patchspec.apply(open_base(path, weights), IDENTITY).model
    return np.asarray(live(given[0] if len(given) == 1 else list(given), training=False))


def two_dense() -> Config:
    return model([
        entrance(), layer("Dense", "a", "x", units=4), layer("Dense", "b", "a", units=4)
    ])  # fmt: skip


def dense(name: str, start: float, units: int = 4) -> Mapping[str, Array]:
    return {f"{name}/kernel:0": ramp(4, units, start=start), f"{name}/bias:0": ramp(units)}


# By name


def test_the_order_of_layers_and_of_weights_in_a_file_decides_nothing(tmp_path: Path) -> None:
    turned = {name: dict(reversed(list(dense(name, start).items())))
              for name, start in (("b", 2.0), ("a", 1.0))}  # fmt: skip
    found = values(write_h5(tmp_path / "m.h5", two_dense(), turned))
    assert (found["a/vars/0"] == ramp(4, 4, start=1.0)).all()
    assert (found["b/vars/0"] == ramp(4, 4, start=2.0)).all()


def test_tensorflow_may_have_added_a_number_to_the_scope(tmp_path: Path) -> None:
    weights = {"a": dense("a_1", 1.0), "b": dense("whatever", 2.0)}
    assert set(values(write_h5(tmp_path / "m.h5", two_dense(), weights))) == {
        "a/vars/0", "a/vars/1", "b/vars/0", "b/vars/1"
    }  # fmt: skip


def test_weights_of_nested_models_lie_flat_and_are_found_by_the_inner_name(tmp_path: Path) -> None:
    inner = model([
        entrance("i"), layer("Dense", "p", "i", units=4), layer("Dense", "q", "p", units=4)
    ], name="inner")  # fmt: skip
    inner |= {"name": "inner", "inbound_nodes": [[["x", 0, 0, {}]]]}
    config = model([entrance(), inner], ("inner", 1, 0))
    weights = {"inner": {**dense("q", 2.0), **dense("p", 1.0)}}
    found = values(write_h5(tmp_path / "m.h5", config, weights))
    assert (found["inner/p/vars/0"] == ramp(4, 4, start=1.0)).all()
    assert (found["inner/q/vars/0"] == ramp(4, 4, start=2.0)).all()


def test_before_keras_2_weights_of_nested_models_lie_under_the_inner_layers(tmp_path: Path) -> None:
    inner = sequential(layer("Dense", "a", output_dim=4, batch_input_shape=[None, 4]))
    config = {"class_name": "Sequential", "config": [inner, layer("Dense", "b", output_dim=4)]}
    weights = {n: {f"{n}_W:0": ramp(4, 4, start=s), f"{n}_b:0": ramp(4)} for n, s in
               (("a", 1.0), ("b", 2.0))}  # fmt: skip
    path = write_h5(tmp_path / "m.h5", config, weights, version="1.2.2", backend=None)
    found = values(path)
    assert (found["sequential/a/vars/0"] == ramp(4, 4, start=1.0)).all()


def test_what_the_config_has_and_the_file_has_not_is_named_and_the_reverse(tmp_path: Path) -> None:
    weights = {"a": {"a/kernel:0": ramp(4, 4)}, "c": dense("c", 1.0)}
    problems = refused(write_h5(tmp_path / "m.h5", two_dense(), weights))
    assert {code for code, _ in problems} == {"PS913"}
    said = "\n".join(message for _, message in problems)
    assert "holds weights of `c`" in said
    assert "`a` needs kernel, bias" in said
    assert "`b` needs kernel, bias" in said


def test_a_weight_that_could_be_of_two_parts_is_not_guessed(tmp_path: Path) -> None:
    inner = {"class_name": "LSTM", "config": {"name": "l", "units": 2}}
    config = model([entrance("x", 5, 3), layer("Bidirectional", "b", "x", layer=inner)])
    said = ("kernel", "recurrent_kernel", "bias")
    weights = {"b": {f"b/l/{name}:0": ramp(3, 8) for name in said}}
    problems = refused(write_h5(tmp_path / "m.h5", config, weights))
    assert "PS914" in {code for code, _ in problems}


def test_names_split_over_several_attributes_are_read(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", two_dense(), {"a": dense("a", 1.0), "b": dense("b", 2.0)})
    with h5py.File(path, "a") as file:
        group = file["model_weights"]["a"]
        names = group.attrs["weight_names"]
        del group.attrs["weight_names"]
        for i, name in enumerate(names):
            group.attrs[f"weight_names{i}"] = np.array([name])
    assert set(values(path)) == {"a/vars/0", "a/vars/1", "b/vars/0", "b/vars/1"}


def test_the_weights_of_a_custom_layer_keep_the_order_of_the_file(tmp_path: Path) -> None:
    config = model([entrance(), layer("Capsule", "c", "x", size=3)])
    path = write_h5(tmp_path / "m.h5", config, {"c": {"c/z:0": ramp(2), "c/a:0": ramp(3)}})
    assert {name: v.shape for name, v in values(path).items()} == {
        "c/vars/0": (2,),
        "c/vars/1": (3,),
    }


def test_weights_beside_an_architecture(tmp_path: Path) -> None:
    text = tmp_path / "m.json"
    text.write_text(json.dumps(two_dense()))
    assert open_base(text).variables is None
    weights = write_h5(tmp_path / "w.h5", None, {"a": dense("a", 1.0), "b": dense("b", 2.0)})
    assert len(values(text, weights)) == 4
    assert refused(weights)[0][0] == "PS915"
    whole = write_h5(tmp_path / "m.h5", two_dense(), {"a": dense("a", 1.0), "b": dense("b", 2.0)})
    assert refused(whole, weights)[0][0] == "PS916"
    assert len(values(text, whole)) == 4


def test_weights_are_found_under_names_that_the_upgrade_had_to_change(tmp_path: Path) -> None:
    old = layer("Convolution2D", "c/1", nb_filter=1, nb_row=2, nb_col=2, dim_ordering="th",
                bias=False, batch_input_shape=[None, 3, 4, 4])  # fmt: skip
    path = write_h5(
        tmp_path / "m.h5",
        sequential(old),
        {"c/1": {"c/1_W:0": ramp(1, 3, 2, 2)}},
        version="1.2.0",
        backend=None,
    )
    assert {name: v.shape for name, v in values(path).items()} == {"c_1/vars/0": (2, 2, 3, 1)}


def test_weights_of_a_layer_whose_variables_are_not_known_are_said_to_be_so(tmp_path: Path) -> None:
    inner = {"class_name": "Dense", "config": {"name": "d", "units": 2}}
    config = model([entrance(), layer("SpectralNormalization", "s", "x", layer=inner)])
    problems = refused(write_h5(tmp_path / "m.h5", config, {"s": dense("s", 1.0)}))
    assert problems[0][0] == "PS913"
    assert "a `SpectralNormalization`" in problems[0][1]


# Layouts


def hard_sigmoid(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0.0, 1.0)


def test_a_keras_1_lstm_computes_what_it_did(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    old = layer("LSTM", "l", output_dim=3, inner_activation="hard_sigmoid", activation="tanh",
                batch_input_shape=[None, 5, 2])  # fmt: skip
    parts = {
        f"{letter}_{gate}": rng.normal(size=shape).astype("float32")
        for gate in "icfo"
        for letter, shape in (("W", (2, 3)), ("U", (3, 3)), ("b", (3,)))
    }
    weights = {"l": {f"l_{name}:0": value for name, value in parts.items()}}
    path = write_h5(tmp_path / "m.h5", sequential(old), weights, version="1.2.2", backend=None)
    x = rng.normal(size=(2, 5, 2)).astype("float32")
    h = c = np.zeros((2, 3))
    for t in range(5):
        gate = {
            g: x[:, t] @ parts[f"W_{g}"] + h @ parts[f"U_{g}"] + parts[f"b_{g}"] for g in "icfo"
        }
        c = hard_sigmoid(gate["f"]) * c + hard_sigmoid(gate["i"]) * np.tanh(gate["c"])
        h = hard_sigmoid(gate["o"]) * np.tanh(c)
    assert np.abs(run(path, x) - h).max() < 1e-6


def test_a_keras_1_gru_computes_what_it_did(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    old = layer("GRU", "g", output_dim=3, inner_activation="hard_sigmoid", activation="tanh",
                batch_input_shape=[None, 5, 2])  # fmt: skip
    parts = {
        f"{letter}_{gate}": rng.normal(size=shape).astype("float32")
        for gate in "zrh"
        for letter, shape in (("W", (2, 3)), ("U", (3, 3)), ("b", (3,)))
    }
    weights = {"g": {f"g_{name}:0": value for name, value in parts.items()}}
    path = write_h5(tmp_path / "m.h5", sequential(old), weights, version="1.2.2", backend=None)
    x = rng.normal(size=(2, 5, 2)).astype("float32")
    h = np.zeros((2, 3))
    for t in range(5):
        own = {g: x[:, t] @ parts[f"W_{g}"] + parts[f"b_{g}"] for g in "zrh"}
        z, r = (hard_sigmoid(own[g] + h @ parts[f"U_{g}"]) for g in "zr")
        h = z * h + (1 - z) * np.tanh(own["h"] + (r * h) @ parts["U_h"])
    assert np.abs(run(path, x) - h).max() < 1e-6


def convolved(x: Array, kernel: Array) -> Array:
    """A true convolution of (batch, channels, rows, columns) by (filters, channels, r, c)."""
    rows, columns = x.shape[2] - kernel.shape[2] + 1, x.shape[3] - kernel.shape[3] + 1
    out = np.zeros((len(x), kernel.shape[0], rows, columns))
    turned = kernel[:, :, ::-1, ::-1]
    for i in range(rows):
        for j in range(columns):
            part = x[:, :, i : i + kernel.shape[2], j : j + kernel.shape[3]]
            out[:, :, i, j] = np.tensordot(part, turned, axes=([1, 2, 3], [1, 2, 3]))
    return out


def test_a_kernel_of_theano_is_turned_by_180_degrees(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    kernel = rng.normal(size=(3, 2, 2, 3)).astype("float32")
    old = layer("Convolution2D", "c", nb_filter=3, nb_row=2, nb_col=3, dim_ordering="th",
                bias=False, batch_input_shape=[None, 2, 5, 6])  # fmt: skip
    x = rng.normal(size=(2, 2, 5, 6)).astype("float32")
    theano = write_h5(
        tmp_path / "t.h5", sequential(old), {"c": {"c_W": kernel}}, version="1.1.0", backend=None
    )
    assert np.abs(run(theano, x) - convolved(x, kernel)).max() < 1e-5
    assert any("turned" in step.text for step in open_base(theano).upgrades)
    # TensorFlow's names end in `:0`, and it correlates
    other = write_h5(
        tmp_path / "o.h5", sequential(old), {"c": {"c_W:0": kernel}}, version="1.1.0", backend=None
    )
    turned = kernel[:, :, ::-1, ::-1]
    assert np.abs(run(other, x) - convolved(x, turned)).max() < 1e-5


def test_keras_2_says_its_backend(tmp_path: Path) -> None:
    conv = layer("Conv2D", "c", "x", filters=1, kernel_size=[2, 2], use_bias=False)
    config = model([entrance("x", 4, 4, 1), conv])
    kernel = ramp(2, 2, 1, 1)
    for backend, expected in (("theano", kernel[::-1, ::-1]), ("tensorflow", kernel)):
        path = write_h5(
            tmp_path / f"{backend}.h5", config, {"c": {"c/kernel:0": kernel}}, backend=backend
        )
        assert (values(path)["c/vars/0"] == expected).all()


@pytest.mark.parametrize("stored", [(3, 1, 2, 4), (4, 2, 3, 1)])
def test_a_keras_1_convolution_over_time_loses_its_axis_of_one(
    stored: tuple[int, ...], tmp_path: Path
) -> None:
    old = layer("Convolution1D", "c", nb_filter=4, filter_length=3, bias=False,
                batch_input_shape=[None, 6, 2])  # fmt: skip
    kernel = ramp(*stored)
    path = write_h5(
        tmp_path / "m.h5", sequential(old), {"c": {"c_W:0": kernel}}, version="1.2.0", backend=None
    )
    found = values(path)["c/vars/0"]
    assert found.shape == (3, 2, 4)
    one = found[2, 1, 3]
    assert one == (kernel[2, 0, 1, 3] if stored[1] == 1 else kernel[3, 1, 2, 0])


def test_a_keras_1_deconvolution_has_its_filters_before_its_channels(tmp_path: Path) -> None:
    # four filters over five channels: the last two axes in one ordering, the first in the other
    cases = {"tf": ((2, 3, 5, 4), [None, 6, 6, 5]), "th": ((4, 5, 2, 3), [None, 5, 6, 6])}
    for ordering, (stored, size) in cases.items():
        old = layer("Deconvolution2D", "c", nb_filter=4, nb_row=2, nb_col=3, bias=False,
                    dim_ordering=ordering, output_shape=[None, 9, 9, 9],
                    batch_input_shape=size)  # fmt: skip
        path = write_h5(tmp_path / f"{ordering}.h5", sequential(old),
                        {"c": {"c_W:0": ramp(*stored)}}, version="1.2.0", backend=None)  # fmt: skip
        base = open_base(path)
        assert (base.variables or {})["c/vars/0"].shape == (2, 3, 4, 5)
        assert patchspec.apply(base, IDENTITY).model


def test_a_gru_bias_of_cudnn_gets_two_rows_and_its_kernels_are_turned(tmp_path: Path) -> None:
    config = model([entrance("x", 5, 2), layer("CuDNNGRU", "g", "x", units=3)])
    kernel, recurrent, bias = ramp(2, 9), ramp(3, 9), ramp(18)
    weights = {"g/kernel:0": kernel, "g/recurrent_kernel:0": recurrent, "g/bias:0": bias}
    found = values(write_h5(tmp_path / "m.h5", config, {"g": weights}))
    assert (found["g/cell/vars/2"] == bias.reshape(2, 9)).all()
    for gate in range(3):
        part = slice(3 * gate, 3 * gate + 3)
        # cuDNN takes a gate's numbers as a matrix of (units, inputs) to multiply from the left
        assert (found["g/cell/vars/0"][:, part].T.ravel() == kernel[:, part].ravel()).all()
        assert (found["g/cell/vars/1"][:, part].T.ravel() == recurrent[:, part].ravel()).all()


def test_an_lstm_bias_of_cudnn_is_the_sum_of_its_two(tmp_path: Path) -> None:
    config = model([entrance("x", 5, 2), layer("CuDNNLSTM", "l", "x", units=3)])
    weights = {"l/kernel:0": ramp(2, 12), "l/recurrent_kernel:0": ramp(3, 12), "l/bias:0": ramp(24)}
    found = values(write_h5(tmp_path / "m.h5", config, {"l": weights}))
    assert (found["l/cell/vars/2"] == ramp(24)[:12] + ramp(24)[12:]).all()


def test_keras_1_names_of_normalisation(tmp_path: Path) -> None:
    old = layer("BatchNormalization", "n", mode=0, batch_input_shape=[None, 4])
    said = {"running_std": 4.0, "gamma": 1.0, "running_mean": 3.0, "beta": 2.0}
    weights = {f"n_{name}:0": ramp(4, start=start) for name, start in said.items()}
    path = write_h5(
        tmp_path / "m.h5", sequential(old), {"n": weights}, version="1.2.2", backend=None
    )
    assert [values(path)[f"n/vars/{i}"][0] for i in range(4)] == [1.0, 2.0, 3.0, 4.0]


def test_early_statistics_are_deviations_and_a_file_without_version_is_not_guessed(
    tmp_path: Path,
) -> None:
    flat = {"name": "BatchNormalization", "custom_name": "n", "input_shape": [4], "epsilon": 0.01}
    stored = [ramp(4, start=float(i)) for i in range(4)]
    params = {f"layer_0/param_{i}": value for i, value in enumerate(stored)}
    text, weights = keras0(tmp_path, [flat], params)
    x = np.random.default_rng(7).normal(size=(3, 4)).astype("float32")
    gamma, beta, mean, deviation = stored
    expected = gamma * (x - mean) / (deviation + 0.01) + beta
    assert np.abs(run(text, x, weights=weights) - expected).max() < 1e-5
    old = sequential(layer("BatchNormalization", "n", mode=0, batch_input_shape=[None, 4]))
    old["config"].append({"class_name": "Dropout", "config": {"p": 0.5, "name": "o"}})
    old["config"][0]["config"]["input_dtype"] = "float32"
    said = ("gamma", "beta", "running_mean", "running_std")
    apart = write_h5(
        tmp_path / "n.h5", None, {"n": {f"n_{name}:0": ramp(4) for name in said}}, backend=None
    )
    with h5py.File(apart, "a") as file:
        del file.attrs["keras_version"]
    text.write_text(json.dumps(old))
    assert refused(text, apart)[0][0] == "PS913"
    text.write_text(json.dumps({**old, "keras_version": "1.1.0"}))
    assert len(values(text, apart)) == 4


# Keras 0


def keras0(tmp_path: Path, layers: list[Config], params: Mapping[str, Array]) -> tuple[Path, Path]:
    text, weights = tmp_path / "m.json", tmp_path / "w.h5"
    text.write_text(json.dumps({"name": "Sequential", "layers": layers}))
    with h5py.File(weights, "w") as file:
        for path, value in params.items():
            file[path] = np.asarray(value, dtype="float32")
    return text, weights


def test_maxout_computes_what_it_did(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    kernel = rng.normal(size=(3, 4, 2)).astype("float32")
    bias = rng.normal(size=(3, 2)).astype("float32")
    flat = {"name": "MaxoutDense", "custom_name": "max", "output_dim": 2, "nb_feature": 3,
            "input_shape": [4]}  # fmt: skip
    text, weights = keras0(tmp_path, [flat], {"layer_0/param_0": kernel, "layer_0/param_1": bias})
    x = rng.normal(size=(5, 4)).astype("float32")
    expected = (np.einsum("bi,kio->bko", x, kernel) + bias).max(axis=1)
    assert np.abs(run(text, x, weights=weights) - expected).max() < 1e-6


def test_the_weights_of_keras_0_stand_in_the_order_of_its_classes(tmp_path: Path) -> None:
    flat: list[Config] = [
        {"name": "LSTM", "custom_name": "l", "output_dim": 2, "input_shape": [5, 3],
         "inner_activation": "sigmoid", "truncate_gradient": -1},
        {"name": "Dropout", "custom_name": "o", "p": 0.5},
        {"name": "Dense", "custom_name": "d", "output_dim": 1},
    ]  # fmt: skip
    shapes = {"W": (3, 2), "U": (2, 2), "b": (2,)}
    params = {
        f"layer_0/param_{i}": ramp(*shapes[letter], start=float(i))
        for i, letter in enumerate("WUb" * 4)
    }
    params |= {"layer_2/param_0": ramp(2, 1), "layer_2/param_1": ramp(1)}
    text, weights = keras0(tmp_path, flat, params)
    kernel = values(text, weights)["l/cell/vars/0"]
    # stored as i, c, f, o; Keras 3 has i, f, c, o
    assert [int(kernel[0, 2 * gate]) for gate in range(4)] == [0, 6, 3, 9]
    for i in ("layer_2/param_1", "layer_0/param_11"):
        fewer = {path: value for path, value in params.items() if path != i}
        text, weights = keras0(tmp_path, flat, fewer)
        assert refused(text, weights)[0][0] == "PS913"
