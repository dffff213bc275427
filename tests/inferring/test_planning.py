"""Planning without Keras, and with as little of it as can be: counted in imports, not seconds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

import patchspec
from patchspec import distributions
from patchspec.building.live import resolve_with_keras
from patchspec.building.tensorflow import not_for_keras
from patchspec.cli import backend
from patchspec.inferring import installed, resolving
from patchspec.inferring.free import any_backend_will_do
from patchspec.models.base import Base
from patchspec.models.opening import open_base
from patchspec.planning.plan import Plan
from patchspec.problems import PatchError
from patchspec.review.plans import plan_json
from tests.configs import chain, entrance, layer, model, node, tensor
from tests.conftest import SAMPLES, patch_of
from tests.inferring.running import command

DROPOUT = "- {op: insert, after: %s, new: {class: Dropout, name: drop, config: {rate: 0.2}}}"
HEAD = """
- op: replace
  layers: %s
  new: {class: Dense, name: species, config: {units: 3, activation: softmax}}
- {op: freeze, layers: {name: "**", not: species}}
"""
RENAMED = """
- {op: freeze, layers: "*"}
- {op: rename, layers: %s, name: other}
"""
WRAPPED = """
- op: insert
  after: %s
  new: {class: Reshape, name: steps, config: {target_shape: [2, -1]}}
- op: insert
  after: steps
  new: {class: Bidirectional, name: both, config: {layer: {class: GRU, config: {units: 4}}}}
"""
WIDE = """
- {op: insert, after: %s, new: {class: Conv2D, name: c, config: {filters: 4, kernel_size: 99}}}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A little of all that the large applications are made of."""
    layers = keras.layers
    x = image = keras.Input((32, 32, 3), name="image")
    x = layers.Rescaling(1 / 255, name="scaled")(x)
    x = layers.Normalization(name="normed")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="padded")(x)
    x = layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv")(x)
    x = layers.BatchNormalization(name="bn")(x)
    x = y = layers.Activation("swish", name="swish")(x)
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = layers.Add(name="sum")([x, y])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, noise_shape=(None, 1), name="dropped")(x)
    outputs = layers.Dense(10, name="head")(x)
    path = tmp_path_factory.mktemp("models") / "small.keras"
    keras.Model(image, outputs).save(path)
    return path


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    """The file of a patch of these steps."""

    def write(steps: str) -> Path:
        steps, _, rest = steps.strip().partition("\ncompile:")
        body = "".join(f"  {line}\n" for line in steps.splitlines())
        if rest:
            body += f"compile:{rest}\n"
        path = tmp_path / "p.patchspec.yaml"
        path.write_text(f"patchspec: 1\nseed: 7\noperations:\n{body}")
        return path

    return write


def compared(plan: Plan) -> Any:
    return (
        plan_json(plan, with_config=True),
        [(move, move.initializer) for move in plan.moves],
        plan.document,
    )


def said_by(plan: Callable[[], Plan]) -> Any:
    """All that comes of a plan, be it problems."""
    try:
        return compared(plan())
    except PatchError as error:
        return error.problems


COMMON = [
    DROPOUT % "pool",
    HEAD % "head",
    RENAMED % "bn",
    DROPOUT % "swish",
    "- {op: remove, layers: swish}",
]


@pytest.mark.parametrize("steps", COMMON)
def test_common_patches_are_planned_without_keras(
    small: Path, written: Callable[[str], Path], steps: str
) -> None:
    path = written(steps)
    run = command("plan", small, path, "--json", "--with-config")
    assert run.loaded == []
    assert run.code == 0
    theirs = plan_json(
        resolve_with_keras(patchspec.parse(path), open_base(small)), with_config=True
    )
    assert json.loads(run.out) == json.loads(json.dumps(theirs))


@pytest.mark.parametrize(
    "steps",
    [
        *COMMON,
        WRAPPED % "head",
        WIDE % "image",
        "- {op: insert, after: pool, new: {class: MaxPooling2D, name: m}}",
        "- {op: insert, after: pool, new: {class: PReLU, name: d, config: {shared_axes: [7]}}}",
        "- {op: set, layers: conv, config: {groups: 2}}",
        "- {op: set, layers: bn, config: {axis: 9}}",
        "- {op: set, layers: conv, config: {filters: 4}, weights: {kernel: init}}",
        "- {op: insert, after: image, new: {class: Normalization, name: n}}",
    ],
)
def test_whoever_finds_the_shapes_the_plan_is_the_same(small: Path, steps: str) -> None:
    """Also its problems, in Keras's own words."""
    base, patch = open_base(small), patch_of(steps)
    mine = said_by(lambda: resolving.resolve_lightly(patch, base))
    assert mine == said_by(lambda: resolve_with_keras(patch, base))


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.keras")), ids=lambda p: p.stem)
def test_the_samples_are_planned_alike(path: Path) -> None:
    try:
        base = open_base(path)
    except PatchError:
        return
    last = [layer.name for layer in base.graph.in_order if not layer.is_input][-1]
    for steps in (
        "- {op: freeze, layers: '*'}",
        DROPOUT % last,
        DROPOUT % base.graph.in_order[0].name,
    ):
        patch = patch_of(steps)
        mine = said_by(lambda: resolving.resolve_lightly(patch, base))  # noqa: B023
        assert mine == said_by(lambda: resolve_with_keras(patch, base))  # noqa: B023


