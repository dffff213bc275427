"""Functional subclasses: opened through their graph, as KerasHub's backbones need."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import patchspec
from patchspec.cli.main import main
from patchspec.problems import PatchError
from patchspec.review.plans import plan_text
from tests.conftest import SAMPLES, patch_of
from tests.nested_models import outputs, same
from tests.zoo import randomised

Builds = Callable[..., Any]


@cache
def backbones() -> dict[str, Any]:
    import keras_hub  # noqa: PLC0415 (four seconds that only these tests need)

    models = keras_hub.models
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 8}
    made = {
        "bert": models.BertBackbone(
            vocabulary_size=50, intermediate_dim=16, max_sequence_length=12, **sizes
        ),
        "vit": models.ViTBackbone(image_shape=(16, 16, 3), patch_size=4, mlp_dim=16, **sizes),
        "resnet": models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[3],
            stackwise_num_filters=[64],
            stackwise_num_blocks=[1],
            stackwise_num_strides=[1],
            block_type="basic_block",
            image_shape=(16, 16, 3),
        ),
    }
    return {name: randomised(model) for name, model in made.items()}


def batch(model: Any) -> Any:
    random = np.random.default_rng(0)

    def of(tensor: Any) -> Any:
        shape = [n or size for n, size in zip(tensor.shape, (2, 7, 3, 3), strict=False)]
        whole = "int" in str(tensor.dtype)
        return (
            random.integers(0, 2, shape) if whole else random.normal(size=shape).astype("float32")
        )

    return keras.tree.map_structure(of, model.input)


def made(model: Any, inputs: Any) -> list[Any]:
    return [np.array(t) for t in keras.tree.flatten(model(inputs, training=False))]


NAMES = ("bert", "vit", "resnet")
LAST = {"bert": "transformer_layer_1", "vit": "vit_encoder", "resnet": "stack0_block0_out"}


@pytest.mark.parametrize("name", NAMES)
def test_a_live_backbone_is_patched_as_a_plain_functional_model(
    name: str, builds: Builds, tmp_path: Path
) -> None:
    """T25: a constructor of its own hides a graph that is there."""
    base = backbones()[name]
    config, before = base.to_json(), [np.array(v) for v in base.weights]
    new = "{class: Dropout, name: n, config: {rate: 0.5}}"
    variant = builds(base, f"- {{op: insert, after: {LAST[name]}, new: {new}}}")
    assert type(variant.model).__name__ == "Functional"
    assert "becomes a plain functional model" in plan_text(variant.plan)
    inputs = batch(base)
    assert same(made(variant.model, inputs), made(base, inputs))
    loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
    assert same(made(loaded, inputs), made(base, inputs))
    assert base.to_json() == config
    assert same([np.array(v) for v in base.weights], before)


@pytest.mark.parametrize("name", NAMES)
def test_a_backbone_in_a_file_is_opened_by_its_package(
    name: str, tmp_path: Path, capsys: Any
) -> None:
    base = backbones()[name]
    file, patch = tmp_path / "base.keras", tmp_path / "p.patchspec.yaml"
    base.save(file)
    patch.write_text(
        f"patchspec: 1\noperations:\n  - {{op: expose-output, outputs: {{e: {LAST[name]}}}}}\n"
    )
    assert main(["plan", str(file), str(patch)]) == 1
    assert "--custom-objects keras_hub" in capsys.readouterr().err
    output = tmp_path / "v.keras"
    arguments = [str(file), str(patch), "-o", str(output), "--custom-objects", "keras_hub"]
    assert main(["apply", *arguments]) == 0
    inputs = batch(base)
    found = keras.saving.load_model(output)(inputs, training=False)
    wanted = base(inputs, training=False)
    if isinstance(wanted, dict):
        assert set(found) == {*wanted, "e"}
        found = {key: found[key] for key in wanted}
    else:
        found = found[0]
    as_arrays = [[np.array(t) for t in keras.tree.flatten(value)] for value in (found, wanted)]
    assert same(*as_arrays)
    live = patchspec.apply(base, patch)
    assert live.state == patchspec.open_base(output).state


def task() -> Any:
    backbone = backbones()["bert"]
    hidden = backbone(backbone.input)["pooled_output"]
    return keras.Model(backbone.input, keras.layers.Dense(2, name="head")(hidden), name="task")


@pytest.mark.parametrize("live", [True, False])
def test_a_nested_backbone_is_opened_only_where_a_patch_reaches_into_it(
    live: bool, builds: Builds, tmp_path: Path
) -> None:
    model = randomised(task())
    file = tmp_path / "task.keras"
    model.save(file)
    base = model if live else file
    closed = builds(base, "- {op: freeze, layers: head}")
    assert type(closed.model.get_layer("bert_backbone")).__name__ == "BertBackbone"
    new = "{class: Dropout, name: n, config: {rate: 0.5}}"
    step = f"- {{op: insert, after: bert_backbone/transformer_layer_0, new: {new}}}"
    opened = builds(base, step)
    assert type(opened.model.get_layer("bert_backbone")).__name__ == "Functional"
    assert [o.path for o in opened.plan.base.opened] == ["bert_backbone"]
    inputs = batch(model)
    for variant in (closed, opened):
        assert same(made(variant.model, inputs), made(model, inputs))
        (tmp_path / "v.keras").unlink(missing_ok=True)
        loaded = keras.saving.load_model(variant.save(tmp_path / "v.keras"))
        assert same(made(loaded, inputs), made(model, inputs))
    assert patchspec.open_base(base).architecture == opened.plan.base.architecture
    assert {move.action for move in opened.plan.moves} == {"kept"}


def test_a_class_that_was_not_given_is_asked_for() -> None:
    with pytest.raises(PatchError) as caught:
        patchspec.open_base(SAMPLES / "hub_backbone.keras")
    [problem] = caught.value.problems
    assert problem.code == "PS906"
    assert "hub>Backbone" in problem.notes[0]


def test_what_a_file_says_needs_no_keras_to_be_said(capsys: Any) -> None:
    assert main(["select", "x", str(SAMPLES / "hub_backbone.keras")]) == 1
    assert "error[PS917]" in capsys.readouterr().err


@keras.saving.register_keras_serializable("patchspec_tests")
class Coded(keras.Model):
    """A model whose forward pass is code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


@pytest.mark.parametrize("live", [True, False])
def test_a_purely_subclassed_model_is_refused_with_what_can_be_done(
    live: bool, tmp_path: Path
) -> None:
    model = Coded()
    model(np.zeros((1, 3), "float32"))
    model.save(tmp_path / "m.keras")
    with pytest.raises(PatchError) as caught:
        patchspec.open_base(model if live else tmp_path / "m.keras")
    [problem] = caught.value.problems
    assert problem.code == "PS918"
    assert "functional API" in (problem.hint or "")


def test_the_empty_patch_of_a_subclass_is_the_identity_of_its_graph(builds: Builds) -> None:
    base = backbones()["vit"]
    variant = builds(base, "[]")
    assert len(variant.model.weights) == len(base.weights)
    image = [np.ones((1, 16, 16, 3), "float32")]
    assert same(outputs(variant.model, image), outputs(base, image))
    assert patch_of("[]").steps == ()
