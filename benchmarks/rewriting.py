"""A patch from file to file, beside Keras, beside `clone_model`, and beside `cp`."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.processes import PATCHSPEC, Cost, gone, in_turn, one

GIGABYTE = "a model of 1 GB"
APPLICATIONS = (
    "ResNet50", "EfficientNetB7", "NASNetLarge", "MobileNetV2", "MobileNetV3Small",
    "EfficientNetB0", "EfficientNetV2B0", "DenseNet121", "InceptionV3", "Xception",
    "NASNetMobile", "ConvNeXtTiny", "VGG16", "InceptionResNetV2",
)  # fmt: skip
_HERE = (sys.executable, "-m", "benchmarks.rewriting")
ALLOWED = 2.0, 0.25
"""What the whole may take: times that of `cp`, and seconds."""


def lines() -> Iterator[str]:
    """The gigabyte, then eight of them, then real architectures."""
    with tempfile.TemporaryDirectory() as made:
        yield from _of_a_gigabyte(Path(made))
    with tempfile.TemporaryDirectory() as made:
        yield from _of_eight_gigabytes(Path(made))
    for name in APPLICATIONS:
        with tempfile.TemporaryDirectory() as made:
            yield _of_an_application(name, Path(made))


def _of_a_gigabyte(folder: Path) -> Iterator[str]:
    base = folder / "base.keras"
    one([*_HERE, "large", str(base)])
    found = measured(base, folder)
    ours, theirs, copied = found["ours"], found["rebuild"], found["cp"]
    limit = ALLOWED[0] * copied.seconds + ALLOWED[1]
    yield f"{GIGABYTE} ({base.stat().st_size / 1e9:.2f} GB): {ours}"
    yield (
        f"  load, from_config, set_weights, save: {theirs}; "
        f"{theirs.seconds / ours.seconds:.0f} times as fast (target 20), "
        f"{theirs.memory / ours.memory:.0f} times less memory (target 40)"
    )
    yield (
        f"  clone_model, set_weights, save: {found['clone']}; "
        f"{found['clone'].seconds / ours.seconds:.0f} times as fast"
    )
    yield (
        f"  cp: {copied.seconds:.2f} s, so {limit:.2f} s allowed (target 2 x cp + 0.25 s); "
        f"{ours.seconds / limit:.2f} of that"
    )


def _of_eight_gigabytes(folder: Path) -> Iterator[str]:
    base, out = folder / "base.keras", folder / "out.keras"
    one([*_HERE, "sparse", str(base)])
    patch = folder / "p.patchspec.yaml"
    patch.write_text(json.dumps(patch_for(json.loads(_config(base)))))
    cost = in_turn({"ours": _apply(base, patch, out)}, before=gone(out))["ours"]
    yield (
        f"8 GB of zeros ({base.stat().st_size / 1e9:.1f} GB): {cost.memory / 2**20:.0f} MiB "
        "(target 80 MiB whatever the size)"
    )


def _of_an_application(name: str, folder: Path) -> str:
    base = folder / "base.keras"
    one([*_HERE, "application", name, str(base)])
    found = measured(base, folder)
    ours = found["ours"]
    ratios = ", ".join(
        f"{said} {found[key].seconds:.1f} s ({found[key].seconds / ours.seconds:.0f} times as "
        f"fast, {found[key].memory / ours.memory:.0f} times less memory)"
        for key, said in (("rebuild", "Keras"), ("clone", "clone_model"))
    )
    size = base.stat().st_size / 1e6
    return f"{name} ({size:,.0f} MB): {ours}; {ratios}; cp {found['cp'].seconds:.2f} s"


def measured(base: Path, folder: Path) -> dict[str, Cost]:
    """What the patch costs, ours and its peers', on one model."""
    document = json.loads(_config(base))
    patch, edited, out = folder / "p.patchspec.yaml", folder / "edited.json", folder / "out.keras"
    patch.write_text(json.dumps(patch_for(document)))
    one([*_HERE, "edited", str(base), str(patch), str(edited)])
    peers = (sys.executable, "-m", "benchmarks.peers")
    commands: Mapping[str, Sequence[str]] = {
        "ours": _apply(base, patch, out),
        "cp": ("cp", str(base), str(out)),
        "rebuild": (*peers, "rebuild", str(base), str(edited), str(out)),
        "clone": (*peers, "clone", str(base), str(out)),
    }
    return in_turn(commands, before=gone(out))


def _apply(base: Path, patch: Path, out: Path) -> tuple[str, ...]:
    return (*PATCHSPEC, "apply", str(base), str(patch), "-o", str(out))


def _config(base: Path) -> str:
    import zipfile

    with zipfile.ZipFile(base) as archive:
        return archive.read("config.json").decode()


def patch_for(document: Mapping[str, Any]) -> dict[str, Any]:
    """Insert BatchNormalization and Dropout, replace the head, freeze, expose, rename."""
    layers = document["config"]["layers"]
    plain = [x["name"] for x in layers if x["class_name"] in ("Conv2D", "Dense")]
    head, middle, first = plain[-1], plain[len(plain) // 2], plain[0]
    return {
        "patchspec": 1,
        "operations": [
            {
                "op": "insert",
                "after": middle,
                "new": [
                    {"class": "BatchNormalization", "name": "more_norm"},
                    {"class": "Dropout", "name": "more_drop", "config": {"rate": 0.3}},
                ],
            },
            {
                "op": "replace",
                "layers": head,
                "new": {
                    "class": "Dense",
                    "name": "new_head",
                    "config": {"units": 10, "activation": "softmax"},
                    "weights": "init",
                },
            },
            {"op": "freeze", "layers": plain[1 : len(plain) // 2]},
            {"op": "expose-output", "outputs": {"features": "more_drop"}},
            {"op": "rename", "layers": first, "name": "first"},
        ],
    }


def _write_large(path: str) -> None:
    """A VGG of 1.0 GB, as Keras saves it."""
    import keras
    from keras import layers

    x = image = keras.Input((224, 224, 3))
    for block, filters in enumerate((64, 128, 256, 512, 512)):
        for number in range(2):
            name = f"block{block}_conv{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(x)
        x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(8192, activation="relu", name="fc1")(x)
    x = layers.Dense(4096, activation="relu", name="fc2")(x)
    keras.Model(image, layers.Dense(1000, activation="softmax", name="predictions")(x)).save(path)


def _write_sparse(path: str) -> None:
    """A chain of Dense layers of 8 GB whose values are holes of the file: they read as zeros."""
    from benchmarks.growth import chain, write_chain

    write_chain(Path(path), chain(20, 10_000), holes=True)


def _write_application(name: str, path: str) -> None:
    import keras

    getattr(keras.applications, name)(weights=None).save(path)


def _write_edited(base: str, patch: str, path: str) -> None:
    """The config that the patch makes, and where its layers come from."""
    import patchspec

    plan = patchspec.resolve(patch, base)
    layers = [x for x in plan.graph.walk() if not (x.is_operation or x.parents)]
    origins = {layer.name: plan.origins.get(layer.path) for layer in layers}
    said = {"config": plan.written_document["config"], "origins": origins}
    Path(path).write_text(json.dumps(said))


if __name__ == "__main__":
    {
        "large": _write_large,
        "sparse": _write_sparse,
        "application": _write_application,
        "edited": _write_edited,
    }[sys.argv[1]](*sys.argv[2:])