COMPILED = """
- {op: freeze, layers: {class: Conv2D}}
compile:
  optimizer: {class: AdamW, config: {weight_decay: 0.01}}
  loss: {class: CategoricalCrossentropy, config: {label_smoothing: 0.1}}
  metrics: [accuracy]
"""


@pytest.mark.parametrize("steps", [WRAPPED % "head", COMPILED])
def test_where_keras_is_needed_a_command_waits_for_no_tensorflow(
    small: Path, written: Callable[[str], Path], steps: str
) -> None:
    path = written(steps)
    light = command("plan", small, path, "--json", "--with-config")
    assert (light.backend, light.loaded, light.code) == ("numpy", ["keras", "jax"], 0)
    theirs = plan_json(
        resolve_with_keras(patchspec.parse(path), open_base(small)), with_config=True
    )
    assert json.loads(light.out) == json.loads(json.dumps(theirs))


def test_the_words_of_a_refusal_are_the_same_on_either_backend(
    small: Path, written: Callable[[str], Path]
) -> None:
    path = written("- {op: insert, after: pool, new: {class: MaxPooling2D, name: m}}")
    light = command("plan", small, path, "--json")
    full = command("plan", small, path, "--json", KERAS_BACKEND="tensorflow")
    assert (light.backend, full.backend) == ("numpy", "tensorflow")
    assert light.out == full.out


def test_the_shapes_of_a_model_alone_need_no_keras_either(small: Path) -> None:
    assert command("inspect", small, "--json").loaded == []
    assert command("select", "{class: Conv2D, output_shape: [null, 16, 16, 8]}", small).loaded == []


def test_what_needs_tensorflow_gets_it(small: Path, written: Callable[[str], Path]) -> None:
    """Of a lookup the dtype is that of the backend, so no other backend will do."""
    path = written(
        "- {op: insert, after: head, new: {class: Discretization, name: bins, config: "
        "{bin_boundaries: [0.0, 1.0]}}}"
    )
    assert command("plan", small, path).backend == "tensorflow"


def test_a_backend_that_was_chosen_is_kept(small: Path, written: Callable[[str], Path]) -> None:
    path = written(WRAPPED % "head")
    assert command("plan", small, path, KERAS_BACKEND="jax").backend == "jax"


def test_objects_of_the_user_s_go_before_keras_s_own(small: Path) -> None:
    """Whoever registers an activation called `relu` means his own."""
    assert resolving.only_keras_can(open_base(small), None) is False
    assert resolving.only_keras_can(open_base(small), {"Own": object}) is True
    with keras.saving.CustomObjectScope({"relu": abs}):
        assert resolving.only_keras_can(open_base(small), None) is True
    keras.saving.get_custom_objects()["relu"] = abs
    try:
        assert resolving.only_keras_can(open_base(small), None) is True
    finally:
        del keras.saving.get_custom_objects()["relu"]


def test_a_keras_that_is_too_old_says_so_itself(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributions, "version_of", lambda _: "3.14.0")
    assert resolving.only_keras_can(open_base(small), None) is True


def test_the_backend_of_keras_is_known_before_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert installed.backend_of_keras() == keras.config.backend()
    monkeypatch.setattr(installed, "is_imported", lambda: False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert installed.backend_of_keras() == "tensorflow"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert installed.backend_of_keras() == "torch"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert installed.backend_of_keras() == "jax"


def test_tensorflow_is_taken_for_missing_only_where_keras_asks_as_it_does_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from keras.src.utils import module_utils  # noqa: PLC0415

    monkeypatch.setattr(module_utils.tensorflow, "_available", True)
    assert not_for_keras()
    assert not module_utils.tensorflow.available
    monkeypatch.setattr(module_utils, "tensorflow", object())
    assert not not_for_keras()


def test_a_command_that_lacks_what_the_light_backend_imports_takes_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(backend, "is_imported", lambda: False)
    monkeypatch.setattr(backend, "backend_of_keras", lambda: "tensorflow")
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr(backend, "find_spec", asked.append)
    backend.use_light_backend()
    assert asked == ["jax"]
    assert "KERAS_BACKEND" not in os.environ


BOUND = [
    "- {op: insert, after: x, new: {class: StringLookup, name: n, config: {vocabulary: [a]}}}",
    "- {op: insert, after: x, new: {class: 'own>Layer', name: n}}",
    "- {op: json, layers: a, patch: [{op: add, path: /synchronized, value: true}]}",
    "- {op: set, layers: a, config: {synchronized: true}}",
]


def test_a_backend_does_only_where_all_are_alike() -> None:
    plain = patch_of(DROPOUT % "x")
    base = Base(chain("a"))
    assert any_backend_will_do([base], [plain])
    for steps in BOUND:
        assert not any_backend_will_do([base], [patch_of(steps)])
    for bound in (
        layer("Discretization", "b", [node(tensor("x"))]),
        layer("Normalization", "b", [node(tensor("x"))], mean=[0.0], variance=[1.0]),
        {**layer("Dense", "b", [node(tensor("x"))]), "class_name": "Own"},
        {**entrance("y"), "config": {**entrance("y")["config"], "sparse": True}},
    ):
        assert not any_backend_will_do([Base(model([entrance(), bound], ["b", 0, 0]))], [plain])
