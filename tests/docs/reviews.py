"""The comments and pages that `docs/review.md` shows: one of each for six patches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import keras

import examples.models
from patchspec.cli.main import main
from tests.docs.running import ROOT, clean_folder, command_output

REVIEWS = ROOT / "docs" / "review"


@dataclass(frozen=True)
class Review:
    """A patch, and the model that it is shown on."""

    patch: str
    model: str
    settings: Mapping[str, str] = field(default_factory=dict)


SHOWN = (
    Review("new-head", "small"),
    Review("dropout-by-pattern", "small"),
    Review("pyramid", "resnet50"),
    Review("swish", "small"),
    Review("grey-input", "small", {"size": "16", "first": "stem"}),
    Review("unet-skip", "unet"),
)


def save_model(name: str) -> str:
    """The file of a model whose values are the same on every machine, or of its architecture."""
    keras.backend.clear_session()
    if name == "resnet50":
        model = keras.applications.ResNet50(weights=None, input_shape=(224, 224, 3))
        config = json.loads(model.to_json())
        Path("resnet50.json").write_text(json.dumps(config), encoding="utf-8")
        return "resnet50.json"
    model = getattr(examples.models, name)()
    for variable in model.variables:
        variable.assign(keras.ops.ones(variable.shape, variable.dtype))
    model.save(f"{name}.keras")
    return f"{name}.keras"


def made() -> Iterator[tuple[str, str]]:
    """The name and the text of each file."""
    for review in SHOWN:
        with clean_folder() as folder:
            file = f"{review.patch}.patchspec.yaml"
            shutil.copy(ROOT / "patches" / file, folder / file)
            base = save_model(review.model)
            sets = "".join(f" --set {k}={v}" for k, v in review.settings.items())
            words = f"{base} {file}{sets}"
            report = f"{review.patch}.html"
            yield (
                f"{review.patch}.md",
                command_output(f"patchspec plan {words} --format markdown --report {report}"),
            )
            assert main(["report", *words.split(), "-o", report]) == 0
            yield report, (folder / report).read_text(encoding="utf-8")


def write() -> None:
    """Write them all."""
    REVIEWS.mkdir(exist_ok=True)
    for name, text in made():
        (REVIEWS / name).write_text(text, encoding="utf-8")
