"""What the upgraded models compute, against tf-keras: the same to 1e-5.

Keras 2 runs in a Python of its own, `.venv/keras2`, over the corpus, the samples, and models of
every layer that the upgrade treats in a way of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

import patchspec
from patchspec.models.base import Base
from tests.corpus.files import CORPUS, KERAS2, SAMPLES, models, weights_of
from tests.corpus.table import IDENTITY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not KERAS2.exists(), reason="`make test-all` makes .venv/keras2"),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not here"),
]
TOLERANCE = 1e-5
SCRIPT = Path(__file__).with_name("keras2_outputs.py")
NOT_IN_KERAS2 = {
    # Keras 0 and 1, and current files
    "authai_ae_nested.keras",
    "authai_transformer.keras",
    "deeplift_graph_keras0.yaml",
    "deeplift_maxout_keras0.yaml",
    "deeplift_mnist_prelu_keras1.yaml",
    "dl4j_keras1_mlp_fapi.json",
    "dl4j_keras1_yolo_seq.json",
    "kerasjs_resnet50_keras1.json",
    # tf-keras reads no YAML
    "betago_demo_bot_keras2.yml",
}
FAIL_IN_KERAS2 = {
    # `Merge` is not in tf-keras, nor are the layers of third parties and those of Keras 1
    "cyclegan_unet_source_224tf.h5",
    "dl4j_11_inputs_theano.json",
    "dl4j_model_lambda.h5",
    "dl4j_simple_lstm_keras1_tf.h5",
    "keras_nested_container_custom.keras",
    "kipoi_rbp_spline.json",
    # paths with backslashes, which only Windows finds again
    "pyzzle_digits_tf213.keras",
    "tfk_lambda.keras",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what Keras 2 computed."""
    folder = tmp_path_factory.mktemp("keras2")
    files = [path for path in models() if path.name not in NOT_IN_KERAS2]
    files += sorted(p for p in SAMPLES.glob("tfk_*") if p.suffix in (".h5", ".keras"))
    files = [path for path in files if not path.name.endswith(".weights.h5")]
    said = []
    for path in files:
        weights = weights_of(path)
        said.append(f"{path}={weights}" if weights else str(path))
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [str(KERAS2), str(SCRIPT), str(folder), *said],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_tf_keras_loads_all_but_these(recorded: Path) -> None:
    assert set(json.loads((recorded / "failures.json").read_text())) == FAIL_IN_KERAS2


@pytest.mark.filterwarnings("ignore:.*does not support masking.*:UserWarning")
def test_every_model_computes_what_it_did_in_keras_2(recorded: Path) -> None:
    wrong = {}
    compared = sorted(recorded.glob("*.npz"))
    for path in compared:
        name = path.name.removesuffix(".npz")
        if name == "tfk_lambda.h5":
            continue
        keras.backend.clear_session()
        places = (CORPUS / name, SAMPLES / name, recorded / name)
        file = next(place for place in places if place.exists())
        apart = recorded / f"{name}.weights.h5"
        weights = apart if apart.exists() else weights_of(file)
        base = patchspec.open_base(file, weights)
        said = worst(base, np.load(path))
        if said > TOLERANCE:
            wrong[name] = said
    assert wrong == {}
    assert len(compared) >= 90


def worst(base: Base, arrays: np.lib.npyio.NpzFile) -> float:
    """The largest difference between outputs, relative where they are larger than one."""
    model = patchspec.apply(base, patchspec.parse(IDENTITY)).model
    given = [arrays[f"in{i}"] for i in range(len(model.inputs))]
    passed = given if len(given) > 1 else given[0]
    named = base.document["config"].get("input_layers")
    if isinstance(named, dict):
        passed = dict(zip(sorted(named), given, strict=True))
    made = model(passed, training=False)
    listed = made if isinstance(made, (list, tuple)) else [made]
    found = 0.0
    for i, one in enumerate(listed):
        theirs, mine = arrays[f"out{i}"], np.asarray(one)
        assert mine.shape == theirs.shape
        assert np.isfinite(theirs).all()
        found = max(found, float((np.abs(mine - theirs) / np.maximum(1.0, np.abs(theirs))).max()))
    return found
