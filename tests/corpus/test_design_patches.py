"""Every patch of the design resolves on its model, where its operations exist by now."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import pytest

import patchspec
from patchspec.language.source import read_file
from patchspec.operations import operations
from tests.applications.surgery_models import (
    CUSTOM,
    captcha,
    char_cnn,
    deep_moji,
    load_old,
    nested_mobilenet,
    new_architecture,
)
from tests.corpus.files import CORPUS, SAMPLES, SHARED
from tests.zoo import A

PATCHES = SHARED / "design" / "patches"

pytestmark = pytest.mark.slow


def _patches() -> list[Path]:
    return sorted(PATCHES.glob("*.yaml")) if PATCHES.is_dir() else []


def _later(path: Path) -> str | None:
    """What a patch needs that is not there yet."""
    data = read_file(path).data
    if data.get("kind"):
        return f"kind: {data['kind']}"
    missing = {step["op"] for step in data["operations"]} - set(operations())
    return ", ".join(sorted(missing)) or None


MODELS: Mapping[str, Callable[[], Any]] = {
    "vgg16-32.keras": lambda: A.VGG16(weights=None, input_shape=(32, 32, 3)),
    "mnv2-32.keras": lambda: A.MobileNetV2(weights=None, input_shape=(32, 32, 3)),
    "resnet50.keras": lambda: A.ResNet50(weights=None, input_shape=(64, 64, 3)),
    "effb0-10.keras": lambda: A.EfficientNetB0(weights=None, classes=10),
    "nested-mnv2.keras": nested_mobilenet,
    "irv2.keras": lambda: A.InceptionResNetV2(weights=None, input_shape=(75, 75, 3)),
    "xception.keras": lambda: A.Xception(weights=None, input_shape=(299, 299, 3)),
    "deepmoji.keras": deep_moji,
    "captcha.keras": captcha,
    "charcnn.keras": char_cnn,
    "new25.json": new_architecture,
}


def compiled(model: Any) -> Any:
    model.compile("adam", "categorical_crossentropy")
    return model


@pytest.mark.parametrize("path", _patches(), ids=lambda path: path.name.split(".")[0])
def test_a_patch_of_the_design_resolves_on_its_model(path: Path, tmp_path: Path) -> None:
    later = _later(path)
    if later:
        pytest.skip(f"it needs {later}, which comes later")
    settings = {"classes": 4} if "settings" in read_file(path).data else {}
    patch = patchspec.parse(path, settings)
    name = Path(str(patch.base.path)).name
    folder = str(patch.base.path).split("/")[0]
    base: Any = {"corpus": CORPUS, "samples": SAMPLES}.get(folder, tmp_path) / name
    if folder == "models":
        keras.backend.clear_session()
        base = MODELS[name]()
        if patch.compile == "keep":
            base = compiled(base)
        if name.endswith(".json"):
            (tmp_path / name).write_text(base.to_json())
            base = tmp_path / name
    elif not base.exists():
        pytest.skip(f"{name} is not in the corpus")
    models = {"old": load_old()} if patch.models else None
    if path.name.startswith("s01"):
        # A Flatten and a Dense depend on the size there: that must be said, not built.
        with pytest.raises(patchspec.PatchError, match=r"PS501 the `kernel` of `dense`"):
            patchspec.resolve(patch, base)
        return
    with warnings.catch_warnings():
        # Keras warns of masks that a layer of the test's own model destroys.
        warnings.simplefilter("ignore")
        plan = patchspec.resolve(patch, base, models=models, custom_objects=CUSTOM)
    assert plan.weights_known
    assert all(check.holds is not False for check in plan.checks)
    assert plan.is_identity == (not patch.steps)
