"""The example of digits does what its README says: a reader will try it before anything else."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

import patchspec

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = DIGITS / "digits.keras"
ONE_IMAGE = 1 / 450


@pytest.fixture(scope="module")
def train() -> ModuleType:
    """`train.py` as a module: the split of the data stands there and nowhere else."""
    spec = importlib.util.spec_from_file_location("digits_train", DIGITS / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def unseen(train: ModuleType) -> tuple[np.ndarray, np.ndarray]:
    _, _, images, labels = train.digits()
    return images, labels


@pytest.fixture
def base() -> Any:
    return keras.saving.load_model(MODEL)


def test_the_stored_model_is_under_one_megabyte() -> None:
    assert MODEL.stat().st_size < 1_000_000


def test_the_stored_model_is_the_one_that_train_py_describes(train: ModuleType, base: Any) -> None:
    assert base.to_json() == _compiled_like(train.model(), base).to_json()


def test_the_stored_model_has_the_accuracy_that_the_readme_quotes(
    unseen: tuple[np.ndarray, np.ndarray], base: Any
) -> None:
    quoted = re.findall(r"\baccuracy (\d\.\d{4}), \d+ KiB", (DIGITS / "README.md").read_text())
    assert len(quoted) == 1
    images, labels = unseen
    right = np.argmax(base.predict(images, verbose=0), axis=1) == labels

    # Another processor rounds otherwise, which may turn one image at the border.
    assert float(right.mean()) == pytest.approx(float(quoted[0]), abs=ONE_IMAGE + 5e-5)
    assert right.mean() >= 0.98


def test_the_embedding_patch_keeps_the_predictions_bit_by_bit(
    unseen: tuple[np.ndarray, np.ndarray], base: Any
) -> None:
    images, _ = unseen
    variant = patchspec.apply(MODEL, DIGITS / "embedding.patchspec.yaml")
    predicted, embedding = variant.model.predict(images, verbose=0)

    assert variant.model.output_names == ["digit", "embedding"]
    assert np.array_equal(predicted, base.predict(images, verbose=0))
    inner = keras.Model(base.inputs, base.get_layer("embedding").output)
    assert np.array_equal(embedding, inner.predict(images, verbose=0))
    assert embedding.shape == (450, 32)


def test_the_parity_patch_leaves_only_the_new_head_to_train(base: Any) -> None:
    model = patchspec.apply(MODEL, DIGITS / "parity.patchspec.yaml").model

    assert model.output_shape == (None, 1)
    assert [v.path for v in model.trainable_variables] == ["odd/kernel", "odd/bias"]
    for layer in base.layers:
        if layer.name != "digit":
            kept = model.get_layer(layer.name).get_weights()
            assert all(map(np.array_equal, kept, layer.get_weights()))


def test_every_operation_of_the_good_patches_says_why() -> None:
    for name in ("embedding", "parity"):
        text = (DIGITS / f"{name}.patchspec.yaml").read_text()
        assert text.count("why: ") == text.count("- op: ")


def test_the_broken_patch_is_refused_with_all_its_mistakes_at_once() -> None:
    with pytest.raises(patchspec.PatchError) as caught:
        patchspec.parse(DIGITS / "broken.patchspec.yaml")

    found = [(p.code, p.span.line if p.span else None) for p in caught.value.problems]
    assert found == [("PS211", 7), ("PS211", 7), ("PS201", 9), ("PS210", 12)]


def test_the_demo_runs_to_its_end() -> None:
    done = subprocess.run(
        [sys.executable, str(DIGITS / "demo.py")],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Done.\n")
    assert done.stdout.count("\nok: ") == 5
    assert "FAILED" not in done.stdout


def _compiled_like(model: Any, other: Any) -> Any:
    model.compile_from_config(other.get_compile_config())
    return model
