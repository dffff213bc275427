"""Real models of every Keras: which open, which Keras rebuilds, and why the rest are refused."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.parts import parts_of_model
from patchspec.models.upgraded_file import write_base
from patchspec.problems import PatchError
from patchspec.rewriting.obstacles import obstacle
from tests.corpus.files import CORPUS, models, weights_of
from tests.corpus.table import rebuilt, row, shapes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here"),
]
REFUSED = {
    "cyclegan_unet_source_224tf.h5": "PS906",
    "dl4j_model_lambda.h5": "PS704",
    "keras_nested_container_custom.keras": "PS918",
    "kipoi_rbp_spline.json": "PS906",
}
"""A third-party layer, marshalled lambdas, a subclass without a graph, a third-party layer."""
GOOD = [path for path in models() if path.name not in REFUSED]
INPUTS = {
    "dl4j_conv1d_deep_seq.h5.h5": (None, 6, 1),
    "dl4j_relu_seq_rankbug.h5": (None, 16),
    "dl4j_thresholded_relu.h5": None,
    "hand_keypoint_mlp.hdf5": (None, 42),
    "pyzzle_digits_h5_named_keras.keras": (None, 28, 28, 1),
    "tensorspace_mnist_216.h5": (None, 28, 28),
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    keras.backend.clear_session()


def test_the_corpus_is_whole() -> None:
    manifest = json.loads((CORPUS / "manifest.json").read_text())
    named = {one["name"] for one in manifest if "_weights." not in one["name"]}
    assert {path.name for path in models()} == named
    assert len(named) == 47


@pytest.mark.parametrize("path", models(), ids=lambda path: path.name)
def test_exactly_these_files_are_refused_and_for_these_reasons(path: Path) -> None:
    assert row(path).code == REFUSED.get(path.name)


WITH_WEIGHTS = [path for path in GOOD if path.suffix not in (".json", ".yaml") or weights_of(path)]


@pytest.mark.parametrize("path", WITH_WEIGHTS, ids=lambda path: path.name)
def test_real_models_are_rewritten_as_they_are_built_and_saved(path: Path, tmp_path: Path) -> None:
    base = patchspec.open_base(path, weights_of(path))
    plan = patchspec.resolve("patchspec: 1\noperations: []\n", base)
    if base.variables is None or path.name == "authai_transformer.keras":
        # An optimizer over layers with parts: only Keras knows the order of its state.
        assert base.variables is None or obstacle(plan) is not None
        return
    one = patchspec.rewrite(plan, tmp_path / "one.keras")
    assert one.read_bytes() == patchspec.build(plan).save(tmp_path / "two.keras").read_bytes()


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_the_variables_that_the_config_promises_are_those_of_the_live_model(path: Path) -> None:
    base = patchspec.open_base(path, weights_of(path))
    live = shapes(base)
    promised = {p.path(i) for p in parts_of_model(base.graph) for i in range(len(p.leaves or ()))}
    assert promised == set(live)
    if base.variables is not None:
        assert {path: v.shape for path, v in base.variables.items()} == live
        for variable in base.variables.values():
            assert variable.read().shape == variable.shape


@pytest.mark.parametrize("name", INPUTS)
def test_a_sequential_takes_what_its_first_layer_said(name: str) -> None:
    base = patchspec.open_base(CORPUS / name)
    [entrance] = [layer for layer in base.graph.in_order if layer.is_input]
    shape = tuple(entrance.config["batch_shape"])
    assert shape == INPUTS[name] or INPUTS[name] is None
    assert rebuilt(base).input_shape == shape


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_plain_keras_loads_what_upgrade_writes_and_computes_the_same(
    path: Path, tmp_path: Path
) -> None:
    base = patchspec.open_base(path, weights_of(path))
    if base.variables is None:
        pytest.skip("an architecture alone")
    written = write_base(base, tmp_path / "new.keras")
    loaded = keras.saving.load_model(written)
    given = inputs_for(loaded)
    mine, theirs = (outputs(model, given) for model in (rebuilt(base), loaded))
    assert all((a == b).all() for a, b in zip(mine, theirs, strict=True))
    assert patchspec.open_base(written).state == base.state
    assert patchspec.open_base(written).architecture == base.architecture


def inputs_for(model: keras.Model) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = [[2, *(24 if n is None else n for n in tensor.shape[1:])] for tensor in model.inputs]
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


def outputs(model: keras.Model, given: list[np.ndarray]) -> list[np.ndarray]:
    made = model(given if len(given) > 1 else given[0], training=False)
    return [np.asarray(one) for one in (made if isinstance(made, (list, tuple)) else [made])]


def test_weights_whose_layers_have_other_names_are_refused_by_name() -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.open_base(CORPUS / "kotlindl_lstm.json", CORPUS / "kotlindl_lstm_weights.h5")
    assert {problem.code for problem in caught.value.problems} == {"PS913"}
    said = str(caught.value)
    assert "lstm_9" in said
    assert "lstm_3/cell" in said
